// Prints a register tile of dot products: accumulators that start with the bias, the reductions around the
// micro-kernel's calls, and the store through requantisation.
#pragma once

#include <functional>
#include <string>

#include "schedules/c_text.h"
#include "schedules/dot_printing.h"
#include "schedules/nest_path.h"
#include "schedules/tile_cells.h"

namespace tunefarm::schedules {

class DotTilePrinter {
 public:
  // `pointer_of` gives the C expression for a buffer.
  DotTilePrinter(const LoopTree& tree, const ComputeFacts& facts, const DotPrinting& dot, CText& out,
                 std::function<std::string(int buffer)> pointer_of)
      : tree_(tree), facts_(facts), dot_(dot), out_(out), pointer_of_(std::move(pointer_of)) {}

  // `first`: the node of the initialisation, whose siblings are the reductions and the store.
  void Print(int first, NestPath& path);

 private:
  void PrintBody(const TileCells& tile, NestPath& path);
  void PrintStart(const TileCells& tile, NestPath& path);  // Of paired products.
  void PrintReductions(const TileCells& tile, NestPath& path);
  void PrintInnermost(const TileCells& tile, const LoopNode& loop, const std::string& lhs,
                      const std::string& rhs);
  // All unrolled iterations, with pointers that stand `lhs_offset` and `rhs_offset` elements behind.
  void PrintUnrolled(const TileCells& tile, const std::string& lhs, const std::string& rhs,
                     int64_t lhs_offset, int64_t rhs_offset);
  void PrintGroup(const TileCells& tile, const std::string& lhs, const std::string& rhs, int64_t lhs_offset,
                  int64_t rhs_offset);
  // Planar micro-kernels: all rows of the window, written out.
  void PrintTaps(const TileCells& tile, NestPath& path);
  // Windows by interleaved rows, all taps written out: a column is read once, for all outputs that have it.
  void PrintWindows(const TileCells& tile, NestPath& path);
  void PrintStore(const TileCells& tile, NestPath& path);
  // What the names of the types and functions end in that the cell takes.
  const char* Width(const TileCell& cell) const {
    return cell.valid <= dot_.kernel->narrow_lanes ? "_narrow" : "";
  }
  int64_t ChannelOffset(const TileCell& cell) const {
    return dot_.roles.channels < 0 ? 0 : cell.at[dot_.roles.channels];
  }
  const LoopAccess& Access(const TileCells& tile, int factor) const {
    return tree_.accesses[tile.multiply_add().first_access + factor];
  }

  const LoopTree& tree_;
  const ComputeFacts& facts_;
  const DotPrinting& dot_;
  CText& out_;
  std::function<std::string(int)> pointer_of_;
  int groups_ = 0;  // Printed so far, which numbers their variables.
};

}  // namespace tunefarm::schedules
