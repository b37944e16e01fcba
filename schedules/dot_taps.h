// How SMLAD handles the taps of a depthwise window: neighbouring int16 inputs of one channel stand in words,
// so that a word serves two taps of an output at once, or one tap of two outputs.
#pragma once

#include <array>
#include <vector>

namespace tunefarm::schedules {

// One multiplication for one output: two taps (SMLAD), or one (SMLABB and its kin).
struct TapStep {
  int output = 0;
  int input_word = 0;   // From where the first output's window starts.
  int weight_word = 0;  // Of TapPlan::weight_words.
  bool pair = false;
  bool input_top = false, weight_top = false;  // Which halves, when it is no pair.
};

struct TapPlan {
  // The taps whose weights stand in the bottom and the top half of each word; -1: none.
  std::vector<std::array<int, 2>> weight_words;
  int input_words = 0;
  std::vector<TapStep> steps;  // By input word, then output.
};

// A row of `taps` neighbouring taps for `outputs` outputs whose windows start `stride` elements apart, the
// first at an aligned word.
TapPlan PlanTaps(int taps, int stride, int outputs);

}  // namespace tunefarm::schedules
