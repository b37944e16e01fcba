#include "schedules/reference.h"

#include <Eigen/Dense>
#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>

#include "base/inputs.h"
#include "schedules/int8_reference.h"

namespace tunefarm::schedules {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Blocks of the product: 4 MiB of lhs, 16 MiB of rhs and 2 MiB of output at most, whatever the workload's
// size. Half of it would convert the operands to double more often than it saves memory; Eigen blocks for the
// caches within.
constexpr int64_t kBlockRows = 256;
constexpr int64_t kBlockColumns = 1024;
constexpr int64_t kBlockTerms = 2048;

// Bias, residual and activations in double, then the one rounding.
class Epilogue {
 public:
  Epilogue(const ComputeDefinition& compute, const std::vector<std::vector<float>>& inputs)
      : steps_(compute.epilogue) {
    for (const EpilogueOp& op : steps_) {
      operands_.push_back(op.operand.tensor < 0 ? nullptr : inputs[op.operand.tensor].data());
    }
  }
  // For the element at the flat index `element` of the output, in output channel `channel`.
  float operator()(double value, int64_t element, int64_t channel) const {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      switch (steps_[i].step) {
        case EpilogueStep::kBias:
          value += operands_[i][channel];
          break;
        case EpilogueStep::kResidual:
          value += operands_[i][element];
          break;
        case EpilogueStep::kRelu:
          value = std::max(value, 0.0);
          break;
        case EpilogueStep::kRelu6:
          value = std::clamp(value, 0.0, 6.0);
          break;
      }
    }
    return static_cast<float>(value);
  }

 private:
  std::vector<EpilogueOp> steps_;
  std::vector<const float*> operands_;
};

// A half-open range.
struct Range {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};

// lhs [rows x terms] * rhs [terms x columns], block by block. The callbacks fill a block of an operand
// (already of the right size) and take a finished block of the product.
struct BlockedProduct {
  int64_t rows, columns, terms;
  std::function<void(Range rows, Range terms, Matrix&)> load_lhs;
  std::function<void(Range terms, Range columns, Matrix&)> load_rhs;
  std::function<void(Range rows, Range columns, const Matrix&)> store;

  void Run() const {
    Matrix lhs, rhs, product;
    for (int64_t j = 0; j < columns; j += kBlockColumns) {
      const Range block_columns{j, std::min(columns, j + kBlockColumns)};
      Range loaded_terms{0, 0};
      for (int64_t i = 0; i < rows; i += kBlockRows) {
        const Range block_rows{i, std::min(rows, i + kBlockRows)};
        product.setZero(block_rows.size(), block_columns.size());
        for (int64_t p = 0; p < terms; p += kBlockTerms) {
          const Range block_terms{p, std::min(terms, p + kBlockTerms)};
          lhs.resize(block_rows.size(), block_terms.size());
          load_lhs(block_rows, block_terms, lhs);
          // With few terms, one block of rhs serves all rows.
          if (loaded_terms.begin != block_terms.begin || loaded_terms.end != block_terms.end) {
            rhs.resize(block_terms.size(), block_columns.size());
            load_rhs(block_terms, block_columns, rhs);
            loaded_terms = block_terms;
          }
          product.noalias() += lhs * rhs;
        }
        store(block_rows, block_columns, product);
      }
    }
  }
};

// A block of a row-major matrix with `stride` columns.
void Load(const float* data, int64_t stride, Range rows, Range columns, Matrix& block) {
  for (int64_t i = rows.begin; i < rows.end; ++i) {
    const float* row = data + i * stride;
    for (int64_t j = columns.begin; j < columns.end; ++j) block(i - rows.begin, j - columns.begin) = row[j];
  }
}

void LoadTransposed(const float* data, int64_t stride, Range rows, Range columns, Matrix& block) {
  for (int64_t j = columns.begin; j < columns.end; ++j) {
    const float* row = data + j * stride;
    for (int64_t i = rows.begin; i < rows.end; ++i) block(i - rows.begin, j - columns.begin) = row[i];
  }
}

void Matmul(const Workload& workload, const float* lhs, const float* rhs, const Epilogue& epilogue,
            std::vector<float>& output) {
  const int64_t batch = workload.op() == Operator::kBatchMatmul ? workload.dim("b") : 1;
  const int64_t m = workload.dim("m"), n = workload.dim("n"), k = workload.dim("k");
  for (int64_t b = 0; b < batch; ++b) {
    BlockedProduct product{m, n, k, {}, {}, {}};
    product.load_lhs = [&](Range rows, Range terms, Matrix& block) {
      Load(lhs + b * m * k, k, rows, terms, block);
    };
    product.load_rhs = [&](Range terms, Range columns, Matrix& block) {
      if (workload.op() == Operator::kDense) {
        LoadTransposed(rhs, k, terms, columns, block);
      } else {
        Load(rhs + b * k * n, n, terms, columns, block);
      }
    };
    product.store = [&](Range rows, Range columns, const Matrix& block) {
      for (int64_t i = rows.begin; i < rows.end; ++i) {
        for (int64_t j = columns.begin; j < columns.end; ++j) {
          const int64_t element = (b * m + i) * n + j;
          output[element] = epilogue(block(i - rows.begin, j - columns.begin), element, j);
        }
      }
    };
    product.Run();
  }
}

