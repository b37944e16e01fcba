// Workloads: an operator with its shapes, dtype, attributes and fused epilogue, as canonical text.
//
//   conv2d:n=1,h=56,w=56,ci=64,co=64,kh=3,kw=3,stride=1,pad=1,layout=nhwc,dtype=f32,epilogue=bias+relu
//
// The text is the identity: two workloads are the same when their canonical texts are, and their hash is used
// wherever a key is needed. Parsing accepts keys in any order. Printing writes them in the operator's order
// and leaves out dilation, groups, mult and epilogue at their defaults, so that a key added later changes no
// identity.
//
//   matmul            m, n, k                                output[m,n] = lhs[m,k] * rhs[k,n]
//   batch_matmul      b, m, n, k                             the same, b times, with its own rhs each
//   dense             m, n, k                                output[m,n] = lhs[m,k] * weights[n,k], as TFLite
//                                                            and PyTorch
//   conv2d            n, h, w, ci, co, kh, kw, stride=1, pad=0, dilation=1, groups=1, layout
//   depthwise_conv2d  n, h, w, c, kh, kw, stride=1, pad=0, dilation=1, mult=1, layout
//   these five        dtype=f32, epilogue=none (or steps joined by '+', each once, applied in that order)
//
// h and w are the input's; an output has floor((h + pad_t + pad_b - dilation (kh - 1) - 1) / stride_h) + 1
// rows. stride is the short form of stride_h and stride_w where they are equal, pad of pad_t, pad_l, pad_b,
// pad_r (top, left, bottom, right). Layouts: nchw (input [n,ci,h,w], weights [co,ci/groups,kh,kw], output
// [n,co,oh,ow]) as in PyTorch and ONNX, nhwc (input [n,h,w,ci], weights [co,kh,kw,ci/groups], output
// [n,oh,ow,co]) as in TFLite, and, for float, nchw8c and nchw16c (input [n,ci/8,h,w,8], output
// [n,co/8,oh,ow,8], weights, bias as in nchw; whole blocks in each group, mult=1). Depthwise weights are
// [c*mult,kh,kw] and [kh,kw,c*mult]; output channel c*mult
// + i belongs to input channel c.
//
// dtype=i8 is TFLite's int8 quantisation, of dense and, in nhwc, of the convolutions: int8 input and output,
// symmetric int8 weights, int32 sums, requantised for each output channel (Requantize, schedules/compute.h).
// It has more keys, left out at their defaults:
//   izp=0, ozp=0           zero points of input and output; padding reads the input's, so that it adds
//   nothing amin=-128, amax=127    the output is clamped to them; a fused activation is expressed so
//   rounding=double        of requantisation: double (TFLite Micro, CMSIS-NN) or single (TFLite on desktops)
// and its epilogue is bias or none. Int8 alone, and without an epilogue:
//   avg_pool2d        n, h, w, c, kh, kw, stride=1, pad=0, layout, amin, amax; input and output have one
//   scale; max_pool2d        padding does not count, and is smaller than the kernel add               n
//   elements; izp and izp2 (the second input's), ozp, amin, amax, rounding softmax           m rows of n <
//   4096; rounding; the output's scale is 1/256 and its zero point -128
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"

namespace tunefarm::schedules {

enum class Operator {
  kMatmul,
  kBatchMatmul,
  kDense,
  kConv2d,
  kDepthwiseConv2d,
  kAvgPool2d,
  kMaxPool2d,
  kAdd,
  kSoftmax
};
// Of a workload: kF32 or kI8; of a tensor (schedules/compute.h) any.
enum class DType { kF32, kI8, kI32 };
// How int8 results are rounded when they are scaled: twice, as TFLite's reference, TFLite Micro and CMSIS-NN
// do, or once, as TFLite built with TFLITE_SINGLE_ROUNDING does (schedules/fixed_point.h).
enum class Rounding { kDouble, kSingle };
// The blocked ones hold 8 or 16 neighbouring channels of a pixel together.
enum class Layout { kNone, kNchw, kNhwc, kNchw8c, kNchw16c };
// Channels in a block; 1 for the layouts that have none.
constexpr int64_t ChannelBlock(Layout layout) {
  return layout == Layout::kNchw8c ? 8 : layout == Layout::kNchw16c ? 16 : 1;
}
// Residual adds a tensor of the output's shape, bias one element per output channel (per n for the matmuls).
enum class EpilogueStep { kBias, kResidual, kRelu, kRelu6 };

class Workload {
 public:
  // Any bytes. kInvalidArgument with the column (from 1), what was found there and what was expected, over a
  // copy of the text with a caret (exit status kBadWorkload, or kUnknownOperator); kOutOfRange
  // (kShapeOverflow) when a number or a tensor's elements exceed 2^31, or the operator 2^53 flop.
  static absl::StatusOr<Workload> Parse(absl::string_view text);

  std::string ToString() const;  // Canonical; Parse(ToString()) is the same workload.
  std::string Hash() const;      // First 16 hexadecimal digits of the SHA-256 of ToString().

  Operator op() const { return op_; }
  absl::string_view op_name() const;
  // Value of a numeric key, optional ones included ("stride_h", "pad_l", "dilation", "groups", "izp"), but no
  // short form ("stride", "pad"). The key must exist for the operator and dtype.
  int64_t dim(absl::string_view key) const;
  DType dtype() const { return dtype_; }
  Rounding rounding() const { return rounding_; }  // Has a meaning for i8 alone.
  Layout layout() const { return layout_; }
  const std::vector<EpilogueStep>& epilogue() const { return epilogue_; }
  bool has_epilogue(EpilogueStep step) const;
  double flop()
      const;  // Multiply and add count as two; the epilogue does not count. Of int8, integer operations.
  bool has_weights() const {
    return op_ <= Operator::kDepthwiseConv2d;
  }  // Or a second factor: its work is products.

  friend bool operator==(const Workload& a, const Workload& b) { return a.ToString() == b.ToString(); }

 private:
  Workload() = default;
  Operator op_ = Operator::kMatmul;
  std::map<std::string, int64_t, std::less<>> dims_;
  DType dtype_ = DType::kF32;
  Rounding rounding_ = Rounding::kDouble;
  Layout layout_ = Layout::kNone;
  std::vector<EpilogueStep> epilogue_;
};

// A built-in set: the distinct layers of a known network with their multiplicity.
struct WeightedWorkload {
  Workload workload;
  double weight;
};
// resnet18, resnet50, mobilenet_v2, bert_base; int8: mlperf_tiny, and its models kws, vww, ic, ad. kNotFound
// lists the known names.
absl::StatusOr<std::vector<WeightedWorkload>> BuiltinWorkloads(absl::string_view name);
std::vector<std::string> BuiltinWorkloadNames();

}  // namespace tunefarm::schedules
