#include "schedules/tile_cells.h"

#include <algorithm>

namespace tunefarm::schedules {

TileCells::TileCells(const LoopTree& tree, const ComputeFacts& facts, CText& out, int init)
    : tree_(tree), facts_(facts), out_(out) {
  const std::size_t axes = facts.compute.axes.size();
  tile_.assign(axes, 1);
  tails_.assign(axes, Tail::kNone);
  int n = tree.nodes[init].end;  // After the initialisation.
  for (; tree.nodes[n].is_loop; ++n) {
    const LoopNode& node = tree.nodes[n];
    if (node.kind == LoopKind::kDotGroup) continue;
    if (node.axis >= facts.spatial_axes) {
      (node.kind == LoopKind::kUnrolled ? unrolled_ : serial_).push_back(&node);
      continue;
    }
    tile_[node.axis] = std::max<int64_t>(tile_[node.axis], static_cast<int64_t>(node.extent) * node.step);
    tails_[node.axis] = node.tail;
    if (node.kind == LoopKind::kVectorized) {
      lanes_node_ = &node;
      vector_axis_ = node.axis;
    } else {
      tile_loops_.push_back(&node);
    }
  }
  multiply_add_ = &tree.nodes[n];
  size_ = tile_;
}

void TileCells::ForEachVariant(NestPath& path, const std::function<void(NestPath&)>& print) {
  PrintVariants(0, path, print);
}

void TileCells::PrintVariants(std::size_t axis, NestPath& path, const std::function<void(NestPath&)>& print) {
  if (axis == tile_.size()) {
    MakeCells();
    return print(path);
  }
  const int64_t extent = facts_.compute.axes[axis].extent;
  OpenLoop* loop = path.Innermost(static_cast<int>(axis));
  size_[axis] = tile_[axis];
  if (tails_[axis] == Tail::kGuard) {
    const int64_t rest = extent % tile_[axis];
    if (loop == nullptr) {
      size_[axis] = rest;
      return PrintVariants(axis + 1, path, print);
    }
    out_.Open("if (", loop->base, " + ", tile_[axis], " <= ", extent, ")");
    PrintVariants(axis + 1, path, print);
    out_.Else();
    size_[axis] = rest;
    PrintVariants(axis + 1, path, print);
    return out_.Close();
  }
  if (tails_[axis] == Tail::kShift && loop != nullptr) {
    const std::string shifted = absl::StrCat(loop->name, "s");
    out_.Line("const long ", shifted, " = min_long(", loop->name, ", ", extent - tile_[axis],
              ");  // The last tile moves inwards.");
    const OpenLoop before = *loop;
    loop->base = loop->value = shifted;
    PrintVariants(axis + 1, path, print);
    *path.Innermost(static_cast<int>(axis)) = before;
    return;
  }
  PrintVariants(axis + 1, path, print);
}

void TileCells::MakeCells() {
  cells_.clear();
  const int lanes = tree_.vector_lanes;
  std::vector<int> index(tile_loops_.size(), 0);
  while (true) {
    TileCell cell;
    cell.index = index;
    cell.at.assign(tile_.size(), 0);
    for (std::size_t l = 0; l < index.size(); ++l) {
      cell.at[tile_loops_[l]->axis] += static_cast<int64_t>(index[l]) * tile_loops_[l]->step;
    }
    bool exists = true;
    for (std::size_t axis = 0; axis < tile_.size(); ++axis) exists = exists && cell.at[axis] < size_[axis];
    if (exists) {
      cell.valid =
          vector_axis_ < 0
              ? 1
              : static_cast<int>(std::min<int64_t>(lanes, size_[vector_axis_] - cell.at[vector_axis_]));
      cell.name = "acc";
      for (const int i : index) absl::StrAppend(&cell.name, "_", i);
      cells_.push_back(std::move(cell));
    }
    std::size_t l = index.size();
    while (l > 0 && ++index[l - 1] == tile_loops_[l - 1]->extent) index[--l] = 0;
    if (l == 0) return;
  }
}

int64_t TileCells::Offset(const LinearAccess& access, const TileCell& cell) const {
  int64_t offset = 0;
  for (std::size_t axis = 0; axis < cell.at.size(); ++axis) offset += cell.at[axis] * access.stride[axis];
  return offset;
}

int64_t TileCells::Offset(const LoopAccess& access, const TileCell& cell) const {
  int64_t offset = 0;
  for (std::size_t l = 0; l < cell.index.size(); ++l) {
    offset += int64_t{access.strides[tile_loops_[l]->depth]} * cell.index[l];
  }
  return offset;
}

std::string TileCells::RowsExist(const TileCell& cell, NestPath& path) const {
  std::string condition;
  for (std::size_t axis = 0; axis < tile_.size(); ++axis) {
    if (tails_[axis] != Tail::kPad || cell.at[axis] == 0) continue;
    const OpenLoop* loop = path.Innermost(static_cast<int>(axis));
    absl::StrAppend(&condition, condition.empty() ? "" : " && ", loop == nullptr ? "" : loop->base + " + ",
                    cell.at[axis], " < ", facts_.compute.axes[axis].extent);
  }
  return condition;
}

}  // namespace tunefarm::schedules
