// The int8 reference of operators without weights.
#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "schedules/fixed_point_exp.h"
#include "schedules/int8_reference.h"
#include "tests/catch.h"
#include "tests/schedules/random_int8_workload.h"

namespace tunefarm::schedules {
namespace {

constexpr int32_t kHalf = 1 << 30;  // As a multiplier: 0.5.

// Both evaluations must give these bytes, which are derived by hand.
void CheckBoth(const std::string& text, const IntTensors& inputs, const std::vector<int8_t>& want) {
  const absl::StatusOr<Workload> workload = Workload::Parse(text);
  INFO(text << " " << workload.status().message());
  REQUIRE(workload.ok());
  CHECK(Int8Reference(*workload, inputs) == want);
  CHECK(EvaluateInt8Directly(DefineCompute(*workload), inputs) == want);
}

TEST_CASE("PoolingTakesWhatLiesInsideOfTheWindow") {
  // 1 -2 / -4 8 in one channel.
  const IntTensors image = {{1, -2, -4, 8}};
  const std::string pool = "pool2d:n=1,h=2,w=2,c=1,kh=2,kw=2,layout=nhwc,";
  CheckBoth("max_" + pool + "pad=0", image, {8});
  CheckBoth("avg_" + pool + "pad=0", image, {1});  // 3/4.
  // Padded by one: 1, 1 -2, -2 / 1 -4, all, -2 8 / -4, -4 8, 8.
  CheckBoth("max_" + pool + "pad=1", image, {1, 1, -2, 1, 8, 8, -4, 8, 8});
  // Means of those: -1/2, -3/2 go away from zero, 6/2 and 4/2 are whole, 3/4.
  CheckBoth("avg_" + pool + "pad=1", image, {1, -1, -2, -2, 1, 3, -4, 2, 8});
  CheckBoth("avg_" + pool + "pad=1,amin=-1,amax=2", image, {1, -1, -1, -1, 1, 2, -1, 2, 2});
}

TEST_CASE("PoolingKeepsTheEndsOfInt8") {
  CheckBoth("avg_pool2d:n=1,h=2,w=2,c=2,kh=2,kw=2,layout=nhwc",
            {{-128, 127, -128, 127, -128, 127, -128, 127}}, {-128, 127});
  CheckBoth("max_pool2d:n=1,h=2,w=2,c=2,kh=2,kw=2,layout=nhwc",
            {{-128, -128, -128, -128, -128, 127, -128, -128}}, {-128, 127});
}

TEST_CASE("AdditionScalesEachInputBeforeItsSum") {
  // lhs at 0.5 * 2^-1 = 1/4, rhs at 0.5 * 2^0 = 1/2, of values shifted by 20; the sum at 0.5 * 2^-18 = 2^-19:
  // (8/4 + 6/2) * 2 = 10, (-8/4 + 0) * 2 = -4, (127/4 + 127/2) * 2 = 190.5.
  const IntTensors inputs = {{8, -8, 127}, {6, 0, 127}, {kHalf, kHalf}, {-1, 0}, {kHalf}, {-18}};
  CheckBoth("add:n=3", inputs, {10, -4, 127});
  CheckBoth("add:n=3,rounding=single", inputs, {10, -4, 127});
  CheckBoth("add:n=3,ozp=-100", inputs, {-90, -104, 91});  // 190.5 goes to 191 in both.
  // (8+8)/4 + (6-6)/2 = 4, 0/4 - 6/2 = -3, 135/4 + 121/2 = 94.25; twice of them.
  CheckBoth("add:n=3,izp=-8,izp2=6,amin=-5,amax=100", inputs, {8, -5, 100});
}

TEST_CASE("SmallInt8ReferencesAgreeWithTheComputeDefinition") {
  Rng rng(77);
  for (const char* op : {"avg_pool2d", "max_pool2d", "add"}) {
    for (int i = 0; i < 100; ++i) {
      const Workload workload = RandomInt8Workload(rng, op);
      const ComputeDefinition compute = DefineCompute(workload);
      const IntTensors inputs = MakeIntInputs(compute, 7 + i);
      INFO(workload.ToString());
      REQUIRE(Int8Reference(workload, inputs) == EvaluateInt8Directly(compute, inputs));
    }
  }
}

TEST_CASE("TheFixedPointExponentialIsExactToAFewUnits") {
  // gemmlowp's own test allows 1e-6 or so of the true value: a polynomial of degree 4 on a quarter.
  double worst = 0;
  for (int64_t a = 0; a > -(int64_t{1} << 31); a -= 1234567) {
    const double want = std::exp(static_cast<double>(a) / (1 << 26));
    const double got = ExpOnNegativeValues(static_cast<int32_t>(a)) * 0x1.0p-31;
    worst = std::max(worst, std::abs(got - want));
  }
  CHECK(worst < 4e-7);
}

TEST_CASE("TheFixedPointReciprocalTurnsExponentialsIntoShares") {
  // Equal parts: n exponentials of 1, each 2^19 in Q12, make shares of 256 / n.
  for (const int n : {1, 2, 3, 7, 64, 100, 1000, 4095}) {
    const SoftmaxScale scale = SoftmaxScaleOf(n << 19);
    const int32_t share = SaturatingRoundingDoublingHighMul(scale.reciprocal, 0x7fffffff);
    INFO(n);
    CHECK(RoundingDivideByPowerOfTwo(share, scale.exponent) == std::lround(256.0 / n));
  }
}

TEST_CASE("SoftmaxIsWithinOneOfTheTrueShares") {
  Rng rng(3);
  for (int i = 0; i < 60; ++i) {
    const Workload workload = RandomInt8Workload(rng, "softmax");
    const ComputeDefinition compute = DefineCompute(workload);
    const IntTensors inputs = MakeIntInputs(compute, i);
    const std::vector<int8_t> got = Int8Reference(workload, inputs);
    const auto columns = static_cast<std::size_t>(workload.dim("n"));
    const double scale = std::ldexp(inputs[1][0], inputs[2][0] - 31 - 26);
    for (std::size_t row = 0; row * columns < got.size(); ++row) {
      const int32_t* in = inputs[0].data() + row * columns;
      const int32_t largest = *std::max_element(in, in + columns);
      double sum = 0;
      for (std::size_t n = 0; n < columns; ++n) sum += std::exp((in[n] - largest) * scale);
      for (std::size_t n = 0; n < columns; ++n) {
        const double want = std::min(256 * std::exp((in[n] - largest) * scale) / sum - 128, 127.0);
        INFO(workload.ToString());
        REQUIRE(std::abs(got[row * columns + n] - want) <= 1);
      }
    }
  }
}

TEST_CASE("ContentsSpreadTheOutputsOfSmallOperators") {
  for (const char* text :
       {"add:n=4096,izp=-17,izp2=4,ozp=3", "add:n=4096,rounding=single", "softmax:m=2000,n=10",
        "softmax:m=2000,n=3", "max_pool2d:n=1,h=64,w=64,c=4,kh=2,kw=2,stride=2,layout=nhwc",
        "avg_pool2d:n=1,h=64,w=64,c=4,kh=2,kw=2,stride=2,layout=nhwc"}) {
    const Workload workload = Workload::Parse(text).value();
    const std::vector<int8_t> output = Int8Reference(workload, MakeIntInputs(DefineCompute(workload), 1));
    bool seen[256] = {};
    for (const int8_t value : output) seen[value + 128] = true;
    INFO(text);
    CHECK(std::count(seen, seen + 256, true) > 96);
  }
}

}  // namespace
}  // namespace tunefarm::schedules
