// EvaluateInt8Directly: the compute definition, read word by word, and the published definitions of the
// rounding. Shares nothing with Int8Reference(), which it checks.
#include <algorithm>
#include <cstdlib>

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

  ForEachPoint(compute, AxisKind::kSpatial, 0, point, [&] {
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
    *FindElement(compute, compute.output, point, output.data()) = static_cast<int8_t>(std::clamp<int64_t>(
        scaled + requantize.output_zero_point, requantize.output_min, requantize.output_max));
  });
  return output;
}

}  // namespace tunefarm::schedules
