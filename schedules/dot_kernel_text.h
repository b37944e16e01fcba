// The C text of each architecture's micro-kernels, between dot_kernel.cc and the files that hold it. In the
// text, $LOW and $HIGH are the output's limits without its zero point, which is $ZERO. On x86-64, $WIDTH,
// $BYTES, $WORDS and $LANES are a vector's size in bits, bytes, int16 and int32, $HALF half of it in bits.
#pragma once

#include <string>
#include <vector>

#include "schedules/dot_kernel.h"

namespace tunefarm::schedules {

// What short cuts are held against; needs scale().
constexpr char kExactResult[] =
    R"(static int32_t exact_result(int32_t sum, int32_t multiplier, int32_t shift) {
  const int32_t scaled = scale(sum, multiplier, shift);
  return (scaled < $LOW ? $LOW : scaled > $HIGH ? $HIGH : scaled) + $ZERO;
}
)";

std::vector<const DotKernel*> X86DotKernels(const Target& target);
// The output's limits are those of int8, so that a saturating conversion clamps.
inline bool Saturates(const Requantize& requantize) {
  return requantize.output_min == -128 && requantize.output_max == 127;
}

// $LIMIT( clamps 16 bytes, with parentheses, where the output's limits are others than int8's.
std::string X86DotText(const DotKernel& kernel, const Requantize& requantize);
// Of kFloats: requantize(), or requantize_words() of windows, and what finds its parameters.
std::string X86ScaleText(const DotKernel& kernel, const Requantize& requantize);
// Double rounding is two lines (dot_scale_text_x86.cc).
bool HasTwoLines(const Requantize& requantize);
// What stands before and behind requantize_words(), which scales one vector. $LIMIT256( and $LIMIT512( are as
// $LIMIT(; $SUMS are the parameters' declarations, $OF(v0) their vectors of that number.
struct WindowText {
  std::string terms, store;
};
WindowText X86WindowText(const DotKernel& kernel, const Requantize& requantize);
std::vector<const DotKernel*> NeonDotKernels(const Target& target);
std::vector<const char*> NeonDotText(const DotKernel& kernel, Rounding rounding);

}  // namespace tunefarm::schedules
