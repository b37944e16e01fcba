// EvaluateDirectly: the compute definition, read word by word. Shares nothing with Reference(), which it
// checks.
#include <algorithm>

#include "schedules/reference.h"

namespace tunefarm::schedules {
namespace {

using Point = std::vector<int64_t>;  // A value per axis.

// The element an access names, or nullptr outside of the tensor (padding).
template <typename Value>
Value* Find(const ComputeDefinition& compute, const TensorAccess& access, const Point& point, Value* data) {
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
void ForEach(const ComputeDefinition& compute, AxisKind kind, std::size_t axis, Point& point,
             const Visit& visit) {
  if (axis == compute.axes.size()) {
    visit();
  } else if (compute.axes[axis].kind != kind) {
    ForEach(compute, kind, axis + 1, point, visit);
  } else {
    for (point[axis] = 0; point[axis] < compute.axes[axis].extent; ++point[axis]) {
      ForEach(compute, kind, axis + 1, point, visit);
    }
    point[axis] = 0;
  }
}

}  // namespace

std::vector<float> EvaluateDirectly(const ComputeDefinition& compute,
                                    const std::vector<std::vector<float>>& inputs) {
  std::size_t elements = 1;
  for (const int64_t extent : compute.tensors.back().shape) elements *= static_cast<std::size_t>(extent);
  std::vector<float> output(elements);
  Point point(compute.axes.size(), 0);
  const float* lhs_data = inputs[compute.lhs.tensor].data();
  const float* rhs_data = inputs[compute.rhs.tensor].data();

  ForEach(compute, AxisKind::kSpatial, 0, point, [&] {
    double value = 0;
    ForEach(compute, AxisKind::kReduction, 0, point, [&] {
      const float* lhs = Find(compute, compute.lhs, point, lhs_data);
      const float* rhs = Find(compute, compute.rhs, point, rhs_data);
      if (lhs != nullptr && rhs != nullptr) value += static_cast<double>(*lhs) * static_cast<double>(*rhs);
    });
    for (const EpilogueOp& op : compute.epilogue) {
      switch (op.step) {
        case EpilogueStep::kBias:
        case EpilogueStep::kResidual:
          value += *Find(compute, op.operand, point, inputs[op.operand.tensor].data());
          break;
        case EpilogueStep::kRelu:
          value = value > 0 ? value : 0;
          break;
        case EpilogueStep::kRelu6:
          value = value > 0 ? std::min(value, 6.0) : 0;
          break;
      }
    }
    *Find(compute, compute.output, point, output.data()) = static_cast<float>(value);
  });
  return output;
}

}  // namespace tunefarm::schedules