// The sizes of a convolution, and where elements are in its layout.
struct Convolution {
  explicit Convolution(const Workload& workload)
      : nhwc(workload.layout() == Layout::kNhwc),
        block(ChannelBlock(workload.layout())),
        n(workload.dim("n")),
        h(workload.dim("h")),
        w(workload.dim("w")),
        kh(workload.dim("kh")),
        kw(workload.dim("kw")),
        stride_h(workload.dim("stride_h")),
        stride_w(workload.dim("stride_w")),
        pad_t(workload.dim("pad_t")),
        pad_l(workload.dim("pad_l")),
        dilation(workload.dim("dilation")),
        oh((h + pad_t + workload.dim("pad_b") - dilation * (kh - 1) - 1) / stride_h + 1),
        ow((w + pad_l + workload.dim("pad_r") - dilation * (kw - 1) - 1) / stride_w + 1) {}

  // Pixels are counted row by row.
  int64_t Element(int64_t channels, int64_t pixels, int64_t image, int64_t pixel, int64_t channel) const {
    if (nhwc) return (image * pixels + pixel) * channels + channel;
    return ((image * (channels / block) + channel / block) * pixels + pixel) * block + channel % block;
  }
  int64_t InputElement(int64_t channels, int64_t image, int64_t y, int64_t x, int64_t channel) const {
    return Element(channels, h * w, image, y * w + x, channel);
  }
  int64_t OutputElement(int64_t channels, int64_t image, int64_t pixel, int64_t channel) const {
    return Element(channels, oh * ow, image, pixel, channel);
  }
  // Of the input, for an output pixel and a tap of the kernel.
  int64_t Row(int64_t pixel, int64_t tap) const {
    return pixel / ow * stride_h + tap / kw * dilation - pad_t;
  }
  int64_t Column(int64_t pixel, int64_t tap) const {
    return pixel % ow * stride_w + tap % kw * dilation - pad_l;
  }
  bool Inside(int64_t y, int64_t x) const { return y >= 0 && y < h && x >= 0 && x < w; }

  bool nhwc;
  int64_t block;  // Of channels that lie together.
  int64_t n, h, w, kh, kw, stride_h, stride_w, pad_t, pad_l, dilation, oh, ow;
};

// im2col: one product per image and group, with a row per output pixel and a term per weight of an output
// channel.
void Conv2d(const Workload& workload, const float* input, const float* weights, const Epilogue& epilogue,
            std::vector<float>& output) {
  const Convolution conv(workload);
  const int64_t in_channels = workload.dim("ci"), out_channels = workload.dim("co"),
                groups = workload.dim("groups");
  const int64_t in_per_group = in_channels / groups, out_per_group = out_channels / groups;
  const int64_t terms_per_channel = in_per_group * conv.kh * conv.kw;

  for (int64_t image = 0; image < conv.n; ++image) {
    for (int64_t group = 0; group < groups; ++group) {
      BlockedProduct product{conv.oh * conv.ow, out_per_group, terms_per_channel, {}, {}, {}};
      product.load_lhs = [&](Range rows, Range terms, Matrix& block) {
        for (int64_t p = terms.begin; p < terms.end; ++p) {
          // Terms are in the order of the weights: ci,kh,kw or kh,kw,ci.
          const int64_t ci = conv.nhwc ? p % in_per_group : p / (conv.kh * conv.kw);
          const int64_t tap = conv.nhwc ? p / in_per_group : p % (conv.kh * conv.kw);
          for (int64_t pixel = rows.begin; pixel < rows.end; ++pixel) {
            const int64_t y = conv.Row(pixel, tap), x = conv.Column(pixel, tap);
            block(pixel - rows.begin, p - terms.begin) =
                conv.Inside(y, x)
                    ? input[conv.InputElement(in_channels, image, y, x, group * in_per_group + ci)]
                    : 0;
          }
        }
      };
      product.load_rhs = [&](Range terms, Range columns, Matrix& block) {
        LoadTransposed(weights + group * out_per_group * terms_per_channel, terms_per_channel, terms, columns,
                       block);
      };
      product.store = [&](Range rows, Range columns, const Matrix& block) {
        for (int64_t pixel = rows.begin; pixel < rows.end; ++pixel) {
          for (int64_t co = columns.begin; co < columns.end; ++co) {
            const int64_t channel = group * out_per_group + co;
            const int64_t element = conv.OutputElement(out_channels, image, pixel, channel);
            output[element] = epilogue(block(pixel - rows.begin, co - columns.begin), element, channel);
          }
        }
      };
      product.Run();
    }
  }
}

