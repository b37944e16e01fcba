// Reading a compute definition point by point: what the direct evaluations share.
#pragma once

#include <cstdint>
#include <vector>

#include "schedules/compute.h"

namespace tunefarm::schedules {

using Point = std::vector<int64_t>;  // A value per axis.

// The element an access names, or nullptr outside of the tensor (padding).
template <typename Value>
Value* FindElement(const ComputeDefinition& compute, const TensorAccess& access, const Point& point,
                   Value* data) {
  const std::vector<int64_t>& shape = compute.tensors[access.tensor].shape;
  int64_t element = 0;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    int64_t position = access.index[d].constant;
    for (const AffineTerm& term : access.index[d].terms) position += term.coefficient * point[term.axis];
    if (position < 0 || position >= shape[d]) return nullptr;
    element = element * shape[d] + position;
  }
  return data + element;
}

// Calls `visit` for each point of the axes of one kind, the others as they are.
template <typename Visit>
void ForEachPoint(const ComputeDefinition& compute, AxisKind kind, std::size_t axis, Point& point,
                  const Visit& visit) {
  if (axis == compute.axes.size()) {
    visit();
  } else if (compute.axes[axis].kind != kind) {
    ForEachPoint(compute, kind, axis + 1, point, visit);
  } else {
    for (point[axis] = 0; point[axis] < compute.axes[axis].extent; ++point[axis]) {
      ForEachPoint(compute, kind, axis + 1, point, visit);
    }
    point[axis] = 0;
  }
}

}  // namespace tunefarm::schedules
