// Int8 convolution by Winograd's minimal filtering in integers: a written template, because the algorithm
// itself differs. All sums are exact (schedules/dot_winograd_form.h), with int16 operands:
//
//   for each block of tiles:
//     transform the input's tiles       -> tiles[point][tile][ci]
//     for each block of output channels:
//       products[point][tile][co] = tiles[point][tile][ci] * weights[point][ci][co]
//       transform the products, requantise  -> output
//
// The products are by the micro-kernels that multiply int16 (schedules/dot_kernel.h). Of paired ones, what is
// too much on the side of the weights is where a point's sums start; on the side of the input it is the same
// for all channels, so that a tile's sums of pairs go through the output's transform once.
#pragma once

#include <cstdint>
#include <vector>

#include "schedules/compute_facts.h"
#include "schedules/config_space.h"
#include "schedules/dot_kernel.h"
#include "schedules/dot_space.h"
#include "schedules/dot_winograd_form.h"
#include "schedules/loop_tree.h"
#include "schedules/target.h"
#include "schedules/workload.h"

namespace tunefarm::schedules {

// The decisions of a config.
struct DotWinogradPlan {
  const DotWinogradForm* form = nullptr;
  const DotKernel* kernel = nullptr;
  int rows = 1, vectors = 1;  // Register tile of the products: tiles times vectors of output channels.
  int unroll = 1;             // Groups of terms written out.
  int64_t tiles = 0;          // Of a block, at most; 0: all.
  int64_t channels = 0;       // Output channels of a block, at most; 0: all.
};

// What a plan comes to. Strides and sizes are in elements of int16 (tiles, panels), int32 (products), uint32
// (pair sums) and int8 (patch).
struct DotWinogradShape {
  int64_t rows = 0, columns = 0;  // Of tiles in an image.
  int64_t tiles = 0;              // In all images.
  int64_t block = 0, blocks = 0;  // Tiles in a block; the last one moves inwards.
  int64_t groups = 0;             // Of terms in a sum.
  int64_t ci = 0;                 // As it is transformed: whole vectors of int16.
  int64_t co = 0;                 // Whole vectors of the micro-kernel.
  int64_t channel_block = 0;      // Whole register tiles; of the last block and a single one, whole vectors.
  int64_t tile_stride = 0, product_stride = 0;  // From point to point.
  int64_t panels = 0;                           // Vectors of channels, of each set of weights.
  // A vector of channels with a set of weights: what its sums start with, as so many int16, and its weights.
  // Those of a register tile stand together, the starts of all its vectors first.
  int64_t panel = 0, start = 0;
  int64_t pair_sums = 0;  // Of paired kernels, a tile's outputs each.
  int64_t patch = 0;
  int64_t packed_bytes = 0;  // Of all panels, by set of weights.
  // The workspace of a thread, in bytes: tiles, then the others.
  int64_t products_at = 0, pair_sums_at = 0, patch_at = 0, workspace_bytes = 0;
};

// Immutable; refers to `facts`, which must outlive it.
class DotWinogradRule {
 public:
  static bool Serves(const Workload& workload, const Target& target);
  DotWinogradRule(const Workload& workload, const ComputeFacts& facts, const DotRoles& roles,
                  const Target& target, int threads);

  // "algorithm" (0: direct, else outputs along a tile's side), the products' "product", "product_rows",
  // "product_vectors" and "product_unroll", and "tiles" and "channels" (of a block).
  std::vector<Knob> Knobs() const;
  // Sets all of them but the first to the cheapest by Cost(), and the first as well where Cost() is clearly
  // below that of direct sums.
  void Prefer(const std::vector<Knob>& knobs, double direct_cost, Config& config) const;
  static bool Uses(const Knob& knob);
  DotWinogradPlan Resolve(const std::vector<Knob>& knobs, const Config& config) const;
  const char* Refusal(const DotWinogradPlan& plan) const;  // Null when the plan can be built.
  DotWinogradShape Shape(const DotWinogradPlan& plan) const;
  // As many cycles as DotRule::Cost() counts.
  double Cost(const DotWinogradPlan& plan) const;
  LoopTree Lower(const DotWinogradPlan& plan) const;

 private:
  const Workload* workload_;
  const ComputeFacts* facts_;
  DotRoles roles_;
  Target target_;
  int threads_;
  std::vector<const DotKernel*> kernels_;
};

}  // namespace tunefarm::schedules