void DepthwiseConv2d(const Workload& workload, const float* input, const float* weights,
                     const Epilogue& epilogue, std::vector<float>& output) {
  const Convolution conv(workload);
  const int64_t in_channels = workload.dim("c"), mult = workload.dim("mult"),
                out_channels = in_channels * mult;
  std::vector<double> sums(out_channels);
  for (int64_t image = 0; image < conv.n; ++image) {
    for (int64_t pixel = 0; pixel < conv.oh * conv.ow; ++pixel) {
      std::fill(sums.begin(), sums.end(), 0.0);
      for (int64_t tap = 0; tap < conv.kh * conv.kw; ++tap) {
        const int64_t y = conv.Row(pixel, tap), x = conv.Column(pixel, tap);
        if (!conv.Inside(y, x)) continue;
        int64_t channel = 0;
        for (int64_t c = 0; c < in_channels; ++c) {
          const double value = input[conv.InputElement(in_channels, image, y, x, c)];
          for (int64_t i = 0; i < mult; ++i, ++channel) {
            sums[channel] +=
                value * weights[conv.nhwc ? tap * out_channels + channel : channel * conv.kh * conv.kw + tap];
          }
        }
      }
      for (int64_t channel = 0; channel < out_channels; ++channel) {
        const int64_t element = conv.OutputElement(out_channels, image, pixel, channel);
        output[element] = epilogue(sums[channel], element, channel);
      }
    }
  }
}

int64_t Elements(const Tensor& tensor) {
  int64_t elements = 1;
  for (const int64_t extent : tensor.shape) elements *= extent;
  return elements;
}

}  // namespace

std::vector<std::vector<float>> MakeInputs(const ComputeDefinition& compute, uint64_t seed) {
  std::vector<std::vector<float>> inputs(compute.tensors.size() - 1);
  for (std::size_t argument = 0; argument < inputs.size(); ++argument) {
    inputs[argument].resize(Elements(compute.tensors[argument]));
    for (std::size_t i = 0; i < inputs[argument].size(); ++i) {
      inputs[argument][i] = InputFloat(seed, static_cast<uint32_t>(argument), i);
    }
  }
  return inputs;
}

std::vector<float> Reference(const Workload& workload, const std::vector<std::vector<float>>& inputs) {
  const ComputeDefinition compute = DefineCompute(workload);
  const Epilogue epilogue(compute, inputs);
  std::vector<float> output(Elements(compute.tensors.back()));
  const float* lhs = inputs[0].data();
  const float* rhs = inputs[1].data();
  switch (workload.op()) {
    case Operator::kMatmul:
    case Operator::kBatchMatmul:
    case Operator::kDense:
      Matmul(workload, lhs, rhs, epilogue, output);
      break;
    case Operator::kConv2d:
      Conv2d(workload, lhs, rhs, epilogue, output);
      break;
    case Operator::kDepthwiseConv2d:
      DepthwiseConv2d(workload, lhs, rhs, epilogue, output);
      break;
    case Operator::kAvgPool2d:
    case Operator::kMaxPool2d:
    case Operator::kAdd:
    case Operator::kSoftmax:
      break;  // Int8 alone.
  }
  return output;
}

std::string ReferenceBytes(const Workload& workload, uint64_t seed) {
  static_assert(std::endian::native == std::endian::little);
  const ComputeDefinition compute = DefineCompute(workload);
  const auto bytes = [](const auto& output) {
    return std::string(reinterpret_cast<const char*>(output.data()), output.size() * sizeof(output[0]));
  };
  if (workload.dtype() == DType::kI8) return bytes(Int8Reference(workload, MakeIntInputs(compute, seed)));
  return bytes(Reference(workload, MakeInputs(compute, seed)));
}

Tolerance ToleranceOf(const Workload& workload) {
  // A sum of N products in float32, u = 2^-24, inputs uniform in [-1, 1): the bound for all inputs, N u sum|a
  // b| (Higham, Accuracy and Stability of Numerical Algorithms, 3.1), grows as N^2 u and would let a whole
  // missing term pass where N is large. For roundings that are independent and of mean 0 (Higham and Mary,
  // SIAM J. Sci. Comput. 41(5), 2019), each adds u s_i / sqrt(3) to the standard deviation, with the partial
  // sum s_i of variance i/9; over N steps this makes u N / sqrt(54). 4 u N is 29 of these standard
  // deviations, in any order of summation, with or without fused multiply-adds; and the mean |a b| of a
  // missing term, 1/4, stays far above it up to N = 10^5. The 8 more terms cover small N, where the bound for
  // all inputs is the smaller one, and the epilogue's additions.
  constexpr double kUnitRoundoff = 0x1.0p-24;
  const ComputeDefinition compute = DefineCompute(workload);
  if (compute.requantize.has_value()) return {0, 0};  // Integer arithmetic is exact.
  return {4 * kUnitRoundoff * (compute.terms() + 8), 8 * kUnitRoundoff};
}

}  // namespace tunefarm::schedules
