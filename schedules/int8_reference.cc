#include "schedules/int8_reference.h"

#include "base/inputs.h"
#include "schedules/contents.h"
#include "schedules/fixed_point.h"
#include "schedules/small_int8_reference.h"

namespace tunefarm::schedules {
namespace {

std::size_t Elements(const Tensor& tensor) {
  std::size_t elements = 1;
  for (const int64_t extent : tensor.shape) elements *= static_cast<std::size_t>(extent);
  return elements;
}

// The tensors of a layer with weights by name, and its way from a sum to the output.
class Layer {
 public:
  Layer(const ComputeDefinition& compute, const IntTensors& inputs)
      : requantize_(*compute.requantize),
        input(inputs[compute.lhs.tensor].data()),
        weights(inputs[compute.rhs.tensor].data()),
        multiplier_(inputs[requantize_.multiplier.tensor].data()),
        shift_(inputs[requantize_.shift.tensor].data()) {
    if (!compute.epilogue.empty()) bias_ = inputs[compute.epilogue[0].operand.tensor].data();
  }
  int32_t input_zero_point() const { return requantize_.input_zero_point; }
  // `sum` without the bias.
  int8_t Output(int64_t sum, int64_t channel) const {
    if (bias_ != nullptr) sum += bias_[channel];
    const int32_t scaled = MultiplyByQuantizedMultiplier(static_cast<int32_t>(sum), multiplier_[channel],
                                                         shift_[channel], requantize_.rounding);
    return ClampToInt8(scaled, requantize_.output_zero_point, requantize_.output_min, requantize_.output_max);
  }

 private:
  const Requantize& requantize_;

 public:
  const int32_t* input;
  const int32_t* weights;

