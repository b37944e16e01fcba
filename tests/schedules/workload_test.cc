#include "schedules/workload.h"

#include "base/exit_code.h"
#include "base/rng.h"
#include "tests/catch.h"

namespace tunefarm::schedules {
namespace {

const char kConv[] =
    "conv2d:n=1,h=56,w=56,ci=64,co=64,kh=3,kw=3,stride=1,pad=1,layout=nhwc,dtype=f32,epilogue=bias+relu";

TEST_CASE("CanonicalTextIsTheIdentity") {
  for (const std::string& text :
       {std::string(kConv), std::string("matmul:m=1024,n=1024,k=1024,dtype=f32"),
        std::string("batch_matmul:b=12,m=128,n=64,k=128,dtype=f32"),
        std::string("dense:m=1,n=1000,k=2048,dtype=f32,epilogue=bias"),
        std::string(
            "conv2d:n=2,h=9,w=8,ci=6,co=4,kh=3,kw=1,stride=2,pad=0,dilation=2,groups=2,layout=nchw,dtype=f32,"
            "epilogue=relu6+residual"),
        std::string("depthwise_conv2d:n=1,h=9,w=8,c=6,kh=3,kw=3,stride=2,pad=1,mult=2,layout=nchw,dtype=f32"),
        std::string("conv2d:n=1,h=9,w=8,ci=16,co=8,kh=3,kw=1,stride=1,pad=0,layout=nchw8c,dtype=f32"),
        std::string("depthwise_conv2d:n=1,h=9,w=8,c=32,kh=3,kw=3,stride=1,pad=1,layout=nchw16c,dtype=f32")}) {
    const absl::StatusOr<Workload> workload = Workload::Parse(text);
    INFO(text << " " << workload.status().message());
    REQUIRE(workload.ok());
    CHECK(workload->ToString() == text);
    CHECK(*Workload::Parse(workload->ToString()) == *workload);
  }
}

TEST_CASE("KeysComeInAnyOrderAndOptionalOnesMayBeLeftOut") {
  const auto parse = [](const char* text) { return Workload::Parse(text).value().ToString(); };
  CHECK(parse("conv2d:epilogue=bias+relu,layout=nhwc,pad=1,kw=3,kh=3,co=64,ci=64,w=56,h=56,n=1") == kConv);
  CHECK(parse("conv2d:n=1,h=56,w=56,ci=64,co=64,kh=3,kw=3,stride=1,pad=1,dilation=1,groups=1,layout=nhwc,"
              "epilogue=bias+relu") == kConv);
  CHECK(parse("matmul:k=3,n=2,m=1,epilogue=none") == "matmul:m=1,n=2,k=3,dtype=f32");
}

TEST_CASE("HashIsTheStartOfTheDigestOfTheText") {
  const Workload workload = Workload::Parse("matmul:m=1024,n=1024,k=1024").value();
  // printf 'matmul:m=1024,n=1024,k=1024,dtype=f32' | sha256sum
  CHECK(workload.Hash() == "817d356c6ef09814");
  CHECK(workload.Hash() != Workload::Parse("matmul:m=1024,n=1024,k=1025").value().Hash());
}

TEST_CASE("FlopCountsMultiplyAndAddAsTwo") {
  const auto flop = [](const char* text) { return Workload::Parse(text).value().flop(); };
  CHECK(flop("matmul:m=3,n=5,k=7") == 2 * 3 * 5 * 7);
  CHECK(flop("batch_matmul:b=2,m=3,n=5,k=7,epilogue=relu") == 2 * 2 * 3 * 5 * 7);
  // 28x28 outputs of 64 channels, 9 taps of 32 channels each.
  CHECK(flop("conv2d:n=1,h=56,w=56,ci=32,co=64,kh=3,kw=3,stride=2,pad=1,layout=nchw") ==
        2.0 * 28 * 28 * 64 * 9 * 32);
  // Four groups: each output channel sees 8 input channels.
  CHECK(flop("conv2d:n=1,h=56,w=56,ci=32,co=64,kh=3,kw=3,stride=2,pad=1,groups=4,layout=nchw") ==
        2.0 * 28 * 28 * 64 * 9 * 8);
  CHECK(flop("depthwise_conv2d:n=1,h=5,w=5,c=8,kh=3,kw=3,mult=2,layout=nhwc") == 2 * 3 * 3 * 16 * 9);
}

// The error for `text`: code, exit status, the column of its caret, and words it must contain.
void CheckError(const std::string& text, ExitCode exit_code, int column,
                const std::vector<std::string>& words) {
  const absl::Status status = Workload::Parse(text).status();
  const std::string message(status.message());
  INFO(text << "\n" << message);
  REQUIRE(!status.ok());
  CHECK(ExitCodeOf(status) == exit_code);
  CHECK(status.code() == (exit_code == ExitCode::kShapeOverflow ? absl::StatusCode::kOutOfRange
                                                                : absl::StatusCode::kInvalidArgument));
  CHECK(message.find("column " + std::to_string(column) + ":") != std::string::npos);
  for (const std::string& word : words) CHECK(message.find(word) != std::string::npos);
  // Under the text (indented by two) a caret in that column.
  const std::size_t line = message.rfind('\n');
  CHECK(message.substr(line + 1) == std::string(2 + column - 1, ' ') + "^");
}

TEST_CASE("UnknownOperatorIsNamedWithThoseThatExist") {
  CheckError("conv3d:n=1", ExitCode::kUnknownOperator, 1,
             {"'conv3d'", "did you mean 'conv2d'?", "depthwise_conv2d"});
  CheckError("gelu:n=1", ExitCode::kUnknownOperator, 1, {"'gelu'", "matmul, batch_matmul, dense"});
  CheckError("", ExitCode::kBadWorkload, 1, {"found nothing"});
  CheckError(":m=1", ExitCode::kBadWorkload, 1, {"found nothing"});
}

TEST_CASE("SyntaxErrorsPointAtTheCharacter") {
  CheckError("matmul", ExitCode::kBadWorkload, 7, {"expected ':'"});
  CheckError("matmul=m", ExitCode::kBadWorkload, 7, {"expected ':'"});
  CheckError("matmul:", ExitCode::kBadWorkload, 8, {"expected KEY=VALUE"});
  CheckError("matmul:m=1,,n=2,k=3", ExitCode::kBadWorkload, 12, {"expected KEY=VALUE"});
  CheckError("matmul:m=1,n=2,k=3,", ExitCode::kBadWorkload, 20, {"expected KEY=VALUE"});
  CheckError("matmul:m,n=2,k=3", ExitCode::kBadWorkload, 9, {"expected '='", "'m'"});
  CheckError("matmul:m=1,n=2x,k=3", ExitCode::kBadWorkload, 15, {"whole number for 'n'", "'2x'"});
  CheckError("matmul:m=1,n=-2,k=3", ExitCode::kBadWorkload, 14, {"whole number for 'n'", "'-2'"});
  CheckError("matmul:m=1,n=,k=3", ExitCode::kBadWorkload, 14, {"number for 'n'", "nothing"});
  CheckError("matmul:m=1,n=2,k=3 ", ExitCode::kBadWorkload, 19, {"'3 '"});
}

TEST_CASE("KeysMustBeKnownGivenOnceAndComplete") {
  CheckError("matmul:m=1,n=2,kk=3", ExitCode::kBadWorkload, 16,
             {"no key 'kk'", "did you mean 'k'?", "m, n, k"});
  CheckError("matmul:m=1,n=2,k=3,dtpye=f32", ExitCode::kBadWorkload, 20, {"did you mean 'dtype'?"});
  CheckError("matmul:m=1,n=2,k=3,m=4", ExitCode::kBadWorkload, 20, {"'m' is given twice"});
  CheckError("matmul:m=1,n=2", ExitCode::kBadWorkload, 15, {"'k' is missing"});
  CheckError("matmul:m=1,n=2,k=3,layout=nhwc", ExitCode::kBadWorkload, 20, {"no key 'layout'"});
  CheckError("conv2d:n=1,h=1,w=1,ci=1,co=1,kh=1,kw=1", ExitCode::kBadWorkload, 39, {"'layout'", "missing"});
  CheckError("matmul:m=1,n=2,k=3,dtype=f16", ExitCode::kBadWorkload, 26, {"f32", "'f16'"});
  CheckError("conv2d:n=1,h=1,w=1,ci=1,co=1,kh=1,kw=1,layout=nhcw", ExitCode::kBadWorkload, 47, {"'nhcw'"});
  CheckError("matmul:m=1,n=2,k=3,epilogue=bias+rleu", ExitCode::kBadWorkload, 34,
             {"'rleu'", "did you mean 'relu'?"});
  CheckError("matmul:m=1,n=2,k=3,epilogue=bias+", ExitCode::kBadWorkload, 34, {"found nothing"});
  CheckError("matmul:m=1,n=2,k=3,epilogue=bias+bias", ExitCode::kBadWorkload, 34, {"twice"});
  CheckError("matmul:m=1,n=2,k=3,epilogue=bias+none", ExitCode::kBadWorkload, 34, {"'none'"});
}

TEST_CASE("ValuesMustFitEachOther") {
  CheckError("matmul:m=0,n=2,k=3", ExitCode::kBadWorkload, 10, {"'m' must be at least 1"});
  // A 3x3 kernel with dilation 2 spans 5; an input of 4 has no room for it.
  CheckError("conv2d:n=1,h=4,w=9,ci=1,co=1,kh=3,kw=3,dilation=2,layout=nhwc", ExitCode::kBadWorkload, 33,
             {"spans 5", "only 4"});
  CHECK(Workload::Parse("conv2d:n=1,h=3,w=9,ci=1,co=1,kh=3,kw=3,dilation=2,pad=1,layout=nhwc").ok());
  CheckError("conv2d:n=1,h=4,w=4,ci=6,co=4,kh=1,kw=1,groups=4,layout=nhwc", ExitCode::kBadWorkload, 47,
             {"4 groups", "'ci'", "6"});
  CheckError("conv2d:n=1,h=4,w=4,ci=4,co=6,kh=1,kw=1,groups=4,layout=nhwc", ExitCode::kBadWorkload, 47,
             {"'co'"});
}

TEST_CASE("BlockedLayoutsHoldWholeBlocksOfChannels") {
  CheckError("conv2d:n=1,h=4,w=4,ci=12,co=8,kh=1,kw=1,layout=nchw8c", ExitCode::kBadWorkload, 23,
             {"nchw8c", "blocks of 8", "'ci' is 12"});
  CheckError("conv2d:n=1,h=4,w=4,ci=16,co=24,kh=1,kw=1,layout=nchw16c", ExitCode::kBadWorkload, 29,
             {"blocks of 16", "'co' is 24"});
  // Each group has 4 of the 8 channels.
  CheckError("conv2d:n=1,h=4,w=4,ci=8,co=16,kh=1,kw=1,groups=2,layout=nchw8c", ExitCode::kBadWorkload, 23,
             {"'ci' is 8 in 2 groups"});
  CheckError("depthwise_conv2d:n=1,h=4,w=4,c=8,kh=1,kw=1,layout=nchw16c", ExitCode::kBadWorkload, 32,
             {"'c' is 8"});
  CheckError("depthwise_conv2d:n=1,h=4,w=4,c=8,kh=1,kw=1,mult=2,layout=nchw8c", ExitCode::kBadWorkload, 49,
             {"'mult' must be 1"});
  CheckError("conv2d:n=1,h=4,w=4,ci=16,co=8,kh=1,kw=1,layout=nchw4c", ExitCode::kBadWorkload, 48,
             {"nchw or nhwc", "did you mean 'nchw8c'?"});
  CheckError("depthwise_conv2d:n=1,h=4,w=4,c=8,kh=1,kw=1,layout=nchw8c,dtype=i8", ExitCode::kBadWorkload, 51,
             {"no nchw8c form"});
}

TEST_CASE("ShapesThatOverflowHaveTheirOwnStatus") {
  CheckError("matmul:m=99999999999999999999,n=2,k=3", ExitCode::kShapeOverflow, 10,
             {"'m' is larger than 2^31"});
  CheckError("matmul:m=2147483649,n=1,k=1", ExitCode::kShapeOverflow, 10, {"2^31"});
  CheckError("matmul:m=65536,n=1,k=65536", ExitCode::kShapeOverflow, 1,
             {"'lhs' [65536,65536]", "2^31 elements"});
  // Every tensor has 2^31 elements, at most, but 2 * 2^31 * 2^25 flop is 2^57.
  CheckError("conv2d:n=32,h=8192,w=8192,ci=1,co=1,kh=4096,kw=4096,pad=2047,layout=nhwc",
             ExitCode::kShapeOverflow, 1, {"2^53 flop"});
  CheckError("conv2d:n=1,h=2147483648,w=1,ci=1,co=2147483648,kh=1,kw=1,layout=nchw", ExitCode::kShapeOverflow,
             1, {"'output'"});
}

TEST_CASE("LongTextsAreShownAroundTheCaret") {
  const std::string text = "matmul:m=1,n=2," + std::string(500, 'x') + "=3";
  const absl::Status status = Workload::Parse(text).status();
  const std::string message(status.message());
  CHECK(message.find("column 16:") != std::string::npos);
  CHECK(message.size() < 500);
}

TEST_CASE("NoBytesCrashTheParserAndEveryErrorIsPrintable") {
  const std::string valid[] = {
      kConv, "matmul:m=1024,n=1024,k=1024,dtype=f32", "dense:m=1,n=1000,k=2048,epilogue=bias",
      "batch_matmul:b=12,m=128,n=64,k=128",
      "depthwise_conv2d:n=1,h=9,w=8,c=6,kh=3,kw=3,stride=2,pad=1,dilation=2,mult=2,layout=nchw"};
  const std::string pieces[] = {",",
                                "=",
                                ":",
                                "+",
                                "0",
                                "9223372036854775807",
                                "9223372036854775808",
                                "-1",
                                "epilogue=",
                                "relu6",
                                "h=",
                                "\0",
                                "\xff\xfe",
                                "groups=7",
                                "2147483648",
                                "none"};
  Rng rng(99);
  int accepted = 0;
  for (int i = 0; i < 60000; ++i) {
    std::string text = valid[rng.Uniform(std::size(valid))];
    for (uint64_t edits = 1 + rng.Uniform(4); edits > 0; --edits) {
      const std::size_t at = rng.Uniform(text.size() + 1);
      switch (rng.Uniform(5)) {
        case 0:
          text.insert(at, pieces[rng.Uniform(std::size(pieces))]);
          break;
        case 1:
          text.erase(at, 1 + rng.Uniform(5));
          break;
        case 2:
          if (at < text.size()) text[at] = static_cast<char>(rng.Uniform(256));
          break;
        case 3:
          if (at < text.size()) text[at] = static_cast<char>('0' + rng.Uniform(10));
          break;
        default: {
          const std::size_t from = rng.Uniform(text.size() + 1);
          text.insert(at, text.substr(from, rng.Uniform(12)));
        }
      }
    }
    const absl::StatusOr<Workload> workload = Workload::Parse(text);
    if (workload.ok()) {
      ++accepted;
      const absl::StatusOr<Workload> again = Workload::Parse(workload->ToString());
      INFO(text);
      REQUIRE(again.ok());
      REQUIRE(again->ToString() == workload->ToString());
      REQUIRE(workload->flop() >= 2);
      continue;
    }
    const ExitCode code = ExitCodeOf(workload.status());
    REQUIRE((code == ExitCode::kBadWorkload || code == ExitCode::kUnknownOperator ||
             code == ExitCode::kShapeOverflow));
    REQUIRE(workload.status().message().size() < 1000);
    for (const char c : workload.status().message()) REQUIRE((c == '\n' || (c >= 0x20 && c <= 0x7e)));
  }
  // The mutations must not be so wild that only the first check is ever reached.
  CHECK(accepted > 1000);
}

}  // namespace
}  // namespace tunefarm::schedules
