#include "schedules/dot_taps.h"

#include <algorithm>

namespace tunefarm::schedules {
namespace {

// The word that holds the taps in both halves, added when there is none.
int FindPair(TapPlan& plan, int low, int high) {
  const std::array<int, 2> wanted = {low, high};
  const auto found = std::ranges::find(plan.weight_words, wanted);
  if (found != plan.weight_words.end()) return static_cast<int>(found - plan.weight_words.begin());
  plan.weight_words.push_back(wanted);
  return static_cast<int>(plan.weight_words.size()) - 1;
}

// Any word that holds the tap; one of its own when there is none.
int FindSingle(TapPlan& plan, int tap) {
  for (std::size_t w = 0; w < plan.weight_words.size(); ++w) {
    if (plan.weight_words[w][0] == tap || plan.weight_words[w][1] == tap) return static_cast<int>(w);
  }
  return FindPair(plan, tap, -1);
}

}  // namespace

TapPlan PlanTaps(int taps, int stride, int outputs) {
  TapPlan plan;
  plan.input_words = ((outputs - 1) * stride + taps + 1) / 2;
  // Pairs first, so that single taps find their weights in them.
  for (const bool pairs : {true, false}) {
    for (int output = 0; output < outputs; ++output) {
      for (int tap = 0; tap < taps; ++tap) {
        const int at = output * stride + tap;
        const bool pair = at % 2 == 0 && tap + 1 < taps;
        if (pair == pairs) {
          TapStep step{.output = output, .input_word = at / 2, .pair = pair, .input_top = at % 2 == 1};
          step.weight_word = pair ? FindPair(plan, tap, tap + 1) : FindSingle(plan, tap);
          step.weight_top = plan.weight_words[step.weight_word][0] != tap;
          plan.steps.push_back(step);
        }
        tap += pair;
      }
    }
  }
  std::ranges::stable_sort(plan.steps, [](const TapStep& a, const TapStep& b) {
    return a.input_word != b.input_word ? a.input_word < b.input_word : a.output < b.output;
  });
  return plan;
}

}  // namespace tunefarm::schedules
