// The cells of a register tile: which accumulators there are, where they stand, and the shorter tiles at the
// ends of axes. Shared by what prints tiles.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "schedules/c_text.h"
#include "schedules/clipped_taps.h"
#include "schedules/nest_path.h"

namespace tunefarm::schedules {

// One accumulator of the tile: a vector, or a scalar.
struct TileCell {
  std::vector<int> index;   // By tile loop, lanes excluded.
  std::vector<int64_t> at;  // Offset along each axis.
  std::string name;         // Of its accumulator: "acc_0_1".
  int valid = 0;            // Lanes that exist.
};

// What a vector along the innermost dimension of a tensor reads of a row.
struct LaneRow {
  int64_t first = 0;  // Element of the first lane; may be outside.
  int64_t step = 1;   // From lane to lane.
  int64_t size = 0;   // Of the row.
};

class TileCells {
 public:
  // `init` is the node of the tile's initialisation, the first of its three nests.
  TileCells(const LoopTree& tree, const ComputeFacts& facts, CText& out, int init);

  // Opens what chooses between whole and shorter tiles, axis by axis, and calls `print` inside for each
  // variant, with cells() set.
  void ForEachVariant(NestPath& path, const std::function<void(NestPath&)>& print);

  const std::vector<TileCell>& cells() const { return cells_; }
  int64_t size(int axis) const { return size_[axis]; }  // Of the variant.
  int64_t Offset(const LinearAccess& access, const TileCell& cell) const;
  // Of an access, from the strides of the tile's loops.
  int64_t Offset(const LoopAccess& access, const TileCell& cell) const;
  int64_t LaneStride(const LinearAccess& access) const {
    return vector_axis_ < 0 ? 0 : access.stride[vector_axis_];
  }
  // Condition that rows which may be padding exist; empty when they surely do.
  std::string RowsExist(const TileCell& cell, NestPath& path) const;

  // Where taps are clipped (LoopTree::clipped_taps): whether a cell has a product with the unrolled
  // reductions at `index`, as far as that is known while printing.
  bool Contributes(const TileCell& cell, const std::vector<int>& index) const;
  // Where the place of a cell's vector along the rows of lhs is known while printing, as it is wherever the
  // vector or its rest may cross an edge.
  std::optional<LaneRow> RowOf(const TileCell& cell, const std::vector<int>& index) const;
  // The dimension that decides where the loop over a reduction begins and ends; null when it runs whole.
  const EdgeDimension* ClippedLoop(const LoopNode& serial) const;

  const LoopNode& multiply_add() const { return *multiply_add_; }
  // Loops of the reductions' nest, from the outermost.
  const std::vector<const LoopNode*>& serial() const { return serial_; }
  const std::vector<const LoopNode*>& unrolled() const { return unrolled_; }
  const LoopNode* lanes_node() const { return lanes_node_; }  // Null without a vectorised loop.
  int vector_axis() const { return vector_axis_; }            // -1 without.

 private:
  void PrintVariants(std::size_t axis, NestPath& path, const std::function<void(NestPath&)>& print);
  // The same of an axis whose tiles cross edges at places that are known.
  void PrintCrossing(const EdgeDimension& dimension, NestPath& path,
                     const std::function<void(NestPath&)>& print);
  void PrintTails(std::size_t axis, NestPath& path, const std::function<void(NestPath&)>& print);
  bool Unrolled(int reduction) const;  // Or of extent 1.
  int64_t TapAt(const EdgeDimension& dimension, const std::vector<int>& index) const;
  void MakeCells();

  const LoopTree& tree_;
  const ComputeFacts& facts_;
  CText& out_;
  const LoopNode* multiply_add_ = nullptr;
  std::vector<const LoopNode*> serial_, unrolled_, tile_loops_;
  const LoopNode* lanes_node_ = nullptr;
  int vector_axis_ = -1;
  std::vector<int64_t> tile_;                  // Tile size per axis, 1 where it is not tiled.
  std::vector<Tail> tails_;                    // Per axis.
  std::vector<int64_t> size_;                  // Of the variant being printed, per axis.
  std::vector<EdgeDimension> edges_;           // Where taps are clipped.
  std::vector<std::optional<int64_t>> begin_;  // Of the variant, per axis, where it is known.
  std::vector<TileCell> cells_;
};

}  // namespace tunefarm::schedules
