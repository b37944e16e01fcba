#include "schedules/small_int8_reference.h"

#include <algorithm>

#include "schedules/fixed_point.h"
#include "schedules/fixed_point_exp.h"

namespace tunefarm::schedules {
namespace {

// Of one dimension of a window: the first element inside, and one past the last.
struct Span {
  int64_t begin, end;
};
Span SpanOf(int64_t output, int64_t stride, int64_t pad, int64_t kernel, int64_t size) {
  const int64_t first = output * stride - pad;
  return {std::max<int64_t>(first, 0), std::min(first + kernel, size)};
}

int8_t Pool(const Requantize& requantize, Formula formula, const int32_t* image, Span rows, Span columns,
            int64_t width, int64_t channels) {
  int32_t sum = 0, largest = -128;
  for (int64_t y = rows.begin; y < rows.end; ++y) {
    for (int64_t x = columns.begin; x < columns.end; ++x) {
      const int32_t value = image[(y * width + x) * channels];
      sum += value;
      largest = std::max(largest, value);
    }
  }
  const auto count = static_cast<int32_t>((rows.end - rows.begin) * (columns.end - columns.begin));
  const int32_t mean = (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
  return ClampToInt8(formula == Formula::kMax ? largest : mean, 0, requantize.output_min,
                     requantize.output_max);
}

void Pooling(const Workload& workload, const ComputeDefinition& compute, const std::vector<int32_t>& input,
             std::vector<int8_t>& output) {
  const std::vector<int64_t>& shape = compute.tensors.back().shape;
  const int64_t h = workload.dim("h"), w = workload.dim("w"), channels = workload.dim("c");
  int8_t* out = output.data();
  for (int64_t image = 0; image < shape[0]; ++image) {
    for (int64_t oh = 0; oh < shape[1]; ++oh) {
      const Span rows = SpanOf(oh, workload.dim("stride_h"), workload.dim("pad_t"), workload.dim("kh"), h);
      for (int64_t ow = 0; ow < shape[2]; ++ow) {
        const Span columns =
            SpanOf(ow, workload.dim("stride_w"), workload.dim("pad_l"), workload.dim("kw"), w);
        for (int64_t c = 0; c < channels; ++c) {
          *out++ = Pool(*compute.requantize, compute.formula, input.data() + image * h * w * channels + c,
                        rows, columns, w, channels);
        }
      }
    }
  }
}

void Add(const ComputeDefinition& compute, const IntTensors& inputs, std::vector<int8_t>& output) {
  const Requantize& requantize = *compute.requantize;
  const std::vector<int32_t>& multiplier = inputs[compute.addition->input_multiplier];
  const std::vector<int32_t>& shift = inputs[compute.addition->input_shift];
  const auto scaled = [&](int32_t value, int32_t zero_point, int input) {
    return MultiplyByQuantizedMultiplier((value - zero_point) * (1 << ScaledAddition::kLeftShift),
                                         multiplier[input], shift[input], requantize.rounding);
  };
  for (std::size_t i = 0; i < output.size(); ++i) {
    const int32_t sum = scaled(inputs[compute.lhs.tensor][i], requantize.input_zero_point, 0) +
                        scaled(inputs[compute.rhs.tensor][i], compute.addition->rhs_zero_point, 1);
    output[i] =
        ClampToInt8(MultiplyByQuantizedMultiplier(sum, inputs[requantize.multiplier.tensor][0],
                                                  inputs[requantize.shift.tensor][0], requantize.rounding),
                    requantize.output_zero_point, requantize.output_min, requantize.output_max);
  }
}

void Softmax(const ComputeDefinition& compute, const IntTensors& inputs, std::vector<int8_t>& output) {
  const Requantize& requantize = *compute.requantize;
  const int64_t rows = compute.tensors[0].shape[0], columns = compute.tensors[0].shape[1];
  const int32_t multiplier = inputs[requantize.multiplier.tensor][0],
                shift = inputs[requantize.shift.tensor][0];
  for (int64_t row = 0; row < rows; ++row) {
    const int32_t* in = inputs[0].data() + row * columns;
    const int32_t largest = *std::max_element(in, in + columns);
    const auto exponential = [&](int32_t value) {
      const int32_t difference = value - largest;
      if (difference < LowestSoftmaxDifference(shift)) return 0;
      return ExpOnNegativeValues(
          MultiplyByQuantizedMultiplier(difference, multiplier, shift, requantize.rounding));
    };
    int32_t sum = 0;
    for (int64_t i = 0; i < columns; ++i) sum += RoundingDivideByPowerOfTwo(exponential(in[i]), 12);
    const SoftmaxScale scale = SoftmaxScaleOf(sum);
    for (int64_t i = 0; i < columns; ++i) {
      const int32_t share = SaturatingRoundingDoublingHighMul(scale.reciprocal, exponential(in[i]));
      output[row * columns + i] =
          ClampToInt8(RoundingDivideByPowerOfTwo(share, scale.exponent), -128, -128, 127);
    }
  }
}

}  // namespace

std::vector<int8_t> SmallInt8Reference(const Workload& workload, const ComputeDefinition& compute,
                                       const IntTensors& inputs) {
  std::size_t elements = 1;
  for (const int64_t extent : compute.tensors.back().shape) elements *= static_cast<std::size_t>(extent);
  std::vector<int8_t> output(elements);
  switch (compute.formula) {
    case Formula::kMultiplyAdd:
      break;  // Has weights.
    case Formula::kMean:
    case Formula::kMax:
      Pooling(workload, compute, inputs[0], output);
      break;
    case Formula::kAdd:
      Add(compute, inputs, output);
      break;
    case Formula::kSoftmax:
      Softmax(compute, inputs, output);
      break;
  }
  return output;
}

}  // namespace tunefarm::schedules
