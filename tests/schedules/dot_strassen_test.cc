// Int8 matrix products by Strassen's algorithm: exact to the last bit.
#include <algorithm>
#include <string>
#include <vector>

#include "schedules/compute_facts.h"
#include "schedules/dot_bilinear_forms.h"
#include "schedules/loop_tree.h"
#include "schedules/window.h"
#include "tests/catch.h"
#include "tests/schedules/bilinear_batch.h"

namespace tunefarm::schedules {
namespace {

// Rows, columns and terms that have no halves, halves that fill no vector and no group, weights that lie
// either way, several images.
TEST_CASE("StrassensProductsAreExactForAnyShape") {
  CheckBilinear({{"dense:m=16,n=32,k=128,izp=-128,ozp=-128,epilogue=bias"},
                 {"dense:m=17,n=33,k=129,izp=127,ozp=3,rounding=single"},
                 {"matmul:m=49,n=100,k=131,izp=0,ozp=-7,amin=-100,amax=90,epilogue=bias"},
                 {"matmul:m=20,n=47,k=257,izp=5,rounding=single,epilogue=bias"},
                 {"conv2d:n=2,h=3,w=5,ci=150,co=70,kh=1,kw=1,layout=nhwc,izp=-3,ozp=127,epilogue=bias"},
                 {"dense:m=23,n=41,k=158,izp=-1,amin=-7"},
                 {"dense:m=130,n=34,k=190,izp=-128,epilogue=bias"},
                 {"dense:m=33,n=97,k=256,izp=-128,epilogue=bias"},
                 {"dense:m=38,n=70,k=261,izp=127,rounding=single,epilogue=bias"},
                 {"matmul:m=41,n=33,k=299,izp=-2,ozp=5"}});
}

// Rows with something between them, and windows that overlap.
TEST_CASE("StrassensProductsAreExactForRowsThatDoNotFollowEachOther") {
  CheckBilinear({{"conv2d:n=1,h=1,w=67,ci=131,co=40,kh=1,kw=1,stride=2,layout=nhwc,izp=-128,epilogue=bias"},
                 {"conv2d:n=1,h=1,w=66,ci=257,co=33,kh=1,kw=1,stride=2,layout=nhwc,izp=9"},
                 {"conv2d:n=1,h=1,w=37,ci=87,co=40,kh=1,kw=3,layout=nhwc,izp=127,epilogue=bias"}});
}

TEST_CASE("StrassensProductsAreExactForAnyConfig") {
  CheckBilinear({{"dense:m=61,n=150,k=283,izp=-128,ozp=-128,epilogue=bias"},
                 {"matmul:m=40,n=96,k=288,izp=127,ozp=11,epilogue=bias"},
                 {"conv2d:n=1,h=7,w=7,ci=198,co=75,kh=1,kw=1,layout=nhwc,izp=3,epilogue=bias"}},
                5);
}

// Inputs and weights at the ends of int8, so that the sums of four of them are as large as they can be.
TEST_CASE("StrassensProductsAreExactAtTheEndsOfInt8") {
  std::vector<BilinearCase> cases;
  for (const int izp : {-128, 0, 127}) {
    for (const int period : {1, 66, 131}) {
      const auto change = [=](IntTensors& inputs) {
        for (std::size_t i = 0; i < inputs[0].size(); ++i) inputs[0][i] = i / 65 % 2 == 0 ? -128 : 127;
        for (std::size_t i = 0; i < inputs[1].size(); ++i)
          inputs[1][i] = i / static_cast<std::size_t>(period) % 2 == 0 ? 127 : -128;
        for (int32_t& shift : inputs[4]) shift -= 5;
      };
      cases.push_back({absl::StrCat("dense:m=34,n=36,k=260,epilogue=bias,izp=", izp), change});
    }
  }
  CheckBilinear(cases);
}

TEST_CASE("StrassensProductsAreExactForScalesThatTakeNoShortCut") {
  const auto change = [](IntTensors& inputs) { inputs[4][3] = 1; };
  CheckBilinear({{"dense:m=16,n=40,k=130,izp=-128,epilogue=bias", change}});
}

TEST_CASE("StrassensPartsAreWholeGroups") {
  const auto parts = [](const char* text, int levels) {
    const ComputeFacts facts = Analyze(FuseWindow(Simplify(DefineCompute(Workload::Parse(text).value()))));
    return PartsOf(facts, DotRule(facts, FindTarget("x86-64-v3").value(), 1).roles(), levels);
  };
  const StrassenParts even = parts("dense:m=128,n=768,k=3072,dtype=i8", 1);
  CHECK(even.row_part == 64);
  CHECK(even.term_part == 1536);
  CHECK(even.column_part == 384);
  const StrassenParts odd = parts("dense:m=49,n=131,k=130,dtype=i8", 2);
  CHECK(odd.row_part == 13);
  CHECK(odd.term_part == 36);
  CHECK(odd.column_part == 33);
}

TEST_CASE("StrassensAlgorithmIsOfferedForLargeMatrixProductsAlone") {
  const auto offered = [](const char* text, const char* target) {
    const std::shared_ptr<const Task> task = MakeInt8Task(text, target);
    const int knob = task->space().FindKnob("algorithm");
    const bool has = knob >= 0 && task->space().knobs()[knob].values[1] == "strassen";
    CHECK((task->template_version() == "dot-4+strassen-1") == has);
    return has;
  };
  CHECK(offered("dense:m=128,n=768,k=768", "x86-64-v3"));
  CHECK(offered("conv2d:n=1,h=14,w=14,ci=576,co=96,kh=1,kw=1,layout=nhwc", "x86-64-v3"));
  for (const char* text : {"dense:m=1,n=1000,k=2048", "dense:m=128,n=16,k=768", "dense:m=128,n=768,k=64",
                           "conv2d:n=1,h=14,w=14,ci=256,co=96,kh=1,kw=1,stride=2,layout=nhwc",
                           "conv2d:n=1,h=14,w=14,ci=256,co=96,kh=5,kw=5,layout=nhwc",
                           "depthwise_conv2d:n=1,h=14,w=14,c=256,kh=3,kw=3,layout=nhwc"}) {
    INFO(text);
    CHECK(!offered(text, "x86-64-v3"));
  }
  CHECK(!offered("dense:m=128,n=768,k=768", "cortex-a53"));
}

}  // namespace
}  // namespace tunefarm::schedules
