// Workloads: an operator with its shapes, dtype, attributes and fused epilogue, as canonical text.
//
//   conv2d:n=1,h=56,w=56,ci=64,co=64,kh=3,kw=3,stride=1,pad=1,layout=nhwc,dtype=f32,epilogue=bias+relu
//
// The text is the identity: two workloads are the same when their canonical texts are, and their hash is used wherever
// a key is needed. Parsing accepts keys in any order and leaves out optional ones; printing writes every key in the
// operator's order. The operators and their keys are in docs/formats.md.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"

namespace tunefarm::schedules {

enum class Operator { kMatmul, kBatchMatmul, kDense, kConv2d, kDepthwiseConv2d };
enum class DType { kF32 };
enum class Layout { kNone, kNchw, kNhwc };
// In the order they are applied. Residual adds a tensor of the output's shape, bias one element per output channel.
enum class EpilogueStep { kBias, kResidual, kRelu, kRelu6 };

class Workload {
 public:
  // kInvalidArgument with the column (from 1) and what was expected there; kOutOfRange when a tensor would have more
  // than 2^31 elements or the operator more than 2^53 flop.
  static absl::StatusOr<Workload> Parse(absl::string_view text);

  std::string ToString() const;  // Canonical; Parse(ToString()) is the same workload.
  std::string Hash() const;      // First 16 hexadecimal digits of the SHA-256 of ToString().

  Operator op() const { return op_; }
  absl::string_view op_name() const;
  // Value of a numeric key, optional ones included ("stride", "pad", "dilation", "groups"). The key must exist.
  int64_t dim(absl::string_view key) const;
  DType dtype() const { return dtype_; }
  Layout layout() const { return layout_; }
  const std::vector<EpilogueStep>& epilogue() const { return epilogue_; }
  bool has_epilogue(EpilogueStep step) const;
  double flop() const;  // Multiply and add count as two; the epilogue does not count.

  friend bool operator==(const Workload& a, const Workload& b) { return a.ToString() == b.ToString(); }

 private:
  Workload() = default;
  Operator op_ = Operator::kMatmul;
  std::map<std::string, int64_t, std::less<>> dims_;
  DType dtype_ = DType::kF32;
  Layout layout_ = Layout::kNone;
  std::vector<EpilogueStep> epilogue_;
};

// A built-in set: the distinct layers of a known network with their multiplicity.
struct WeightedWorkload {
  Workload workload;
  double weight;
};
// resnet18, resnet50, mobilenet_v2, bert_base. kNotFound lists the known names.
absl::StatusOr<std::vector<WeightedWorkload>> BuiltinWorkloads(absl::string_view name);
std::vector<std::string> BuiltinWorkloadNames();

}  // namespace tunefarm::schedules
