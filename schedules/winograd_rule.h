// Convolution by Winograd's minimal filtering: a written template, because the algorithm itself differs. The
// products at the transform's points are matrix products, which the tiling rule schedules:
//
//   for each block of tiles:
//     transform the input's tiles       -> tiles[point][tile][ci]
//     for each set of weights, part of the output channels, and point:
//       products[point][tile][co] += tiles[point][tile][ci] * weights[set][ci][co]     (the tiling rule)
//     transform the products, epilogue  -> output
//
// Threads share the blocks, each with buffers of its own and all weights; or the work in each block: the
// transforms by tiles, the products by points, so that each reads its part of the weights only.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "schedules/compute_facts.h"
#include "schedules/config_space.h"
#include "schedules/target.h"
#include "schedules/tiling_space.h"
#include "schedules/transform_buffers.h"
#include "schedules/winograd_transform.h"
#include "schedules/workload.h"

namespace tunefarm::schedules {

// The sizes of one way to cut the output into tiles and blocks.
struct WinogradShape {
  const WinogradForm* form = nullptr;
  ConvertedImages converted;
  int64_t rows = 0, columns = 0;  // Of tiles in an image.
  int64_t tiles = 0;              // In all images.
  int64_t block = 0;              // Tiles in a block. The last one moves inwards.
  int64_t blocks = 0;
  int64_t ci = 0, co = 0;                       // Rounded up to whole vectors.
  int64_t co_part = 0;                          // Of co: whose weights stay near for all points of a set.
  int64_t tile_stride = 0, product_stride = 0;  // From point to point, in elements.
  int64_t points() const { return int64_t{form->points} * form->points; }
  int64_t sets() const { return int64_t{form->weight_rows()} * form->weight_rows(); }
  int64_t parts() const { return co / co_part; }
  // Of the workspace, for one block.
  int64_t buffer_elements() const { return points() * (tile_stride + product_stride); }
};

// The decisions of a config.
struct WinogradPlan {
  int shape = 0;              // Of WinogradRule::shape().
  TilingPlan products;        // Of the matrix products.
  bool shares_block = false;  // Threads share the work in a block; otherwise the blocks.
};

// Immutable. `Serves` says whether the workload is one that it can compute.
class WinogradRule {
 public:
  static bool Serves(const Workload& workload);
  WinogradRule(const Workload& workload, const Target& target, int threads);

  // "algorithm" (0: direct, else outputs along a tile's side), "tiles" (of a block; 0: all) and, with
  // threads, "share" (0: blocks, 1: the work in each).
  std::vector<Knob> Knobs() const;
  // A good start of each form; knobs that it does not decide stand as in `preferred`.
  std::vector<Config> Starts(const std::vector<Knob>& knobs, const Config& preferred) const;
  // From the tiling rule's knobs lanes, vectors, rows, inner, unroll and tail_rows, and those above.
  WinogradPlan Resolve(const ConfigSpace& space, const Config& config) const;
  // The knobs that Resolve looks at; the others have no meaning.
  static bool Uses(const Knob& knob);

  const char* Refusal(const WinogradPlan& plan) const;  // Null when the plan can be built.
  // How many times the tolerance of direct summation a result may use.
  double ErrorGrowth(const WinogradPlan& plan) const { return WinogradErrorGrowth(*shape(plan).form); }
  const WinogradShape& shape(const WinogradPlan& plan) const { return cuts_[plan.shape].shape; }
  const ComputeFacts& product_facts(const WinogradPlan& plan) const { return *cuts_[plan.shape].facts; }
  // Of the workspace: one for each block that is being computed.
  int buffers(const WinogradPlan& plan) const { return plan.shares_block ? 1 : threads_; }
  int64_t workspace_elements(const WinogradPlan& plan) const {
    return shape(plan).converted.elements() + shape(plan).buffer_elements() * buffers(plan);
  }
  // The loop tree of the matrix product at a point of one block and part, in terms of product_facts.
  absl::StatusOr<LoopTree> LowerProduct(const WinogradPlan& plan) const;
  // The whole nest, in terms of the convolution's `facts` (axes oh, ow, co, ci where it has them).
  absl::StatusOr<LoopTree> Lower(const WinogradPlan& plan, const ComputeFacts& facts) const;

 private:
  struct Cut {
    WinogradShape shape;
    std::unique_ptr<ComputeFacts> facts;  // The rule points to them.
    std::unique_ptr<TilingRule> rule;
  };
  Target target_;
  int threads_;
  std::vector<int> outputs_;  // Of the forms.
  std::vector<Cut> cuts_;     // By algorithm and number of tiles, as the knobs count.
};

}  // namespace tunefarm::schedules
