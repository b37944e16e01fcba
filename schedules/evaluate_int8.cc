// EvaluateInt8Directly: the compute definition, read word by word, and the published definitions of the
// rounding. Shares nothing with Int8Reference(), which it checks.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>

#include "schedules/int8_reference.h"
#include "schedules/visit_points.h"

namespace tunefarm::schedules {
namespace {

// gemmlowp's SaturatingRoundingDoublingHighMul, as it is written there: a nudge by the sign, then a division
// that truncates. The multiplier is never -2^31, so that nothing saturates.
int64_t DoublingHighProduct(int64_t a, int64_t b) {
  const int64_t product = a * b;
  const int64_t nudge = product >= 0 ? 1 << 30 : 1 - (1 << 30);
  return (product + nudge) / (int64_t{1} << 31);
}

// To the nearest, ties away from zero: by magnitude and sign.
int64_t DivideRoundingAway(int64_t x, int64_t divisor) {
  const int64_t magnitude = (std::abs(x) + divisor / 2) / divisor;
  return x < 0 ? -magnitude : magnitude;
}

// To the nearest, ties up: floor(x / divisor + 1/2).
__extension__ using Wide = __int128;
int64_t DivideRoundingUp(Wide x, Wide divisor) {
  const Wide twice = 2 * x + divisor;
  Wide quotient = twice / (2 * divisor);
  if (twice % (2 * divisor) < 0) --quotient;
  return static_cast<int64_t>(quotient);
}

int64_t Scale(int64_t sum, int64_t multiplier, int64_t shift, Rounding rounding) {
  if (rounding == Rounding::kSingle) {
    return DivideRoundingUp(Wide{sum} * multiplier, Wide{1} << (31 - shift));
  }
  const int64_t left = int64_t{1} << std::max<int64_t>(shift, 0);
  return DivideRoundingAway(DoublingHighProduct(sum * left, multiplier),
                            int64_t{1} << std::max<int64_t>(-shift, 0));
}

}  // namespace

std::vector<int8_t> EvaluateInt8Directly(const ComputeDefinition& compute, const IntTensors& inputs) {
  std::size_t elements = 1;
  for (const int64_t extent : compute.tensors.back().shape) elements *= static_cast<std::size_t>(extent);
  std::vector<int8_t> output(elements);
  const Requantize& requantize = *compute.requantize;
  Point point(compute.axes.size(), 0);
  const auto read = [&](const TensorAccess& access) {
    return FindElement(compute, access, point, inputs[access.tensor].data());
  };

  const auto clamp = [&](int64_t value) {
    return static_cast<int8_t>(std::clamp<int64_t>(value, requantize.output_min, requantize.output_max));
  };
  const auto scale = [&](int64_t value, const TensorAccess& multiplier, const TensorAccess& shift,
                         int64_t i) {
    return Scale(value, inputs[multiplier.tensor][i], inputs[shift.tensor][i], requantize.rounding);
  };
  ForEachPoint(compute, AxisKind::kSpatial, 0, point, [&] {
    int8_t& out = *FindElement(compute, compute.output, point, output.data());
    if (compute.formula == Formula::kAdd) {
      const TensorAccess multiplier{compute.addition->input_multiplier, {}},
          shift{compute.addition->input_shift, {}};
      const int64_t left = (*read(compute.lhs) - requantize.input_zero_point) * int64_t{1 << 20};
      const int64_t right = (*read(compute.rhs) - compute.addition->rhs_zero_point) * int64_t{1 << 20};
      const int64_t sum = scale(left, multiplier, shift, 0) + scale(right, multiplier, shift, 1);
      out = clamp(scale(sum, requantize.multiplier, requantize.shift, 0) + requantize.output_zero_point);
      return;
    }
    if (compute.formula != Formula::kMultiplyAdd) {
      std::vector<int64_t> inside;
      ForEachPoint(compute, AxisKind::kReduction, 0, point, [&] {
        if (const int32_t* lhs = read(compute.lhs); lhs != nullptr) inside.push_back(*lhs);
      });
      const auto count = static_cast<int64_t>(inside.size());
      const int64_t sum = std::accumulate(inside.begin(), inside.end(), int64_t{0});
      out = clamp(compute.formula == Formula::kMax
                      ? *std::ranges::max_element(inside)
                      : std::llround(static_cast<double>(sum) / static_cast<double>(count)));
      return;
    }
    int64_t sum = 0;
    ForEachPoint(compute, AxisKind::kReduction, 0, point, [&] {
      const int32_t* lhs = read(compute.lhs);
      // Padding holds the zero point.
      const int64_t value =
          (lhs != nullptr ? *lhs : requantize.input_zero_point) - requantize.input_zero_point;
      sum += value * *read(compute.rhs);
    });
    for (const EpilogueOp& op : compute.epilogue) sum += *read(op.operand);  // The bias.
    const int64_t scaled =
        Scale(sum, *read(requantize.multiplier), *read(requantize.shift), requantize.rounding);
    out = clamp(scaled + requantize.output_zero_point);
  });
  return output;
}

}  // namespace tunefarm::schedules
