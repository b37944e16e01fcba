// Int8 convolutions and matrix products by bilinear algorithms, which take fewer multiplications than there
// are terms: Winograd's minimal filtering for windows, Strassen's for matrices. A written template, because
// the algorithm itself differs. All is exact modulo 2^32, with int16 operands:
//
//   for each block of tiles:
//     transform the input's tiles       -> tiles[point][tile][term]
//     for each block of output channels:
//       products[point][tile][co] = tiles[point][tile][term] * weights[set of point][term][co]
//       transform the products, requantise  -> output
//
// The products are by the micro-kernels that multiply int16 (schedules/dot_kernel.h). Of paired ones, what is
// too much on the side of the weights is where a point's sums start; on the side of the input it is the same
// for all channels, so that a tile's sums of pairs go through the output's transform once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schedules/compute_facts.h"
#include "schedules/config_space.h"
#include "schedules/dot_kernel.h"
#include "schedules/dot_space.h"
#include "schedules/dot_winograd_form.h"
#include "schedules/loop_tree.h"
#include "schedules/target.h"

namespace tunefarm::schedules {

// What the rule must know of an algorithm.
struct DotBilinearForm {
  std::string name;                           // As a knob's value: "strassen".
  const DotWinogradForm* winograd = nullptr;  // Null: Strassen's,
  int strassen_levels = 0;                    // so many times.
  int64_t points = 0, sets = 0;               // Products of a tile, and sets of weights for them.
  int64_t tiles = 0, terms = 0, columns = 0;  // Of each point's matrix product.
  int64_t results = 0;                        // Of a tile, for each column.
  int result_bits = 29;                       // Results are exact below 2^result_bits.
  int64_t patch = 0;                          // Runs of terms that a copy of a tile's input holds.
  double input_instructions = 0, output_instructions = 0;  // Roughly, of a vector of terms or columns.
  int64_t start_tiles = 32;                                // As the knob counts, for a good start.
  int64_t tile_size = 1;                                   // As how many tiles the knob counts one.
  bool may_be_default = true;
};

// The decisions of a config.
struct DotBilinearPlan {
  const DotBilinearForm* form = nullptr;
  const DotKernel* kernel = nullptr;
  int rows = 1, vectors = 1;  // Register tile of the products: tiles times vectors of output channels.
  int unroll = 1;             // Groups of terms written out.
  int64_t tiles = 0;          // Of a block, at most, each counted as the form's tile_size; 0: all.
  int64_t channels = 0;       // Output channels of a block, at most; 0: all.
};

// What a plan comes to. Strides and sizes are in elements of int16 (tiles, panels), int32 (products), uint32
// (pair sums) and int8 (patch).
struct DotBilinearShape {
  int64_t block = 0, blocks = 0;  // Tiles in a block; the last one moves inwards.
  int64_t groups = 0;             // Of terms in a sum.
  int64_t terms = 0;              // As they are transformed: whole vectors of int16.
  int64_t co = 0;                 // Columns in whole vectors of the micro-kernel.
  int64_t channel_block = 0;      // Whole register tiles; of the last block and a single one, whole vectors.
  int64_t tile_stride = 0, product_stride = 0;  // From point to point.
  int64_t panels = 0;                           // Vectors of channels, of each set of weights.
  // A vector of channels with a set of weights: what its sums start with, as so many int16, and its weights.
  // Those of a register tile stand together, the starts of all its vectors first.
  int64_t panel = 0, start = 0;
  bool folds = false;        // Of paired weights, half are read from memory for each cell, to save registers.
  int64_t packed_bytes = 0;  // Of all panels, by block of channels, in it by set of weights.
  // The workspace of a thread, in bytes: tiles, then products, pair sums (a tile's results, of paired
  // kernels) and the patch.
  int64_t products_at = 0, pair_sums_at = 0, patch_at = 0, workspace_bytes = 0;
};

// Immutable; refers to `facts`, which must outlive it.
class DotBilinearRule {
 public:
  // What the int16 micro-kernels of the target serve; there may be none.
  static bool Serves(const Target& target);
  // Some forms for one computation.
  DotBilinearRule(std::vector<DotBilinearForm> forms, const ComputeFacts& facts, const DotRoles& roles,
                  const Target& target, int threads);

  // "algorithm" (0: direct, else a form), the products' "product", "product_rows", "product_vectors" and
  // "product_unroll", and "tiles" and "channels" (of a block).
  std::vector<Knob> Knobs() const;
  // Sets all of them but the first to the cheapest by Cost(), and the first as well where the cost of a form
  // that may be a default is clearly below that of direct sums.
  void Prefer(const std::vector<Knob>& knobs, double direct_cost, Config& config) const;
  static bool Uses(const Knob& knob);
  DotBilinearPlan Resolve(const std::vector<Knob>& knobs, const Config& config) const;
  const char* Refusal(const DotBilinearPlan& plan) const;  // Null when the plan can be built.
  DotBilinearShape Shape(const DotBilinearPlan& plan) const;
  // As many cycles as DotRule::Cost() counts.
  double Cost(const DotBilinearPlan& plan) const;
  LoopTree Lower(const DotBilinearPlan& plan) const;

 private:
  std::vector<DotBilinearForm> forms_;
  const ComputeFacts* facts_;
  DotRoles roles_;
  Target target_;
  int threads_;
  std::vector<const DotKernel*> kernels_;
};

}  // namespace tunefarm::schedules
