// Exponential and reciprocal in 32-bit fixed point, as TFLite's int8 softmax takes them.
//
// Source: gemmlowp, fixedpoint/fixedpoint.h (exp_on_negative_values, one_over_one_plus_x_for_x_in_0_1), and
// TensorFlow Lite, kernels/internal/common.h (GetReciprocal) and quantization_util.cc (CalculateInputRadius).
// A number in the format Qi has i integer bits and 31 - i of a fraction.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>

#include "schedules/fixed_point.h"

namespace tunefarm::schedules {

inline int32_t SaturatingShiftLeft(int32_t x, int exponent) {
  return static_cast<int32_t>(std::clamp<int64_t>(int64_t{x} * (int64_t{1} << exponent),
                                                  std::numeric_limits<int32_t>::min(),
                                                  std::numeric_limits<int32_t>::max()));
}

// exp(a) in Q0, for a <= 0 in Q5. Within [-1/4, 0) by a Taylor polynomial around -1/8; the rest of a is a sum
// of powers of two from 1/4 to 16, whose exponentials are multiplied.
inline int32_t ExpOnNegativeValues(int32_t a) {
  if (a == 0) return std::numeric_limits<int32_t>::max();
  constexpr int32_t kQuarter = 1 << 24;  // In Q5.
  const int32_t within = (a & (kQuarter - 1)) - kQuarter;
  const int32_t remainder = within - a;

  constexpr int32_t kExpOfMinusEighth = 1895147668, kThird = 715827883;
  const auto multiply = SaturatingRoundingDoublingHighMul;
  const int32_t x = SaturatingShiftLeft(within, 5) + (1 << 28);  // In Q0, from -1/8 on.
  const int32_t x2 = multiply(x, x), x3 = multiply(x2, x), x4 = multiply(x2, x2);
  const int32_t higher = RoundingDivideByPowerOfTwo(
      multiply(RoundingDivideByPowerOfTwo(x4, 2) + x3, kThird) + x2, 1);  // x^4/24 + x^3/6 + x^2/2.
  int32_t result = kExpOfMinusEighth + multiply(kExpOfMinusEighth, x + higher);

  // exp(-2^(i-2)) in Q0.
  constexpr int32_t kFactors[] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
  for (int i = 0; i < 7; ++i) {
    if ((remainder & (kQuarter << i)) != 0) result = multiply(result, kFactors[i]);
  }
  return result;
}

// What a row's exponentials (Q0) are multiplied by, and then divided by as a power of two, to become shares
// of 256.
struct SoftmaxScale {
  int32_t reciprocal;
  int exponent;
};

// `sum` of the exponentials, in Q12; positive.
inline SoftmaxScale SoftmaxScaleOf(int32_t sum) {
  const int headroom = std::countl_zero(static_cast<uint32_t>(sum));
  // sum = 2^(31 - headroom) (1 + a), a in Q0.
  const auto a = static_cast<int32_t>((static_cast<uint32_t>(sum) << headroom) - (uint32_t{1} << 31));
  // 1 / (1 + a) by Newton's method on half of the denominator, x in Q2, from 48/17 - 32/17 d on.
  const auto multiply = SaturatingRoundingDoublingHighMul;
  const auto half_denominator =
      static_cast<int32_t>((int64_t{a} + std::numeric_limits<int32_t>::max() + 1) / 2);
  constexpr int32_t k48Over17 = 1515870810, kMinus32Over17 = -1010580540, kOne = 1 << 29;
  int32_t x = k48Over17 + multiply(half_denominator, kMinus32Over17);
  for (int i = 0; i < 3; ++i) {
    const int32_t error = kOne - multiply(half_denominator, x);
    x += SaturatingShiftLeft(multiply(x, error), 2);
  }
  // 31 - 8 for the share of 256, 12 - headroom for the sum's unit.
  return {SaturatingShiftLeft(x, 1), 12 - headroom + 31 - 8};
}

// Differences from a row's largest input below this do not count: scaled by 2^shift (and a multiplier below
// 1) they could leave Q5. shift in [0, 30].
inline int32_t LowestSoftmaxDifference(int32_t shift) {
  return -static_cast<int32_t>((int64_t{31} << 26) >> shift);
}

}  // namespace tunefarm::schedules
