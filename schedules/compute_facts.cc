#include "schedules/compute_facts.h"

#include <algorithm>
#include <utility>

namespace tunefarm::schedules {
namespace {

bool HasOperand(const EpilogueOp& op) {
  return op.step == EpilogueStep::kBias || op.step == EpilogueStep::kResidual;
}

template <typename F>
void ForEachAccess(ComputeDefinition& compute, F&& visit) {
  visit(compute.lhs);
  if (compute.rhs.tensor >= 0) visit(compute.rhs);
  visit(compute.output);
  for (EpilogueOp& op : compute.epilogue) {
    if (HasOperand(op)) visit(op.operand);
  }
  if (compute.requantize.has_value() && compute.requantize->multiplier.tensor >= 0) {
    visit(compute.requantize->multiplier);
    visit(compute.requantize->shift);
  }
}

int64_t CoefficientOf(const AffineIndex& index, int axis) {
  for (const AffineTerm& term : index.terms) {
    if (term.axis == axis) return term.coefficient;
  }
  return 0;
}

bool IsExactly(const AffineIndex& index, int axis) {
  return index.constant == 0 && index.terms.size() == 1 && index.terms[0].axis == axis &&
         index.terms[0].coefficient == 1;
}

void DropAxis(ComputeDefinition& compute, int axis) {
  ForEachAccess(compute, [&](TensorAccess& access) {
    for (AffineIndex& index : access.index) {
      std::erase_if(index.terms, [&](const AffineTerm& term) { return term.axis == axis; });
      for (AffineTerm& term : index.terms) term.axis -= term.axis > axis;
    }
  });
  compute.axes.erase(compute.axes.begin() + axis);
}

// Dimensions of size 1 that are always read at 0 say nothing; without them more neighbours can be fused. A
// tensor has one access, so that its shape can change with it.
void DropUnitDimensions(ComputeDefinition& compute) {
  ForEachAccess(compute, [&](TensorAccess& access) {
    std::vector<int64_t>& shape = compute.tensors[access.tensor].shape;
    for (std::size_t d = shape.size(); d-- > 0;) {
      if (shape.size() > 1 && shape[d] == 1 && access.index[d].terms.empty() &&
          access.index[d].constant == 0) {
        shape.erase(shape.begin() + d);
        access.index.erase(access.index.begin() + d);
      }
    }
  });
}

LinearAccess Linearize(const ComputeDefinition& compute, const TensorAccess& access) {
  LinearAccess linear;
  linear.access = access;
  linear.stride.assign(compute.axes.size(), 0);
  linear.uses.assign(compute.axes.size(), false);
  const Tensor& tensor = compute.tensors[access.tensor];
  linear.constant = tensor.role == TensorRole::kConstant;
  linear.tensor_strides.assign(tensor.shape.size(), 1);
  for (std::size_t d = tensor.shape.size(); d-- > 1;) {
    linear.tensor_strides[d - 1] = static_cast<int32_t>(linear.tensor_strides[d] * tensor.shape[d]);
  }
  for (std::size_t d = 0; d < tensor.shape.size(); ++d) {
    int64_t lowest = access.index[d].constant, highest = access.index[d].constant;
    for (const AffineTerm& term : access.index[d].terms) {
      const int64_t reach = term.coefficient * (compute.axes[term.axis].extent - 1);
      (reach < 0 ? lowest : highest) += reach;
      linear.stride[term.axis] += static_cast<int32_t>(term.coefficient * linear.tensor_strides[d]);
      linear.uses[term.axis] = true;
    }
    linear.offset += static_cast<int32_t>(access.index[d].constant * linear.tensor_strides[d]);
    linear.reads_padding = linear.reads_padding || lowest < 0 || highest >= tensor.shape[d];
  }
  return linear;
}

}  // namespace

absl::StatusOr<ComputeDefinition> Fuse(const ComputeDefinition& compute, int outer) {
  const int inner = outer + 1;
  if (outer < 0 || inner >= static_cast<int>(compute.axes.size())) {
    return absl::InvalidArgumentError(absl::StrCat("fuse: there is no axis after axis ", outer));
  }
  const Axis& a = compute.axes[outer];
  const Axis& b = compute.axes[inner];
  if (a.kind != b.kind) {
    return absl::InvalidArgumentError(
        absl::StrCat("fuse: one of ", a.name, " and ", b.name, " is spatial and the other a reduction"));
  }
  ComputeDefinition fused = compute;
  absl::Status refusal;
  ForEachAccess(fused, [&](TensorAccess& access) {
    Tensor& tensor = fused.tensors[access.tensor];
    int dim = -1, uses = 0;
    for (std::size_t d = 0; d < access.index.size(); ++d) {
      uses += CoefficientOf(access.index[d], outer) != 0;
      uses += CoefficientOf(access.index[d], inner) != 0;
      if (d + 1 < access.index.size() && IsExactly(access.index[d], outer) &&
          IsExactly(access.index[d + 1], inner) && tensor.shape[d] == a.extent &&
          tensor.shape[d + 1] == b.extent) {
        dim = static_cast<int>(d);
      }
    }
    if (uses == 0) return;
    if (uses != 2 || dim < 0) {
      refusal = absl::InvalidArgumentError(
          absl::StrCat("fuse: ", tensor.name, " does not run through ", a.name, " and ", b.name, " as one"));
      return;
    }
    access.index.erase(access.index.begin() + dim + 1);
    tensor.shape[dim] *= tensor.shape[dim + 1];
    tensor.shape.erase(tensor.shape.begin() + dim + 1);
  });
  if (!refusal.ok()) return refusal;
  fused.axes[outer].name = absl::StrCat(a.name, "_", b.name);
  fused.axes[outer].extent *= b.extent;
  DropAxis(fused, inner);
  return fused;
}

ComputeDefinition Simplify(const ComputeDefinition& compute) {
  ComputeDefinition result = compute;
  const auto count = [&](AxisKind kind) {
    return std::ranges::count_if(result.axes, [&](const Axis& axis) { return axis.kind == kind; });
  };
  for (int axis = static_cast<int>(result.axes.size()) - 1; axis >= 0; --axis) {
    if (result.axes[axis].extent == 1 && count(result.axes[axis].kind) > 1) DropAxis(result, axis);
  }
  DropUnitDimensions(result);
  for (int axis = 0; axis + 1 < static_cast<int>(result.axes.size());) {
    absl::StatusOr<ComputeDefinition> fused = Fuse(result, axis);
    if (fused.ok()) {
      result = *std::move(fused);
    } else {
      ++axis;
    }
  }
  return result;
}

ComputeFacts Analyze(ComputeDefinition compute) {
  ComputeFacts facts;
  facts.lhs = Linearize(compute, compute.lhs);
  if (compute.rhs.tensor >= 0) facts.rhs = Linearize(compute, compute.rhs);
  facts.output = Linearize(compute, compute.output);
  for (const EpilogueOp& op : compute.epilogue) {
    facts.epilogue.push_back(HasOperand(op) ? Linearize(compute, op.operand) : LinearAccess{});
  }
  if (compute.requantize.has_value() && compute.requantize->multiplier.tensor >= 0) {
    facts.multiplier = Linearize(compute, compute.requantize->multiplier);
    facts.shift = Linearize(compute, compute.requantize->shift);
  }
  for (const Axis& axis : compute.axes) facts.spatial_axes += axis.kind == AxisKind::kSpatial;
  facts.compute = std::move(compute);
  return facts;
}

}  // namespace tunefarm::schedules
