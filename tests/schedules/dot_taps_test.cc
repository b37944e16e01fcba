#include "schedules/dot_taps.h"

#include "tests/catch.h"

namespace tunefarm::schedules {
namespace {

// Applies the plan to numbers, halves of words as SMLAD takes them.
std::vector<int> Apply(const TapPlan& plan, const std::vector<int>& input, const std::vector<int>& weights,
                       int outputs) {
  const auto weight = [&](int tap) {
    return tap < 0 ? 1000 : weights[tap];
  };  // An empty half must not count.
  std::vector<int> sums(outputs, 0);
  for (const TapStep& step : plan.steps) {
    const std::array<int, 2>& taps = plan.weight_words[step.weight_word];
    const int low = input[2 * step.input_word], high = input[2 * step.input_word + 1];
    sums[step.output] += step.pair ? low * weight(taps[0]) + high * weight(taps[1])
                                   : (step.input_top ? high : low) * weight(taps[step.weight_top ? 1 : 0]);
  }
  return sums;
}

TEST_CASE("TapPlansComputeTheirWindows") {
  for (int taps = 1; taps <= 7; ++taps) {
    for (int stride = 1; stride <= 3; ++stride) {
      for (int outputs = 1; outputs <= 6; ++outputs) {
        const TapPlan plan = PlanTaps(taps, stride, outputs);
        std::vector<int> input, weights, want(outputs, 0);
        for (int i = 0; i < 2 * plan.input_words; ++i) input.push_back(i * i % 31 - 15);
        for (int t = 0; t < taps; ++t) weights.push_back(3 * t - 7);
        for (int o = 0; o < outputs; ++o) {
          for (int t = 0; t < taps; ++t) want[o] += input[o * stride + t] * weights[t];
        }
        INFO(taps << " taps, stride " << stride << ", " << outputs << " outputs");
        CHECK(Apply(plan, input, weights, outputs) == want);
      }
    }
  }
}

TEST_CASE("ThreeTapsTakeTwoMultiplicationsAndTwoWeightWords") {
  const TapPlan plan = PlanTaps(3, 1, 4);
  CHECK(plan.steps.size() == 8);
  CHECK(plan.weight_words.size() == 2);
  CHECK(plan.input_words == 3);
}

}  // namespace
}  // namespace tunefarm::schedules
