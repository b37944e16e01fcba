// Prints the register tile: accumulators as named vector variables, the reductions around their
// multiply-adds, and the store through the epilogue; once for whole tiles and once for each guarded rest.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "schedules/c_text.h"
#include "schedules/nest_path.h"

namespace tunefarm::schedules {

class TilePrinter {
 public:
  // `pointer_of` gives the C expression for a buffer, typed const float* (float* for the output).
  TilePrinter(const LoopTree& tree, const ComputeFacts& facts, CText& out,
              std::function<std::string(int buffer)> pointer_of)
      : tree_(tree), facts_(facts), out_(out), pointer_of_(std::move(pointer_of)) {}

  // `first` .. `end`: the sibling nodes of initialisation, reductions and store.
  void Print(int first, int end, NestPath& path);

 private:
  // One vector of the tile.
  struct Cell {
    std::vector<int> index;   // By tile loop, lanes excluded.
    std::vector<int64_t> at;  // Offset along each axis.
    std::string name;         // Of its accumulator.
    int valid = 0;            // Lanes that exist.
  };
  struct TileLoop {
    const LoopNode* node;
    int axis;
  };

  void ReadShape(int first, int end);
  void PrintVariants(std::size_t axis, NestPath& path);
  void PrintBody(NestPath& path);
  void MakeCells();
  void PrintInit(NestPath& path);
  void PrintReductions(NestPath& path);
  void PrintMultiplyAdds(const std::vector<std::string>& pointers);
  void PrintStore(NestPath& path);
  void PrintStagedStore(NestPath& path, const std::string& output);
  void PrintEpilogue(NestPath& path);

  // A load of `valid` lanes that stand `stride` elements apart; a scalar where the stride is 0.
  std::string Load(const std::string& pointer, int64_t offset, int64_t stride, int valid) const;
  int64_t Offset(const LinearAccess& access, const Cell& cell) const;
  int64_t LaneStride(const LinearAccess& access) const {
    return vector_axis_ < 0 ? 0 : access.stride[vector_axis_];
  }
  // Condition that rows which may be padding exist; empty when they surely do.
  std::string RowsExist(const Cell& cell, NestPath& path) const;
  // "k0 == 0", "k0 + 256 >= 1024": the first, the last reduction block; empty when there is only one.
  std::string FirstBlock(NestPath& path) const;
  std::string LastBlock(NestPath& path) const;

  const LoopTree& tree_;
  const ComputeFacts& facts_;
  CText& out_;
  std::function<std::string(int)> pointer_of_;

  const LoopNode* multiply_add_ = nullptr;
  std::vector<const LoopNode*> serial_, unrolled_,
      tile_loops_;  // Of the reductions' nest, from the outermost.
  const LoopNode* lanes_node_ = nullptr;
  int vector_axis_ = -1;
  std::vector<int64_t> tile_;  // Tile size per axis, 1 where it is not tiled.
  std::vector<Tail> tails_;    // Per axis.
  std::vector<int64_t> size_;  // Of the variant being printed, per axis.
  std::vector<Cell> cells_;
};

}  // namespace tunefarm::schedules
