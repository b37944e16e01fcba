#include "schedules/axis_roles.h"

#include <algorithm>
#include <utility>

namespace tunefarm::schedules {
namespace {

// The axis that counts blocks of `axis`, in blocked layouts: rhs has both in one dimension, where a step of
// it is a whole block. -1: none.
int BlocksOf(const ComputeFacts& facts, int axis) {
  for (const AffineIndex& index : facts.rhs.access.index) {
    int blocks = -1;
    bool inner = false;
    for (const AffineTerm& term : index.terms) {
      const bool same_kind = (term.axis < facts.spatial_axes) == (axis < facts.spatial_axes);
      if (term.axis == axis) inner = term.coefficient == 1;
      if (term.axis != axis && same_kind && term.coefficient == facts.compute.axes[axis].extent)
        blocks = term.axis;
    }
    if (inner && blocks >= 0) return blocks;
  }
  return -1;
}

}  // namespace

std::vector<AxisRoles> FindRoles(const ComputeFacts& facts) {
  const int spatial = facts.spatial_axes;
  const int axes = static_cast<int>(facts.compute.axes.size());
  const auto extent = [&](int axis) { return facts.compute.axes[axis].extent; };
  const auto batch = [&](int axis) { return facts.lhs.uses[axis] && facts.rhs.uses[axis]; };

  // Along the output's innermost dimension vectors are stored as they are; along the largest axis of rhs
  // alone they are loaded from packed weights and need no neighbouring inputs.
  std::vector<int> vectors;
  for (int axis = spatial - 1; axis >= 0 && vectors.empty(); --axis) {
    if (facts.output.stride[axis] == 1) vectors.push_back(axis);
  }
  const int vector_blocks = vectors.empty() ? -1 : BlocksOf(facts, vectors[0]);
  int widest = -1;
  for (int axis = 0; axis < spatial; ++axis) {
    if (axis != vector_blocks && facts.rhs.uses[axis] && !facts.lhs.uses[axis] &&
        (widest < 0 || extent(axis) > extent(widest)))
      widest = axis;
  }
  if (widest >= 0 && (vectors.empty() || widest != vectors[0])) vectors.push_back(widest);
  if (vectors.empty()) vectors.push_back(spatial - 1);

  std::vector<AxisRoles> all;
  for (const int vector : vectors) {
    AxisRoles roles;
    roles.vector = vector;
    std::vector<int> rows;
    for (int axis = spatial - 1; axis >= 0; --axis) {
      if (axis != vector && !batch(axis)) rows.push_back(axis);
    }
    // An axis of the other factor first: there each vector meets each scalar.
    std::ranges::stable_partition(rows,
                                  [&](int axis) { return facts.lhs.uses[axis] != facts.lhs.uses[vector]; });
    if (!rows.empty()) roles.rows = rows[0];
    if (rows.size() > 1) roles.rows2 = rows[1];
    // Few vectors in a block of channels: tiles take some of several blocks.
    const int blocks = BlocksOf(facts, vector);
    if (blocks >= 0 && !batch(blocks) && roles.rows >= 0 && roles.rows != blocks) {
      if (roles.rows2 >= 0 && roles.rows2 != blocks) roles.inner.push_back(roles.rows2);
      roles.rows2 = blocks;
      roles.blocks = true;
    }
    for (int axis = 0; axis < spatial; ++axis) {
      const bool inner = std::ranges::find(roles.inner, axis) != roles.inner.end();
      if (axis != vector && axis != roles.rows && axis != roles.rows2 && !inner) roles.batch.push_back(axis);
    }
    for (int axis = spatial; axis < axes; ++axis) {
      // Taps slide over the input with a spatial axis: they share one of lhs's dimensions.
      bool slides = false;
      for (const AffineIndex& index : facts.lhs.access.index) {
        bool has_axis = false, has_spatial = false;
        for (const AffineTerm& term : index.terms) {
          has_axis = has_axis || term.axis == axis;
          has_spatial = has_spatial || (term.axis < spatial && !batch(term.axis));
        }
        slides = slides || (has_axis && has_spatial);
      }
      if (!slides && (roles.k < 0 || extent(axis) > extent(roles.k))) roles.k = axis;
    }
    for (int axis = spatial; axis < axes && roles.k >= 0; ++axis) {
      if (BlocksOf(facts, axis) == roles.k) roles.k = axis;  // Neighbours rather than blocks.
    }
    for (int axis = spatial; axis < axes; ++axis) {
      if (axis != roles.k) roles.taps.push_back(axis);
    }
    all.push_back(std::move(roles));
  }
  return all;
}

}  // namespace tunefarm::schedules
