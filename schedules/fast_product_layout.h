// Where a fast product's packed factors lie, in float32 elements: shared by the rule and its printers.
#pragma once

#include "schedules/fast_product_rule.h"

namespace tunefarm::schedules {

// Steps that are packed side by side: a cache line. A product reads rows line after line.
inline constexpr int64_t kStepsInLine = 16;

// A factor in groups of `width` rows or lanes, `part` for each of Strassen's blocks: of a group and a block
// of the sum, product by product, [step][term of a step][lane], or [line of steps][row][term][step], where
// the kernel reads one group after the other of rows, and of lanes one block after the other; then for each
// block of the sum, and each product and its rows or lanes, what its pairs add up to; then the factors that
// undo the scaling. The term t of a step s in part p of a sum is its k = (p * terms + t) * steps + s, as far
// as there are so many.
struct PackedFactor {
  int64_t part = 1, width = 1, count = 1;       // Rows or lanes; all of them, in whole groups.
  int64_t product = 0, group = 0, block = 0;    // Elements from one to the next, `block` of the sum.
  int64_t group_pairs = 0, all_pairs = 0;       // Sums of pairs: of a group, of all.
  int64_t pairs = 0, scales = 0, elements = 0;  // Where they begin; all, in whole cache lines.
  int last_parts = 1;  // Of the last group of all: Strassen's blocks that are not outside the tensor.
  int64_t groups() const { return count / width; }
};

struct FastProductLayout {
  int splits = 1, products = 1;            // Of Strassen's blocks along an axis; their products.
  int64_t steps = 0, sum_blocks = 1;       // Of a product's sum; blocks of them.
  bool rows_blocked = true;                // Or the lanes are.
  bool packs_other = false;                // While the kernel runs, for each iteration of the outer loops.
  int64_t block = 1, blocks = 1;           // Of the blocked factor, whole groups; how many.
  PackedFactor blocked, other;             // Of a block; of all.
  int64_t other_copies = 1;                // Of constants: iterations of outer loops that they depend on.
  int64_t gathered = 0, partial_sums = 0;  // Elements of the workspace.
  int64_t packed_elements = 0;
  // In the workspace: the other factor where it is packed there; then for each block that is being computed
  // the blocked factor and partial sums; and for each thread what it gathers, behind its block or, where
  // threads share a block, behind one another.
  int64_t shared_elements = 0, block_elements = 0;
  int threads = 1;
  bool shares_block = false;  // Threads share the work in a block; otherwise the blocks.
  int few_rows = 0;  // Of the last group, where plain sums of these cost less than a tile; 0: no such.
  // From one thread's block to the next one's, and where a thread gathers.
  int64_t thread_stride() const { return shares_block ? gathered : block_elements + gathered; }
  int64_t workspace_elements() const {
    return shared_elements + (shares_block ? block_elements : 0) + thread_stride() * threads;
  }
  // Sums stay in memory between blocks of them, and between Strassen's products; otherwise in registers.
  bool keeps_sums() const { return products > 1 || sum_blocks > 1; }
  const PackedFactor& rows() const { return rows_blocked ? blocked : other; }
  const PackedFactor& lanes() const { return rows_blocked ? other : blocked; }
};

int VectorRegistersOf(const FastTile& tile);  // That its inner loop needs.

int LanesOf(const Target& target);  // Of vectors, as far as the printer knows their instructions.

// A factor's rows (lanes) can be read where they are: their terms, as many as steps take (they themselves),
// are contiguous.
bool ReadsRowsInPlace(const ProductFactors& factors, const FastProductLayout& layout,
                      const FastProductPlan& plan);
bool ReadsLanesInPlace(const ProductFactors& factors);

FastProductLayout LayOut(const ComputeFacts& facts, const ProductFactors& factors,
                         const FastProductPlan& plan, int threads);

// Terms of a row as it is packed, those that there are and zeros.
int64_t RowTerms(const FastProductLayout& layout, const FastProductPlan& plan);

// Elements from one gathered row to the next.
int64_t GatheredRow(const FastProductLayout& layout, const FastProductPlan& plan);

// The stride of a flat index over `axes`, if there is one.
std::optional<int64_t> FlatStride(const ComputeFacts& facts, const LinearAccess& access,
                                  const std::vector<int>& axes);

}  // namespace tunefarm::schedules
