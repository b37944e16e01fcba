// What schedules need to know of a compute definition again and again, worked out once per task.
#pragma once

#include <cstdint>
#include <vector>

#include "base/status.h"
#include "schedules/compute.h"

namespace tunefarm::schedules {

// A tensor access with its address made linear: offset + sum over axes of stride[axis] * axis, in elements.
struct LinearAccess {
  TensorAccess access;
  std::vector<int32_t> stride;          // Per axis; 0 where the access does not depend on it.
  std::vector<bool> uses;               // Per axis: the access depends on it.
  int32_t offset = 0;                   // Negative where padding comes first.
  std::vector<int32_t> tensor_strides;  // Per dimension.
  bool reads_padding = false;           // Some element lies outside the tensor.
  bool constant = false;                // The tensor may be packed once, when the kernel is prepared.

  bool contiguous_along(int axis) const { return stride[axis] == 1; }
};

struct ComputeFacts {
  ComputeDefinition compute;
  LinearAccess lhs, rhs, output;
  std::vector<LinearAccess> epilogue;  // As many as epilogue steps; only bias and residual have a meaning.
  LinearAccess multiplier, shift;      // Of int8 computations.
  int spatial_axes = 0;                // Axes 0 .. spatial_axes-1 are spatial.
};

// The same computation with axes of extent 1 dropped (except where none would be left) and neighbouring axes
// fused where every tensor lets them: a 1x1 convolution becomes a matrix product. Tensors keep their number
// and their elements' order.
ComputeDefinition Simplify(const ComputeDefinition& compute);

// Fuses `outer` and the axis after it into one, or says which tensor does not let it. Legal when both are of
// one kind and every tensor that has one of them has both, in neighbouring dimensions that they cover whole
// and without padding.
absl::StatusOr<ComputeDefinition> Fuse(const ComputeDefinition& compute, int outer);

ComputeFacts Analyze(ComputeDefinition compute);

}  // namespace tunefarm::schedules
