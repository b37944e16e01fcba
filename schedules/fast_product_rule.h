// Matrix products with fewer multiplications: a written template, of two old tricks that can be combined.
//
// Pairs, after S. Winograd, "A new algorithm for inner product" (1968): of every three or four terms k, a
// step, the first two are taken together,
//
//   a0 w0 + a1 w1 = (a0 + w1) (a1 + w0) - a0 a1 - w0 w1
//
// where the last two products depend on the row alone and on the column alone, and are summed up when the
// factors are packed. The others are added as usual. Three terms then cost two fused multiply-adds and two
// additions, which pays on cores that add on other units than they multiply on.
//
// Strassen's products of blocks (strassen.h): seven eighths of the multiply-adds for each level. The blocks
// are those of a group of register tiles, 2 x 2 or 4 x 4 of them, and of the sum, in halves or quarters;
// their sums are made when the factors are packed, and a product is added to the group's sums, which stay in
// the first cache.
//
//   scaled weights -> panels, once; for each block of rows: scaled rows -> groups
//   for each panel: for each block of the sum: for each group: for each product:
//     sums[row][column] += pairs and single terms
//   output = epilogue(sums, scaled back)
//
// Sums of a and w, of rows and of columns are exact enough only while all are of one size: each row and each
// column is scaled by the power of 2 that brings its largest magnitude into [1, 2) (Brent, "Algorithms for
// matrix multiplication", 1970). Which factor is the one with the rows is a matter of the output's layout:
// vectors lie along the axis in which it is contiguous (below: lanes), the other factor is broadcast (below:
// rows). An infinity or NaN spreads, with pairs, over its row or column, and with Strassen's products over
// its group.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "schedules/compute_facts.h"
#include "schedules/config_space.h"
#include "schedules/loop_tree.h"
#include "schedules/target.h"

namespace tunefarm::schedules {

// How many times the tolerance of direct summation a result of pairs may use. Partial sums are a random walk
// to the result and what is taken off last, as far as one from there to the result. With N terms of variances
// s and t, where direct sums have the variance j s t after j terms and roundings of u^2 N^2 / 2 times s t in
// all, those of pairs come to 1/2 + (s/t + t/s) / 4 times that. Scaling leaves a factor of 2 between
// magnitudes, 4 between variances at worst on one side: 1/2 + (4 + 1/4) / 4 = 1.6; and as much again for the
// sums of a and w, which are rounded.
inline constexpr double kPairErrorGrowth = 4;

struct FastTile {
  int rows, vectors, lanes;
  int terms;  // Of a step: a pair and one or two single ones, or four single ones.
  bool pairs;
  bool folded;   // Single terms are broadcast by the multiply-adds that read them.
  bool fetches;  // Lanes are fetched ahead of reading them, as rows are.
};

// The decisions of a config.
struct FastProductPlan {
  FastTile tile;
  int levels = 0;         // Of Strassen's products.
  int64_t block = 0;      // Of the factor that is packed while the kernel runs, in its rows; 0: all.
  int64_t steps = 0;      // In a block of a product's sum.
  bool parallel = false;  // Threads share the blocks,
  bool in_block = false;  // or the work in each of them.
  int64_t tile_lanes() const { return int64_t{tile.vectors} * tile.lanes; }
};

// A factor whose own axes are counted as one, in the output's order.
struct ProductFactor {
  const LinearAccess* access = nullptr;
  std::vector<int> axes;  // Outermost first.
  int64_t extent = 1;
};

struct ProductFactors {
  ProductFactor rows, lanes;
  std::vector<int> outer;  // Spatial axes of neither, or of both.
  std::vector<int> terms;  // Reductions, outermost first.
  int64_t term_count = 1;
  // Lanes that are contiguous in the output, a multiple of 8: the channels of a blocked layout, of which a
  // vector may hold several blocks. 0: all are.
  int64_t lane_block = 0;
};

struct FastProductLayout;
class TreeBuilder;

// Immutable; refers to `facts`, which must outlive it.
class FastProductRule {
 public:
  static bool Serves(const ComputeFacts& facts, const Target& target);
  FastProductRule(const ComputeFacts& facts, const Target& target, int threads);

  // "algorithm" (0: the tiling rule, 1: this one), the register tile's "fast_rows" and "fast_vectors",
  // "pairs" (0: none, else the single terms of a step beside the pair), "fast_broadcast" (0: into registers,
  // 1: folded), "fast_prefetch" (0: of rows, 1: of lanes as well), "strassen" (levels), "fast_terms" (of a
  // block of a product's sum), "pack_block" and, with threads, "share" (0: blocks, 1: the work in each).
  std::vector<Knob> Knobs() const;
  // Sets all of them but the first to what is a good start.
  void Prefer(const std::vector<Knob>& knobs, Config& config) const;
  // Good starts where the preferred one is not: Strassen's products alone, where additions take the units of
  // multiply-adds, and pairs alone, where sums are short.
  std::vector<Config> OtherStarts(const std::vector<Knob>& knobs, const Config& preferred) const;
  // The knobs that Resolve looks at: those above and parallel.
  static bool Uses(const Knob& knob);
  FastProductPlan Resolve(const ConfigSpace& space, const Config& config) const;
  const char* Refusal(const FastProductPlan& plan) const;  // Null when the plan can be built.

  // How many times the tolerance of direct summation a result may use.
  static double ErrorGrowth(const FastProductPlan& plan);

  LoopTree Lower(const FastProductPlan& plan) const;
  // The whole kernel as C. The ABI is in docs/formats.md.
  std::string Print(const FastProductPlan& plan, const std::string& title, const std::string& config) const;

 private:
  // Rows that are packed at a time: of which the second-level cache holds the panels as well, and so many
  // that what lies farther away is not read too often.
  static constexpr int64_t kSmallBlock = 32, kMiddleBlock = 64, kLargeBlock = 128;
  // What the knobs say, by their numbers; blocks and terms of 0 are all.
  struct Start {
    int rows = 2, vectors = 1, pairs = 0, levels = 0;
    bool folded = false, fetches = false;
    int64_t block = kSmallBlock, terms = 0;
    bool in_block = false;
  };
  // The tiling rule's vectors end with a block of channels; here one holds several blocks.
  bool SpansBlocks() const;
  void SetStart(const std::vector<Knob>& knobs, const Start& start, Config& config) const;
  // As it is divided among threads.
  Start SharedOut(const std::vector<Knob>& knobs, const Start& start) const;
  FastProductPlan PlanOf(const Start& start, bool parallel) const;
  void AddPacking(TreeBuilder& tree, const FastProductLayout& layout, const FastProductPlan& plan) const;

  const ComputeFacts* facts_;
  Target target_;
  int threads_;
  ProductFactors factors_;
};

}  // namespace tunefarm::schedules
