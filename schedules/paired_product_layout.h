// Where a paired product's packed factors lie, in float32 elements: shared by the rule and its printer.
#pragma once

#include "schedules/paired_product_rule.h"

namespace tunefarm::schedules {

// A factor in tiles of `width` rows or lanes: tile[step][...], then for each block of the sum and each row or
// lane what its pairs add up to, then the factors that undo the scaling.
struct PackedFactor {
  int64_t width = 1, count = 1;                 // Rows or lanes; all of them, in whole tiles.
  int64_t tile = 0;                             // Elements from tile to tile.
  int64_t pairs = 0, scales = 0, elements = 0;  // Where they begin; all, in whole cache lines.
};

struct PairedProductLayout {
  int64_t steps = 0, sum_blocks = 1;       // Of the sum; blocks of them.
  bool rows_blocked = true;                // Or the lanes are.
  bool packs_other = false;                // While the kernel runs, for each iteration of the outer loops.
  int64_t block = 1, blocks = 1;           // Of the blocked factor, whole tiles; how many.
  PackedFactor blocked, other;             // Of a block; of all.
  int64_t other_copies = 1;                // Of constants: iterations of outer loops that they depend on.
  int64_t gathered = 0, partial_sums = 0;  // Elements of the workspace.
  int64_t packed_elements = 0, shared_elements = 0, thread_elements = 0;
  int threads = 1;
  const PackedFactor& rows() const { return rows_blocked ? blocked : other; }
  const PackedFactor& lanes() const { return rows_blocked ? other : blocked; }
};

int VectorRegistersOf(const PairedTile& tile);  // That its inner loop needs.

// A factor's rows (lanes) can be read where they are: their terms (they themselves) are contiguous.
bool ReadsRowsInPlace(const ProductFactors& factors);
bool ReadsLanesInPlace(const ProductFactors& factors);

PairedProductLayout LayOut(const ComputeFacts& facts, const ProductFactors& factors,
                           const PairedProductPlan& plan, int threads);

// The stride of a flat index over `axes`, if there is one.
std::optional<int64_t> FlatStride(const ComputeFacts& facts, const LinearAccess& access,
                                  const std::vector<int>& axes);

}  // namespace tunefarm::schedules
