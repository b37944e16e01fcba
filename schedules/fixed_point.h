// The arithmetic of TFLite's int8 quantisation, exact to the bit.
//
// Source: TensorFlow Lite, kernels/internal/common.{h,cc} (MultiplyByQuantizedMultiplier, in both its builds)
// and gemmlowp, fixedpoint/fixedpoint.h (SaturatingRoundingDoublingHighMul, RoundingDivideByPOT). CMSIS-NN's
// arm_nn_requantize gives the same bits.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "schedules/workload.h"

namespace tunefarm::schedules {

// a * b / 2^31, rounded to the nearest, ties towards +infinity. The one product that does not fit,
// (-2^31)^2, saturates.
inline int32_t SaturatingRoundingDoublingHighMul(int32_t a, int32_t b) {
  constexpr int32_t kLowest = std::numeric_limits<int32_t>::min();
  if (a == kLowest && b == kLowest) return std::numeric_limits<int32_t>::max();
  return static_cast<int32_t>((int64_t{a} * b + (int64_t{1} << 30)) >> 31);
}

// x / 2^exponent, rounded to the nearest, ties away from zero. exponent in [0, 62].
inline int32_t RoundingDivideByPowerOfTwo(int32_t x, int exponent) {
  const int64_t mask = (int64_t{1} << exponent) - 1;
  const int64_t remainder = x & mask;
  const int64_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
  return static_cast<int32_t>((int64_t{x} >> exponent) + (remainder > threshold ? 1 : 0));
}

// x * multiplier * 2^(shift - 31). multiplier in [0, 2^31), shift in [-31, 30], positive to the left.
//   double: x is shifted left first, where it is (bits above 32 are lost), then the doubling high product is
//   rounded, then the shift to the right; single: the 64-bit product is shifted and rounded once, ties
//   towards +infinity, and its low 32 bits kept.
// A result that does not fit in 32 bits is a scale that no converter makes; TFLite leaves it undefined.
inline int32_t MultiplyByQuantizedMultiplier(int32_t x, int32_t multiplier, int32_t shift,
                                             Rounding rounding) {
  if (rounding == Rounding::kSingle) {
    const int total = 31 - shift;
    return static_cast<int32_t>((int64_t{x} * multiplier + (int64_t{1} << (total - 1))) >> total);
  }
  const auto shifted = static_cast<int32_t>(static_cast<uint32_t>(x) << std::max(shift, 0));
  return RoundingDivideByPowerOfTwo(SaturatingRoundingDoublingHighMul(shifted, multiplier),
                                    std::max(-shift, 0));
}

// Output of an int8 operator from its scaled value.
inline int8_t ClampToInt8(int32_t scaled, int32_t zero_point, int32_t lowest, int32_t highest) {
  return static_cast<int8_t>(std::clamp<int64_t>(int64_t{scaled} + zero_point, lowest, highest));
}

}  // namespace tunefarm::schedules
