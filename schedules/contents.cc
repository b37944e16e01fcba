#include "schedules/contents.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tunefarm::schedules {
namespace {

// Of a scaled sum, in steps of the output. A normal distribution of this width has one output in twenty
// beyond int8's ends; at half of it next to none would saturate, at double a third.
constexpr double kOutputDeviation = 64;

// The mean of a multiplier: 3/4 as a fraction of 2^31.
constexpr double kMeanMultiplier = 0.75;

// Of sum (x - zero point) * w, x uniform over int8 (mean -1/2, variance (2^16 - 1) / 12) and w over
// [-127, 127] (mean 0, variance (255^2 - 1) / 12).
double SumDeviation(const ComputeDefinition& compute) {
  const double offset = compute.requantize->input_zero_point + 0.5;
  const double input_square = (65536 - 1) / 12.0 + offset * offset;
  const double weight_square = (255 * 255 - 1) / 12.0;
  return std::sqrt(compute.terms() * input_square * weight_square);
}

// Of softmax: differences of inputs are scaled so that neighbours among a row's values, 255 / columns apart,
// differ by about 0.8: then the largest takes about half of the whole, and the others the rest of the
// output's range.
ContentRange SoftmaxShift(const ComputeDefinition& compute) {
  constexpr double kStep = 0.8;
  constexpr int kFractionBits = 26;  // Of the scaled difference, which has 5 integer bits.
  const double scale =
      std::ldexp(kStep / 255 * static_cast<double>(compute.tensors[0].shape[1]), kFractionBits);
  const int low =
      std::clamp(static_cast<int>(std::lround(std::log2(scale / (1.5 * kMeanMultiplier)))), 0, 29);
  return {low, low + 1};
}

}  // namespace

ContentRange ContentsOf(const ComputeDefinition& compute, int tensor) {
  const Tensor& wanted = compute.tensors[tensor];
  if (wanted.dtype == DType::kI8) {
    return wanted.role == TensorRole::kConstant ? ContentRange{-127, 127} : ContentRange{-128, 127};
  }
  const bool addition = compute.addition.has_value();
  if (tensor == compute.requantize->multiplier.tensor ||
      (addition && tensor == compute.addition->input_multiplier)) {
    return {1 << 30, std::numeric_limits<int32_t>::max()};
  }
  // An input's scale over twice the larger one is at most 1/2; these are 1/4 .. 1/2. Two inputs of standard
  // deviation 74 then make a sum of 39 * 2^20, which 3/4 * 2^-19 turns into 59.
  if (addition && tensor == compute.addition->input_shift) return {-1, -1};
  if (addition && tensor == compute.requantize->shift.tensor) {
    return {1 - ScaledAddition::kLeftShift, 1 - ScaledAddition::kLeftShift};
  }
  if (compute.formula == Formula::kSoftmax) return SoftmaxShift(compute);
  if (tensor == compute.requantize->shift.tensor) {
    // Two neighbouring shifts, so that channels differ; 3/2 is the mean of their factors over the lower one.
    const double scale = kOutputDeviation / (1.5 * kMeanMultiplier * SumDeviation(compute));
    const int low = std::clamp(static_cast<int>(std::lround(std::log2(scale))), -31, 29);
    return {low, low + 1};
  }
  // The bias: of the size of the sums.
  const auto limit = static_cast<int32_t>(std::lround(SumDeviation(compute)));
  return {-limit, limit};
}

}  // namespace tunefarm::schedules
