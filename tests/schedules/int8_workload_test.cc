// What int8 workloads say, and the keys that convolutions have for padding and strides by side.
#include "base/exit_code.h"
#include "schedules/compute.h"
#include "schedules/compute_facts.h"
#include "schedules/workload.h"
#include "tests/catch.h"

namespace tunefarm::schedules {
namespace {

std::string Canonical(const std::string& text) {
  const absl::StatusOr<Workload> workload = Workload::Parse(text);
  INFO(text << " " << workload.status().message());
  REQUIRE(workload.ok());
  return workload->ToString();
}

// The error for `text` points at the byte of the first `mark` in it and contains `words`.
void CheckError(const std::string& text, const std::string& mark, const std::string& words,
                ExitCode exit_code = ExitCode::kBadWorkload) {
  const absl::Status status = Workload::Parse(text).status();
  const std::string message(status.message());
  INFO(text << "\n" << message);
  REQUIRE(!status.ok());
  CHECK(ExitCodeOf(status) == exit_code);
  CHECK(message.find(absl::StrCat("column ", text.find(mark) + 1, ":")) != std::string::npos);
  CHECK(message.find(words) != std::string::npos);
}

TEST_CASE("QuantisationKeysFollowTheDtypeAndAreLeftOutAtTheirDefaults") {
  CHECK(Canonical("dense:m=1,n=10,k=64,dtype=i8") == "dense:m=1,n=10,k=64,dtype=i8");
  CHECK(Canonical("dense:m=1,n=10,k=64,izp=0,ozp=0,amin=-128,amax=127,rounding=double,dtype=i8") ==
        "dense:m=1,n=10,k=64,dtype=i8");
  CHECK(Canonical("matmul:dtype=i8,m=2,n=10,k=64,izp=3") == "matmul:m=2,n=10,k=64,dtype=i8,izp=3");
  const std::string all =
      "dense:m=1,n=10,k=64,dtype=i8,izp=-128,ozp=127,amin=-5,amax=99,rounding=single,epilogue=bias";
  CHECK(Canonical(all) == all);
  const Workload workload = Workload::Parse(all).value();
  CHECK(workload.dim("izp") == -128);
  CHECK(workload.dim("amax") == 99);
  CHECK(workload.rounding() == Rounding::kSingle);
  CHECK(workload.dtype() == DType::kI8);
}

TEST_CASE("QuantisationKeysHaveTheRangeOfInt8AndNeedTheDtype") {
  const std::string dense = "dense:m=1,n=10,k=64,dtype=i8,";
  CheckError(dense + "izp=-129", "-129", "at least -128");
  CheckError(dense + "ozp=128", "128", "at most 127");
  CheckError(dense + "izp=-,ozp=1", ",ozp", "digit after '-'");
  CheckError(dense + "izp=--1", "-1", "whole number");
  CheckError(dense + "amin=3,amax=2", "3,amax", "'amin' is above 'amax'");
  CheckError(dense + "amax=-129", "-129", "at least -128");
  CheckError(dense + "rounding=up", "up", "double or single");
  CheckError("dense:m=1,n=10,k=64,izp=3", "izp", "needs dtype=i8");
  CheckError("dense:m=1,n=10,k=64,rounding=double", "rounding", "needs dtype=i8");
  CheckError("matmul:m=1,n=10,k=64,izp=3", "izp", "needs dtype=i8");
  CheckError("batch_matmul:b=2,m=1,n=10,k=64,dtype=i8", "i8", "f32");
  CheckError("batch_matmul:b=2,m=1,n=10,k=64,izp=3", "izp", "no key 'izp'");
  CheckError("dense:m=1,n=10,k=64,dtype=i32", "i32", "f32 or i8");
}

TEST_CASE("Int8KeepsToTheLayoutAndEpilogueOfTflite") {
  const std::string conv = "conv2d:n=1,h=4,w=4,ci=1,co=1,kh=1,kw=1,";
  CheckError(conv + "layout=nchw,dtype=i8", "nchw", "nhwc");
  CheckError(conv + "layout=nhwc,dtype=i8,epilogue=bias+relu", "bias+relu", "amin and amax");
  CheckError(conv + "layout=nhwc,dtype=i8,epilogue=residual", "residual", "operator of its own");
  CHECK(Workload::Parse(conv + "layout=nhwc,dtype=i8,epilogue=none").ok());
}

TEST_CASE("Int8SumsMustFitTheirAccumulator") {
  CHECK(Workload::Parse("dense:m=1,n=1,k=65536,dtype=i8").ok());
  CheckError("dense:m=1,n=1,k=65537,dtype=i8", "dense", "65536 terms", ExitCode::kShapeOverflow);
  CHECK(Workload::Parse("dense:m=1,n=1,k=65537").ok());
}

TEST_CASE("OperatorsWithoutWeightsHaveTheKeysTheyNeed") {
  CHECK(Canonical("max_pool2d:n=1,h=8,w=8,c=4,kh=2,kw=2,stride=2,layout=nhwc") ==
        "max_pool2d:n=1,h=8,w=8,c=4,kh=2,kw=2,stride=2,pad=0,layout=nhwc,dtype=i8");
  const std::string add = "add:n=100,dtype=i8,izp=-128,izp2=4,ozp=-3,amin=-3,rounding=single";
  CHECK(Canonical(add) == add);
  CHECK(Canonical("softmax:n=10,m=2,dtype=i8") == "softmax:m=2,n=10,dtype=i8");
  CheckError("softmax:m=1,n=10,amin=3", "amin", "no key 'amin'");
  CheckError("softmax:m=1,n=4096", "4096", "at most 4095");
  CheckError("avg_pool2d:n=1,h=8,w=8,c=4,kh=2,kw=2,layout=nhwc,izp=3", "izp", "no key 'izp'");
  CheckError("avg_pool2d:n=1,h=8,w=8,c=4,kh=2,kw=2,layout=nhwc,epilogue=bias", "epilogue",
             "no key 'epilogue'");
  CheckError("avg_pool2d:n=1,h=8,w=8,c=4,kh=2,kw=2,layout=nhwc,dtype=f32", "f32", "i8");
  CheckError("avg_pool2d:n=1,h=8,w=8,c=4,kh=2,kw=2,layout=nchw", "nchw", "nhwc");
  CheckError("avg_pool2d:n=1,h=8,w=8,c=4,kh=2,kw=3,pad=2,layout=nhwc", "2,kw", "smaller than 'kh'");
  CheckError("avg_pool2d:n=1,h=8,w=8,c=4,kh=9,kw=2,layout=nhwc", "9,kw", "only 8");
}

TEST_CASE("WorkOfOperatorsWithoutWeightsIsCountedInOperations") {
  const auto work = [](const char* text) { return Workload::Parse(text).value().flop(); };
  CHECK(work("max_pool2d:n=1,h=8,w=8,c=4,kh=2,kw=2,stride=2,layout=nhwc") == 4 * 4 * 4 * 4);
  CHECK(work("add:n=100") == 100);
  CHECK(work("softmax:m=2,n=10") == 2 * 10 * 4);
}

TEST_CASE("PaddingAndStridesAreShortWhereTheyAreEqual") {
  const std::string head = "conv2d:n=1,h=96,w=96,ci=3,co=8,kh=3,kw=3,";
  const std::string tail = ",layout=nhwc,dtype=f32";
  CHECK(Canonical(head + "stride_w=2,stride_h=2,pad_t=1,pad_b=1,pad_l=1,pad_r=1" + tail) ==
        head + "stride=2,pad=1" + tail);
  const std::string uneven = head + "stride_h=2,stride_w=1,pad_t=0,pad_l=1,pad_b=1,pad_r=2" + tail;
  CHECK(Canonical(uneven) == uneven);
  // Those not given have the short form's default.
  CHECK(Canonical(head + "pad_b=1,pad_r=1,stride=2" + tail) ==
        head + "stride=2,pad_t=0,pad_l=0,pad_b=1,pad_r=1" + tail);
  CheckError(head + "pad=1,pad_t=0" + tail, "pad_t", "not both");
  CheckError(head + "stride_h=1,stride=2" + tail, "stride=2", "not both");
  CheckError(head + "stride_h=0" + tail, "0,layout", "'stride_h' must be at least 1");
  CheckError("conv2d:n=1,h=3,w=3,ci=1,co=1,kh=5,kw=1,pad_t=1,layout=nhwc", "5,kw", "only 4");
}

TEST_CASE("PaddingAndStridesBySideShapeTheOutput") {
  // TFLite's SAME for 96x96, 3x3, stride 2: nothing above and left, one below and right.
  const ComputeDefinition same = DefineCompute(
      Workload::Parse("conv2d:n=1,h=96,w=96,ci=3,co=8,kh=3,kw=3,stride=2,pad_b=1,pad_r=1,layout=nhwc")
          .value());
  CHECK(same.tensors.back().shape == std::vector<int64_t>{1, 48, 48, 8});
  CHECK(same.lhs.index[1].constant == 0);
  // (10 + 1 + 0 - 4) / 2 + 1 = 4 rows, (10 + 0 + 2 - 3) / 3 + 1 = 4 columns; row 0 begins one above.
  const ComputeDefinition uneven = DefineCompute(
      Workload::Parse("depthwise_conv2d:n=1,h=10,w=10,c=1,kh=4,kw=3,stride_h=2,stride_w=3,pad_t=1,pad_r=2,"
                      "layout=nchw")
          .value());
  CHECK(uneven.tensors.back().shape == std::vector<int64_t>{1, 1, 4, 4});
  CHECK(uneven.lhs.index[2].constant == -1);
  CHECK(uneven.lhs.index[3].constant == 0);
  CHECK(uneven.lhs.index[3].terms[0].coefficient == 3);
}

TEST_CASE("Int8ComputesFromTypedTensorsInArgumentOrder") {
  const ComputeDefinition compute = DefineCompute(
      Workload::Parse("conv2d:n=1,h=4,w=4,ci=8,co=6,kh=3,kw=3,pad=1,groups=2,layout=nhwc,dtype=i8,izp=-7,"
                      "ozp=9,amin=9,rounding=single,epilogue=bias")
          .value());
  std::string arguments;
  for (const Tensor& tensor : compute.tensors) {
    absl::StrAppend(&arguments, tensor.name, tensor.dtype == DType::kI8 ? ":i8 " : ":i32 ");
  }
  CHECK(arguments == "input:i8 weights:i8 bias:i32 multiplier:i32 shift:i32 output:i8 ");
  CHECK(compute.tensors[3].shape == std::vector<int64_t>{6});
  CHECK(compute.tensors[3].role == TensorRole::kConstant);
  REQUIRE(compute.requantize.has_value());
  CHECK(compute.requantize->input_zero_point == -7);
  CHECK(compute.requantize->output_zero_point == 9);
  CHECK(compute.requantize->output_min == 9);
  CHECK(compute.requantize->output_max == 127);
  CHECK(compute.requantize->rounding == Rounding::kSingle);
  CHECK(compute.requantize->multiplier.tensor == 3);
  CHECK(compute.requantize->shift.tensor == 4);
  CHECK(compute.terms() == 4 * 3 * 3);
  CHECK_FALSE(DefineCompute(Workload::Parse("dense:m=1,n=2,k=3").value()).requantize.has_value());
}

TEST_CASE("SimplifyingKeepsTheRequantisationInStep") {
  // 1x1 over a 3x5 image: pixels fuse into one axis, and the channel becomes axis 1.
  const ComputeDefinition compute = Simplify(DefineCompute(
      Workload::Parse("conv2d:n=1,h=3,w=5,ci=8,co=6,kh=1,kw=1,layout=nhwc,dtype=i8,epilogue=bias").value()));
  REQUIRE(compute.axes.size() == 3);
  for (const TensorAccess& access : {compute.requantize->multiplier, compute.requantize->shift}) {
    REQUIRE(access.index.size() == 1);
    REQUIRE(access.index[0].terms.size() == 1);
    CHECK(compute.axes[access.index[0].terms[0].axis].name == "co");
  }
  const ComputeFacts facts = Analyze(compute);
  CHECK(facts.multiplier.stride == std::vector<int32_t>{0, 1, 0});
  CHECK(facts.shift.constant);
}

}  // namespace
}  // namespace tunefarm::schedules
