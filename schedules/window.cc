#include "schedules/window.h"

#include <optional>

#include "absl/strings/str_cat.h"

namespace tunefarm::schedules {
namespace {

int CountTerms(const TensorAccess& access, int axis) {
  int count = 0;
  for (const AffineIndex& index : access.index) {
    for (const AffineTerm& term : index.terms) count += term.axis == axis;
  }
  return count;
}

int64_t CoefficientOf(const AffineIndex& index, int axis) {
  for (const AffineTerm& term : index.terms) {
    if (term.axis == axis) return term.coefficient;
  }
  return 0;
}

// The dimension in which `outer` moves by single steps (perhaps among other axes), while the next dimension
// is exactly `inner` from end to end.
std::optional<int> RunDimension(const ComputeDefinition& compute, const TensorAccess& access, int outer,
                                int inner) {
  if (CountTerms(access, outer) != 1 || CountTerms(access, inner) != 1) return std::nullopt;
  const std::vector<int64_t>& shape = compute.tensors[access.tensor].shape;
  for (std::size_t d = 0; d + 1 < access.index.size(); ++d) {
    const AffineIndex& next = access.index[d + 1];
    if (CoefficientOf(access.index[d], outer) == 1 && next.constant == 0 && next.terms.size() == 1 &&
        next.terms[0].axis == inner && next.terms[0].coefficient == 1 &&
        shape[d + 1] == compute.axes[inner].extent) {
      return static_cast<int>(d);
    }
  }
  return std::nullopt;
}

void FuseDimension(ComputeDefinition& compute, TensorAccess& access, int dimension, int outer) {
  std::vector<int64_t>& shape = compute.tensors[access.tensor].shape;
  const int64_t inner_size = shape[dimension + 1];
  AffineIndex& index = access.index[dimension];
  index.constant *= inner_size;
  for (AffineTerm& term : index.terms) {
    if (term.axis != outer) term.coefficient *= inner_size;
  }
  access.index.erase(access.index.begin() + dimension + 1);
  shape[dimension] *= inner_size;
  shape.erase(shape.begin() + dimension + 1);
}

}  // namespace

ComputeDefinition FuseWindow(const ComputeDefinition& compute) {
  ComputeDefinition result = compute;
  for (int outer = 0; outer + 1 < static_cast<int>(result.axes.size());) {
    const int inner = outer + 1;
    std::optional<int> lhs, rhs;
    if (result.axes[outer].kind == AxisKind::kReduction && result.axes[inner].kind == AxisKind::kReduction) {
      lhs = RunDimension(result, result.lhs, outer, inner);
      rhs = RunDimension(result, result.rhs, outer, inner);
    }
    if (!lhs.has_value() || !rhs.has_value()) {
      ++outer;
      continue;
    }
    FuseDimension(result, result.lhs, *lhs, outer);
    FuseDimension(result, result.rhs, *rhs, outer);
    result.axes[outer].name = absl::StrCat(result.axes[outer].name, "_", result.axes[inner].name);
    result.axes[outer].extent *= result.axes[inner].extent;
    result.axes.erase(result.axes.begin() + inner);
    // Only the factors use reductions: axes after the fused one come down.
    for (TensorAccess* access : {&result.lhs, &result.rhs}) {
      for (AffineIndex& index : access->index) {
        for (AffineTerm& term : index.terms) term.axis -= term.axis > inner;
      }
    }
  }
  return result;
}

}  // namespace tunefarm::schedules
