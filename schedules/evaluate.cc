// EvaluateDirectly: the compute definition, read word by word. Shares nothing with Reference(), which it
// checks.
#include <algorithm>

#include "schedules/reference.h"
#include "schedules/visit_points.h"

namespace tunefarm::schedules {

std::vector<float> EvaluateDirectly(const ComputeDefinition& compute,
                                    const std::vector<std::vector<float>>& inputs) {
  std::size_t elements = 1;
  for (const int64_t extent : compute.tensors.back().shape) elements *= static_cast<std::size_t>(extent);
  std::vector<float> output(elements);
  Point point(compute.axes.size(), 0);
  const float* lhs_data = inputs[compute.lhs.tensor].data();
  const float* rhs_data = inputs[compute.rhs.tensor].data();

  ForEachPoint(compute, AxisKind::kSpatial, 0, point, [&] {
    double value = 0;
    ForEachPoint(compute, AxisKind::kReduction, 0, point, [&] {
      const float* lhs = FindElement(compute, compute.lhs, point, lhs_data);
      const float* rhs = FindElement(compute, compute.rhs, point, rhs_data);
      if (lhs != nullptr && rhs != nullptr) value += static_cast<double>(*lhs) * static_cast<double>(*rhs);
    });
    for (const EpilogueOp& op : compute.epilogue) {
      switch (op.step) {
        case EpilogueStep::kBias:
        case EpilogueStep::kResidual:
          value += *FindElement(compute, op.operand, point, inputs[op.operand.tensor].data());
          break;
        case EpilogueStep::kRelu:
          value = value > 0 ? value : 0;
          break;
        case EpilogueStep::kRelu6:
          value = value > 0 ? std::min(value, 6.0) : 0;
          break;
      }
    }
    *FindElement(compute, compute.output, point, output.data()) = static_cast<float>(value);
  });
  return output;
}

}  // namespace tunefarm::schedules
