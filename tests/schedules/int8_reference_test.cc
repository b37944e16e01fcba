#include "schedules/int8_reference.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/rng.h"
#include "schedules/contents.h"
#include "schedules/reference.h"
#include "tests/catch.h"
#include "tests/schedules/random_int8_workload.h"

namespace tunefarm::schedules {
namespace {

constexpr int32_t kHalf = 1 << 30;  // As a multiplier: 0.5.

Workload Parse(const std::string& text) {
  const absl::StatusOr<Workload> workload = Workload::Parse(text);
  INFO(text << " " << workload.status().message());
  REQUIRE(workload.ok());
  return *workload;
}

// Both evaluations must give these bytes, which are derived by hand.
void CheckBoth(const std::string& text, const IntTensors& inputs, const std::vector<int8_t>& want) {
  const Workload workload = Parse(text);
  INFO(text);
  CHECK(Int8Reference(workload, inputs) == want);
  CHECK(EvaluateInt8Directly(DefineCompute(workload), inputs) == want);
}

TEST_CASE("Int8ReferenceSubtractsTheInputZeroPointAndAddsTheOutputs") {
  // (5-3)*2 + (-1-3)*3 = -8 and (5-3)*-4 + (-1-3)*5 = -28; bias 10 and 100 give 2 and 72; halved 1 and 36;
  // plus ozp -7.
  CheckBoth("dense:m=1,n=2,k=2,dtype=i8,izp=3,ozp=-7,epilogue=bias",
            {{5, -1}, {2, 3, -4, 5}, {10, 100}, {kHalf, kHalf}, {0, 0}}, {-6, 29});
  // Without bias, per-channel scales: -8 * 0.5 * 2 = -8; -28 * 0.75 / 4 = -5.25.
  CheckBoth("dense:m=1,n=2,k=2,dtype=i8,izp=3", {{5, -1}, {2, 3, -4, 5}, {kHalf, 3 << 29}, {1, -2}},
            {-8, -5});
  // The same weights as rows [k,n]: (5-3)*2 + (-1-3)*-4 = 20 and (5-3)*3 + (-1-3)*5 = -14.
  CheckBoth("matmul:m=1,n=2,k=2,dtype=i8,izp=3", {{5, -1}, {2, 3, -4, 5}, {kHalf, 3 << 29}, {1, -2}},
            {20, -3});
}

TEST_CASE("Int8ReferenceReadsTheZeroPointInThePadding") {
  // A 2x2 image of 1 2 / 3 4 less zero point 1 is 0 1 / 2 3, with the kernel 1 10 100 / ... of digits: taps
  // outside add nothing. Weights 1 2 3 / 4 5 6 / 7 8 9, pad 1: output (0,0) sees 5 6 / 8 9 over 0 1 / 2 3: 6
  // + 16 + 27 = 49; (0,1) sees 4 5 / 7 8: 5 + 14 + 24 = 43; (1,0) sees 2 3 / 5 6: 3 + 10 + 18 = 31; (1,1)
  // sees 1 2 / 4 5: 2 + 8 + 15 = 25.
  const IntTensors inputs = {{1, 2, 3, 4}, {1, 2, 3, 4, 5, 6, 7, 8, 9}, {kHalf}, {1}};
  CheckBoth("conv2d:n=1,h=2,w=2,ci=1,co=1,kh=3,kw=3,pad=1,layout=nhwc,dtype=i8,izp=1", inputs,
            {49, 43, 31, 25});
  CheckBoth("depthwise_conv2d:n=1,h=2,w=2,c=1,kh=3,kw=3,pad=1,layout=nhwc,dtype=i8,izp=1", inputs,
            {49, 43, 31, 25});
  // Padded below and right alone, stride 2: one output, over the first four taps of rows 0 and 1: 1*0 + 2*1 +
  // 4*2
  // + 5*3 = 25.
  CheckBoth("conv2d:n=1,h=2,w=2,ci=1,co=1,kh=3,kw=3,stride=2,pad_b=1,pad_r=1,layout=nhwc,dtype=i8,izp=1",
            inputs, {25});
}

TEST_CASE("Int8ReferenceClampsToTheActivationAndToInt8") {
  const std::string dense = "dense:m=1,n=4,k=1,dtype=i8";
  const IntTensors inputs = {{127}, {127, -127, 1, -1}, {kHalf, kHalf, kHalf, kHalf}, {1, 1, 1, 1}};
  CheckBoth(dense, inputs, {127, -128, 127, -127});
  CheckBoth(dense + ",amin=-3,amax=6", inputs, {6, -3, 6, -3});
  // The zero point comes before the clamp: 127 * 127 - 128 still saturates, 127 - 128 = -1 does not.
  CheckBoth(dense + ",ozp=-128,amin=-128", inputs, {127, -128, -1, -128});
  CheckBoth(dense + ",ozp=127", inputs, {127, -128, 127, 0});
  // Zero points at the ends of the input: 127 + 128 = 255 and 127 - 127 = 0.
  CheckBoth(dense + ",izp=-128,ozp=-128", inputs, {127, -128, 127, -128});
  CheckBoth(dense + ",izp=127,ozp=5", inputs, {5, 5, 5, 5});
}

// One product: sum = x (of a bias, with input 0), scaled.
int8_t ScaledBias(int32_t bias, int32_t multiplier, int32_t shift, const std::string& rounding) {
  const Workload workload = Parse("dense:m=1,n=1,k=1,dtype=i8,epilogue=bias,rounding=" + rounding);
  const IntTensors inputs = {{0}, {1}, {bias}, {multiplier}, {shift}};
  const std::vector<int8_t> output = Int8Reference(workload, inputs);
  INFO(bias << " * " << multiplier << " << " << shift << " " << rounding);
  CHECK(EvaluateInt8Directly(DefineCompute(workload), inputs) == output);
  return output[0];
}

TEST_CASE("RoundingOnceAndTwiceDifferWhereTheyShould") {
  struct Case {
    int32_t bias, multiplier, shift;
    int twice, once;
  };
  for (const Case& c : {
           // Ties of the doubling product go up: 0.5 -> 1, -0.5 -> 0, in both modes.
           Case{1, kHalf, 0, 1, 1},
           Case{-1, kHalf, 0, 0, 0},
           // 0.25: twice rounds to 1 by the product, then 1/2 away from zero; once rounds to 0.
           Case{1, kHalf, -1, 1, 0},
           // -0.5: the product is exact, -1, and -1/2 goes away from zero; once, ties go up.
           Case{-2, kHalf, -1, -1, 0},
           // 1.5 of a product that is exact: 3/2 goes to 2 in both.
           Case{6, kHalf, -1, 2, 2},
           // -1.5: away from zero, or up.
           Case{-6, kHalf, -1, -2, -1},
           // A shift to the left first: 3 * 8 * 0.5 = 12.
           Case{3, kHalf, 3, 12, 12},
           // 0.375 * 3 = 1.125 with the multiplier 0.75: exact to the last place.
           Case{3, 3 << 29, -1, 1, 1},
           // The largest multiplier is just below 1: 100 * (1 - 2^-31) rounds to 100.
           Case{100, std::numeric_limits<int32_t>::max(), 0, 100, 100},
           Case{-100, std::numeric_limits<int32_t>::max(), 0, -100, -100},
           // The ends of int32: 2^31 * 0.5 / 2^24 = 64.
           Case{std::numeric_limits<int32_t>::min(), kHalf, -24, -64, -64},
           Case{std::numeric_limits<int32_t>::max(), kHalf, -24, 64, 64},
           // The largest shift to the right: 2^31 * 0.5 / 2^31 = 0.5; to the left: 1 * 0.5 * 2^30 saturates.
           Case{std::numeric_limits<int32_t>::max(), kHalf, -31, 1, 0},
           Case{std::numeric_limits<int32_t>::min(), kHalf, -31, -1, 0},
           Case{1, kHalf, 30, 127, 127},
           Case{-1, kHalf, 30, -128, -128},
       }) {
    CHECK(int{ScaledBias(c.bias, c.multiplier, c.shift, "double")} == c.twice);
    CHECK(int{ScaledBias(c.bias, c.multiplier, c.shift, "single")} == c.once);
  }
}

TEST_CASE("RoundingGivesTheValuesOfTflitesOwnTest") {
  // tensorflow/lite/kernels/internal/quantization_util_test.cc, MultiplyByQuantizedMultiplierInt32: 10000
  // times 0.00097656 is 10 and -10; QuantizeMultiplier makes 0.00097656 = 0.99999744 * 2^-10 of it.
  const auto multiplier = static_cast<int32_t>(std::llround(0.00097656 * 1024 * 0x1.0p31));
  for (const char* rounding : {"double", "single"}) {
    CHECK(int{ScaledBias(0, multiplier, -10, rounding)} == 0);
    CHECK(int{ScaledBias(10000, multiplier, -10, rounding)} == 10);
    CHECK(int{ScaledBias(-10000, multiplier, -10, rounding)} == -10);
  }
}

TEST_CASE("RoundingGivesTheOutputsOfLiteRtOnARealModel") {
  // Sums, scales and outputs of LiteRT 2.3.0 (ai-edge-litert, reference kernels) on MLPerf Tiny's
  // kws_ref_model and its kws01 inputs, where the two roundings differ. Its convolutions round twice, its
  // fully connected layer once.
  struct Vector {
    int32_t sum, multiplier, shift, zero_point;
    int output;
    const char* rounding;
  };
  for (const Vector& v :
       {Vector{2566, 1820785010, -8, -128, -119, "double"}, Vector{498, 1379458316, -7, -128, -125, "double"},
        Vector{1404, 1663912971, -7, -128, -119, "double"}, Vector{-12795, 1278221421, -7, 14, -45, "single"},
        Vector{-322, 1278221421, -7, 14, 13, "single"}, Vector{13870, 1278221421, -7, 14, 78, "single"}}) {
    CHECK(v.zero_point + ScaledBias(v.sum, v.multiplier, v.shift, v.rounding) == v.output);
    const char* other = std::string(v.rounding) == "double" ? "single" : "double";
    CHECK(v.zero_point + ScaledBias(v.sum, v.multiplier, v.shift, other) != v.output);
  }
}

TEST_CASE("Int8ReferenceAgreesWithTheComputeDefinitionOverRandomWorkloads") {
  Rng rng(20261121);
  for (int i = 0; i < 300; ++i) {
    const Workload workload = RandomInt8Workload(rng);
    const ComputeDefinition compute = DefineCompute(workload);
    const IntTensors inputs = MakeIntInputs(compute, 7 + i);
    INFO(workload.ToString());
    REQUIRE(Int8Reference(workload, inputs) == EvaluateInt8Directly(compute, inputs));
  }
}

TEST_CASE("Int8ReferenceAgreesOverScalesThatNoConverterMakes") {
  // Every shift with sums small enough for it, multipliers at their ends, biases of all sizes.
  Rng rng(5);
  for (int i = 0; i < 20000; ++i) {
    const auto shift = static_cast<int32_t>(rng.Uniform(62)) - 31;
    const int bits = static_cast<int>(rng.Uniform(static_cast<uint64_t>(32 - std::max(shift, 0))));
    const auto bias =
        static_cast<int32_t>(static_cast<int64_t>(rng.Uniform(uint64_t{2} << bits)) - (int64_t{1} << bits));
    const int32_t multipliers[] = {kHalf, kHalf + 1, std::numeric_limits<int32_t>::max(),
                                   static_cast<int32_t>(kHalf + rng.Uniform(1 << 30))};
    ScaledBias(bias, multipliers[rng.Uniform(4)], shift, rng.Bernoulli(0.5) ? "double" : "single");
  }
}

TEST_CASE("ContentsSpreadTheOutputsOverInt8AndSaturateAFew") {
  for (const std::string text :
       {"dense:m=16,n=32,k=640,dtype=i8,epilogue=bias", "dense:m=64,n=64,k=3,dtype=i8,izp=5",
        "dense:m=16,n=64,k=64,dtype=i8,izp=127,epilogue=bias,rounding=single",
        "conv2d:n=1,h=25,w=5,ci=64,co=64,kh=1,kw=1,layout=nhwc,dtype=i8,izp=-10,ozp=3,epilogue=bias",
        "conv2d:n=1,h=32,w=32,ci=3,co=16,kh=3,kw=3,pad=1,layout=nhwc,dtype=i8,ozp=-4,epilogue=bias",
        "conv2d:n=1,h=16,w=16,ci=32,co=32,kh=3,kw=3,pad=1,layout=nhwc,dtype=i8,epilogue=bias",
        "depthwise_conv2d:n=1,h=48,w=48,c=8,kh=3,kw=3,pad=1,layout=nhwc,dtype=i8,ozp=7,epilogue=bias"}) {
    const Workload workload = Parse(text);
    const std::vector<int8_t> output = Int8Reference(workload, MakeIntInputs(DefineCompute(workload), 1));
    int64_t seen[256] = {};
    for (const int8_t value : output) ++seen[value + 128];
    const auto size = static_cast<double>(output.size());
    const int64_t saturated = seen[0] + seen[255];
    int64_t commonest = 0, absent = 0;
    for (int v = 1; v < 255; ++v) {
      commonest = std::max(commonest, seen[v]);
      absent += seen[v] == 0;
    }
    INFO(text << ": " << saturated / size << " saturated, " << absent << " values absent, the commonest "
              << commonest / size);
    CHECK(saturated / size > 0.002);
    CHECK(saturated / size < 0.25);
    CHECK(commonest / size < 0.08);
    // A few of the 254 values in between may be missing among some hundred outputs, not a whole side.
    CHECK(absent < 254 * std::exp(-size / 800) + 40);
  }
}

TEST_CASE("Int8InputsDependOnSeedAndArgumentAndKeepTheirRange") {
  const ComputeDefinition compute = DefineCompute(Parse("dense:m=8,n=8,k=100,dtype=i8,izp=4,epilogue=bias"));
  const IntTensors a = MakeIntInputs(compute, 1);
  REQUIRE(a.size() == 5);
  CHECK(a == MakeIntInputs(compute, 1));
  CHECK(a != MakeIntInputs(compute, 2));
  CHECK(*std::ranges::min_element(a[0]) == -128);
  CHECK(*std::ranges::min_element(a[1]) == -127);
  CHECK(*std::ranges::max_element(a[1]) == 127);
  CHECK(*std::ranges::min_element(a[3]) >= kHalf);
  const ContentRange shift = ContentsOf(compute, 4);
  CHECK(shift.high == shift.low + 1);
}

TEST_CASE("ReferenceBytesAreTheElementsOfEitherDtype") {
  const Workload i8 = Parse("dense:m=3,n=5,k=7,dtype=i8");
  const std::vector<int8_t> want = Int8Reference(i8, MakeIntInputs(DefineCompute(i8), 9));
  CHECK(ReferenceBytes(i8, 9) == std::string(want.begin(), want.end()));
  CHECK(ReferenceBytes(Parse("dense:m=3,n=5,k=7"), 9).size() == 3 * 5 * sizeof(float));
  CHECK(ToleranceOf(i8).absolute == 0);
  CHECK(ToleranceOf(i8).relative == 0);
}

}  // namespace
}  // namespace tunefarm::schedules