 private:
  const int32_t* multiplier_;
  const int32_t* shift_;
  const int32_t* bias_ = nullptr;
};

// weights [n,k] of dense, [k,n] of matmul.
void Matmul(const Workload& workload, const Layer& layer, std::vector<int8_t>& output) {
  const int64_t m = workload.dim("m"), n = workload.dim("n"), k = workload.dim("k");
  const bool dense = workload.op() == Operator::kDense;
  const int64_t channel_stride = dense ? k : 1, term_stride = dense ? 1 : n;
  for (int64_t row = 0; row < m; ++row) {
    for (int64_t channel = 0; channel < n; ++channel) {
      int64_t sum = 0;
      for (int64_t p = 0; p < k; ++p) {
        sum += int64_t{layer.input[row * k + p] - layer.input_zero_point()} *
               layer.weights[channel * channel_stride + p * term_stride];
      }
      output[row * n + channel] = layer.Output(sum, channel);
    }
  }
}

// Calls `visit(y, x, tap)` for each tap of the kernel that meets the input at the output pixel (oh, ow);
// those in the padding add nothing.
template <typename Visit>
void ForEachTap(const Workload& workload, int64_t oh, int64_t ow, const Visit& visit) {
  const int64_t h = workload.dim("h"), w = workload.dim("w"), kw = workload.dim("kw");
  for (int64_t i = 0; i < workload.dim("kh"); ++i) {
    const int64_t y = oh * workload.dim("stride_h") + i * workload.dim("dilation") - workload.dim("pad_t");
    if (y < 0 || y >= h) continue;
    for (int64_t j = 0; j < kw; ++j) {
      const int64_t x = ow * workload.dim("stride_w") + j * workload.dim("dilation") - workload.dim("pad_l");
      if (x >= 0 && x < w) visit(y, x, i * kw + j);
    }
  }
}

// input [n,h,w,ci], weights [co,kh,kw,ci/groups].
void Conv2d(const Workload& workload, const std::vector<int64_t>& shape, const Layer& layer,
            std::vector<int8_t>& output) {
  const int64_t h = workload.dim("h"), w = workload.dim("w"), ci = workload.dim("ci");
  const int64_t depth = ci / workload.dim("groups"), width = shape[3] / workload.dim("groups");
  const int64_t taps = workload.dim("kh") * workload.dim("kw");
  std::vector<int64_t> sums(shape[3]);
  int8_t* out = output.data();
  for (int64_t image = 0; image < shape[0]; ++image) {
    for (int64_t oh = 0; oh < shape[1]; ++oh) {
      for (int64_t ow = 0; ow < shape[2]; ++ow) {
        sums.assign(sums.size(), 0);
        ForEachTap(workload, oh, ow, [&](int64_t y, int64_t x, int64_t tap) {
          const int32_t* pixel = layer.input + ((image * h + y) * w + x) * ci;
          for (int64_t channel = 0; channel < shape[3]; ++channel) {
            const int32_t* in = pixel + channel / width * depth;
            const int32_t* weights = layer.weights + (channel * taps + tap) * depth;
            int32_t sum = 0;  // Of at most 65536 products.
            for (int64_t c = 0; c < depth; ++c) sum += (in[c] - layer.input_zero_point()) * weights[c];
            sums[channel] += sum;
          }
        });
        for (int64_t channel = 0; channel < shape[3]; ++channel) {
          *out++ = layer.Output(sums[channel], channel);
        }
      }
    }
  }
}

// input [n,h,w,c], weights [kh,kw,c*mult].
void DepthwiseConv2d(const Workload& workload, const std::vector<int64_t>& shape, const Layer& layer,
                     std::vector<int8_t>& output) {
  const int64_t h = workload.dim("h"), w = workload.dim("w"), mult = workload.dim("mult");
  const int64_t ci = workload.dim("c");
  std::vector<int64_t> sums(shape[3]);
  int8_t* out = output.data();
  for (int64_t image = 0; image < shape[0]; ++image) {
    for (int64_t oh = 0; oh < shape[1]; ++oh) {
      for (int64_t ow = 0; ow < shape[2]; ++ow) {
        sums.assign(sums.size(), 0);
        ForEachTap(workload, oh, ow, [&](int64_t y, int64_t x, int64_t tap) {
          const int32_t* pixel = layer.input + ((image * h + y) * w + x) * ci;
          const int32_t* weights = layer.weights + tap * shape[3];
          for (int64_t channel = 0; channel < shape[3]; ++channel) {
            sums[channel] += int64_t{pixel[channel / mult] - layer.input_zero_point()} * weights[channel];
          }
        });
        for (int64_t channel = 0; channel < shape[3]; ++channel) {
          *out++ = layer.Output(sums[channel], channel);
        }
      }
    }
  }
}

}  // namespace

IntTensors MakeIntInputs(const ComputeDefinition& compute, uint64_t seed) {
  IntTensors inputs(compute.tensors.size() - 1);
  for (std::size_t argument = 0; argument < inputs.size(); ++argument) {
    const ContentRange range = ContentsOf(compute, static_cast<int>(argument));
    inputs[argument].resize(Elements(compute.tensors[argument]));
    for (std::size_t i = 0; i < inputs[argument].size(); ++i) {
      inputs[argument][i] = InputInt(seed, static_cast<uint32_t>(argument), i, range.low, range.high);
    }
  }
  return inputs;
}

std::vector<int8_t> Int8Reference(const Workload& workload, const IntTensors& inputs) {
  const ComputeDefinition compute = DefineCompute(workload);
  if (compute.formula != Formula::kMultiplyAdd) return SmallInt8Reference(workload, compute, inputs);
  std::vector<int8_t> output(Elements(compute.tensors.back()));
  const Layer layer(compute, inputs);
  const std::vector<int64_t>& shape = compute.tensors.back().shape;
  switch (workload.op()) {
    case Operator::kMatmul:
    case Operator::kBatchMatmul:
    case Operator::kDense:
      Matmul(workload, layer, output);
      break;
    case Operator::kConv2d:
      Conv2d(workload, shape, layer, output);
      break;
    case Operator::kDepthwiseConv2d:
      DepthwiseConv2d(workload, shape, layer, output);
      break;
    case Operator::kAvgPool2d:
    case Operator::kMaxPool2d:
    case Operator::kAdd:
    case Operator::kSoftmax:
      break;  // Above.
  }
  return output;
}

}  // namespace tunefarm::schedules
