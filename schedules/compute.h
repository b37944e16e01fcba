// Compute definitions: what an operator computes, as an index expression over buffers, with no word about
// how.
//
//   out[spatial...] = epilogue(sum over reduction axes of lhs[affine...] * rhs[affine...])
//
// From it come the flop count, the reference's oracle, the legality checks and the derived schedule space.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schedules/workload.h"

namespace tunefarm::schedules {

enum class AxisKind { kSpatial, kReduction };
struct Axis {
  std::string name;  // "oh", "ci": as in the workload's text where it has one.
  int64_t extent;
  AxisKind kind;
};

// constant + sum of coefficient * axis. At most one term an axis.
struct AffineTerm {
  int axis;
  int64_t coefficient;
};
struct AffineIndex {
  std::vector<AffineTerm> terms;
  int64_t constant = 0;
};

enum class TensorRole { kInput, kConstant, kOutput };
struct Tensor {
  std::string name;  // A C identifier.
  TensorRole role;   // Constants may be packed when the kernel is prepared; inputs only while it runs.
  std::vector<int64_t> shape;  // Dense, row-major, in the layout the workload names.
};

// An index per dimension of the tensor. An input read outside its shape is 0 (padding).
struct TensorAccess {
  int tensor;
  std::vector<AffineIndex> index;
};

struct EpilogueOp {
  EpilogueStep step;
  TensorAccess operand;  // For bias and residual; tensor is -1 for the others.
};

struct ComputeDefinition {
  std::string name;        // The operator's.
  std::vector<Axis> axes;  // Spatial ones first, in the order of the output's dimensions, then reductions.
  std::vector<Tensor> tensors;  // In the kernel's argument order; the output is last.
  TensorAccess output;          // Spatial axes only.
  TensorAccess lhs, rhs;  // The factors. By convention rhs is the constant one (weights) where there is one.
  std::vector<EpilogueOp> epilogue;
  double flop = 0;
};

// Argument order: lhs, rhs, then bias and residual (in this order) where the epilogue has them, then the
// output. Tensors are called lhs, rhs (matmul, batch_matmul), weights (the others), input (convolutions),
// bias, residual, output. Axes are called as in the workload's text, with oh and ow for the output's rows and
// columns. Grouped convolution has the group "g" as a spatial axis of its own, with co and ci counted within
// the group; a depthwise one has "c" and, when there is more than one, "mult". Reductions are in the order of
// the weights' dimensions: ci, kh, kw for nchw; kh, kw, ci for nhwc. Axes of extent 1 are there as well (n,
// kh, kw), but for a single group or multiplier.
ComputeDefinition DefineCompute(const Workload& workload);

}  // namespace tunefarm::schedules
