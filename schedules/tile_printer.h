// Prints the register tile: accumulators as named vector variables, the reductions around their
// multiply-adds, and the store through the epilogue; once for whole tiles and once for each guarded rest.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "schedules/c_text.h"
#include "schedules/nest_path.h"
#include "schedules/tile_cells.h"

namespace tunefarm::schedules {

class TilePrinter {
 public:
  // `pointer_of` gives the C expression for a buffer, typed const float* (float* for the output).
  TilePrinter(const LoopTree& tree, const ComputeFacts& facts, bool fetch_output, CText& out,
              std::function<std::string(int buffer)> pointer_of)
      : tree_(tree),
        facts_(facts),
        fetch_output_(fetch_output),
        out_(out),
        pointer_of_(std::move(pointer_of)) {}

  // `first`: the node of the initialisation, whose siblings are the reductions and the store.
  void Print(int first, NestPath& path);

 private:
  // One multiply-add of the tile: where its factors stand from where the reductions' loops are.
  struct Product {
    const TileCell* cell;
    std::vector<int> index;  // Of the unrolled reductions.
    int64_t offset[2] = {0, 0};
    std::optional<LaneRow> row;  // Of lhs, where it is known (TileCells::RowOf).
  };

  void PrintBody(NestPath& path);
  void PrintInit(NestPath& path);
  void PrintFetch(NestPath& path);  // PrintOptions::fetch_output.
  void PrintReductions(NestPath& path);
  // The next iteration of the unrolled reductions; false after the last.
  bool NextUnrolled(std::vector<int>& index) const;
  // Of the variant of the tile, in the order in which they are computed.
  std::vector<Product> Products() const;
  // Where all cells have the same weights, those products follow each other that read the same vector: tap by
  // tap, vectors that several taps read would stay in registers that the sums need.
  void GroupByVector(std::vector<Product>& products) const;
  int64_t LaneStride(int factor) const;  // Of the multiply-adds, where they read it; 0: scalars.
  void PrintMultiplyAdds(const std::vector<Product>& products, const std::vector<std::string>& pointers);
  void PrintStore(NestPath& path);
  void PrintStagedStore(NestPath& path, const std::string& output);
  void PrintEpilogue(NestPath& path);

  // A load of `valid` lanes that stand `stride` elements apart; a scalar where the stride is 0.
  std::string Load(const std::string& pointer, int64_t offset, int64_t stride, int valid) const;
  // The same where lanes may be outside of the row: these are zero. Reads nothing but the row. `offset` is
  // the first lane's.
  std::string LoadFromRow(const std::string& pointer, int64_t offset, const LaneRow& row) const;
  // "k0 == 0", "k0 + 256 >= 1024": the first, the last reduction block; empty when there is only one.
  std::string FirstBlock(NestPath& path) const;
  std::string LastBlock(NestPath& path) const;

  const LoopTree& tree_;
  const ComputeFacts& facts_;
  const bool fetch_output_;
  CText& out_;
  std::function<std::string(int)> pointer_of_;

  std::optional<TileCells> tile_;
};

}  // namespace tunefarm::schedules
