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
  begin_.resize(axes);
  if (tree.clipped_taps) edges_ = *EdgeDimensionsOf(facts);
}

void TileCells::ForEachVariant(NestPath& path, const std::function<void(NestPath&)>& print) {
  PrintVariants(0, path, print);
}

void TileCells::PrintVariants(std::size_t axis, NestPath& path, const std::function<void(NestPath&)>& print) {
  if (axis == tile_.size()) {
    MakeCells();
    return print(path);
  }
  size_[axis] = tile_[axis];
  begin_[axis].reset();
  OpenLoop* loop = path.Innermost(static_cast<int>(axis));
  const EdgeDimension* edge = nullptr;
  for (const EdgeDimension& dimension : edges_) {
    if (dimension.spatial == static_cast<int>(axis) && (dimension.tap < 0 || Unrolled(dimension.tap)))
      edge = &dimension;
  }
  const auto variants = [&] {
    return edge != nullptr ? PrintCrossing(*edge, path, print) : PrintTails(axis, path, print);
  };
  if (tails_[axis] != Tail::kShift || loop == nullptr) return variants();
  const std::string shifted = absl::StrCat(loop->name, "s");
  out_.Line("const long ", shifted, " = min_long(", loop->name, ", ",
            facts_.compute.axes[axis].extent - tile_[axis], ");  // The last tile moves inwards.");
  const OpenLoop before = *loop;
  loop->base = loop->value = shifted;
  variants();
  *path.Innermost(static_cast<int>(axis)) = before;
}

void TileCells::PrintTails(std::size_t axis, NestPath& path, const std::function<void(NestPath&)>& print) {
  if (tails_[axis] != Tail::kGuard) return PrintVariants(axis + 1, path, print);
  const int64_t extent = facts_.compute.axes[axis].extent;
  const OpenLoop* loop = path.Innermost(static_cast<int>(axis));
  if (loop != nullptr) {
    out_.Open("if (", loop->base, " + ", tile_[axis], " <= ", extent, ")");
    PrintVariants(axis + 1, path, print);
    out_.Else();
  }
  size_[axis] = extent % tile_[axis];
  begin_[axis] = extent - size_[axis];
  PrintVariants(axis + 1, path, print);
  if (loop != nullptr) out_.Close();
}

void TileCells::PrintCrossing(const EdgeDimension& dimension, NestPath& path,
                              const std::function<void(NestPath&)>& print) {
  const auto axis = static_cast<std::size_t>(dimension.spatial);
  ClippedTile tile;
  tile.extent = facts_.compute.axes[axis].extent;
  tile.tile = tile_[axis];
  tile.tail = tails_[axis];
  if (dimension.tap >= 0) tile.taps = facts_.compute.axes[dimension.tap].extent;
  const std::vector<TilePlace> places = CrossingTiles(dimension, tile);
  const int64_t tiles = (tile.extent + tile.tile - 1) / tile.tile;
  const bool all_cross = static_cast<int64_t>(places.size()) == tiles;
  int open = 0;
  for (const TilePlace& place : places) {
    if (!all_cross || open + 1 < tiles) {
      out_.Open("if (", path.Innermost(dimension.spatial)->base, " == ", place.begin, ")");
      ++open;
    }
    size_[axis] = place.size;
    begin_[axis] = place.begin;
    PrintVariants(axis + 1, path, print);
    if (open == static_cast<int>(&place - places.data()) + 1) out_.Else();
  }
  size_[axis] = tile_[axis];
  begin_[axis].reset();
  if (!all_cross) PrintTails(axis, path, print);
  for (; open > 0; --open) out_.Close();
}

bool TileCells::Unrolled(int reduction) const {
  return std::ranges::none_of(serial_, [&](const LoopNode* node) { return node->axis == reduction; });
}

bool TileCells::Contributes(const TileCell& cell, const std::vector<int>& index) const {
  for (const EdgeDimension& dimension : edges_) {
    if (dimension.tap >= 0 && !Unrolled(dimension.tap)) continue;
    int64_t at = 0;
    if (dimension.spatial >= 0) {
      if (!begin_[dimension.spatial].has_value()) continue;  // No edge is crossed.
      at = *begin_[dimension.spatial] + cell.at[dimension.spatial];
    }
    const int64_t tap = TapAt(dimension, index);
    const int lanes = dimension.spatial >= 0 && dimension.spatial == vector_axis_ ? cell.valid : 1;
    bool inside = false;
    for (int lane = 0; lane < lanes; ++lane) inside = inside || dimension.Inside(at + lane, tap);
    if (!inside) return false;
  }
  return true;
}

int64_t TileCells::TapAt(const EdgeDimension& dimension, const std::vector<int>& index) const {
  for (std::size_t l = 0; l < index.size(); ++l) {
    if (unrolled_[l]->axis == dimension.tap) return index[l];
  }
  return 0;
}

std::optional<LaneRow> TileCells::RowOf(const TileCell& cell, const std::vector<int>& index) const {
  for (const EdgeDimension& dimension : edges_) {
    if (dimension.spatial < 0 || dimension.spatial != vector_axis_ || !begin_[vector_axis_].has_value())
      continue;
    const int64_t at = *begin_[vector_axis_] + cell.at[vector_axis_];
    return LaneRow{dimension.constant + dimension.step * at + dimension.tap_step * TapAt(dimension, index),
                   dimension.step, dimension.size};
  }
  return std::nullopt;
}

const EdgeDimension* TileCells::ClippedLoop(const LoopNode& serial) const {
  for (const EdgeDimension& dimension : edges_) {
    if (dimension.tap == serial.axis && !Unrolled(dimension.tap)) return &dimension;
  }
  return nullptr;
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
