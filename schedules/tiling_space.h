// The config space of the general multi-level tiling rule, derived from a compute definition.
//
// The nest, from the outside: batch axes; cache blocks of the vector axis (v), of the row axes (r) and of the
// main reduction (k), in an order of choice; register tiles within a block; reductions; and the register tile
// itself: up to two row axes times some vectors along the vector axis.
//
// In blocked layouts the vector axis is co, within a block, and rows2 counts the blocks: cob.
//
//   axis roles   matmul    conv2d nhwc / nchw          depthwise_conv2d nhwc / nchw
//   vector       n         co / co or ow (choice)      c / ow
//   rows, rows2  m         ow, oh / ow, oh or co, oh   ow, oh / oh
//   k            k         ci                          -
//   taps         -         kh, kw                      kh, kw
//   batch        b         n, g                        n / n, c
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "schedules/axis_roles.h"
#include "schedules/clipped_taps.h"
#include "schedules/compute_facts.h"
#include "schedules/config_space.h"
#include "schedules/schedule.h"
#include "schedules/target.h"

namespace tunefarm::schedules {

// How the reductions stand inside the register tile. "Written out" are unrolled loops.
enum class ReduceOrder : uint8_t {
  kTapsThenK,    // taps, k.
  kInnerTapOut,  // taps but the last, k, the last tap written out.
  kTapsOut,      // k, all taps written out.
  kKOut,         // taps, k written out.
};

// Where a factor's copy is made: before the nest, or inside the outer loops that it depends on.
enum class CopyLevel : uint8_t { kRoot, kMiddle, kInner };

// A config in the terms of the rule: what the schedule is made from.
struct TilingPlan {
  const AxisRoles* roles = nullptr;
  int lanes = 4;
  int vectors = 1, rows = 1, rows2 = 1;                         // Register tile.
  int32_t block_v = 0, block_r = 0, block_r2 = 0, block_k = 0;  // Cache blocks in elements; 0: not split.
  int order = 0;                                                // Of kOrders.
  bool rows_inside = true;  // Register tiles of the rows run inside those of the vector axis.
  ReduceOrder reduce = ReduceOrder::kTapsThenK;
  int unroll = 1;
  ReadForm lhs = ReadForm::kDirect, rhs = ReadForm::kDirect;
  CopyLevel lhs_level = CopyLevel::kRoot, rhs_level = CopyLevel::kRoot;
  Tail tail_rows = Tail::kGuard, tail_vector = Tail::kGuard;
  bool parallel = false;  // Threads share the outermost loops.
};

// Immutable; ConfigSpace's constraints refer to it, so it lives as long as they do.
class TilingRule {
 public:
  TilingRule(const ComputeFacts& facts, const Target& target, int threads);

  // kInvalidArgument when not even the simplest config is legal.
  absl::StatusOr<ConfigSpace> MakeSpace() const;
  const AxisRoles& roles() const { return roles_[0]; }  // The preferred ones.
  TilingPlan Resolve(const std::vector<Knob>& knobs, const Config& config) const;
  // Why the plan cannot be built; null when it can. Cheap.
  const char* Refusal(const TilingPlan& plan) const;
  absl::StatusOr<Schedule> MakeSchedule(const TilingPlan& plan) const;

 private:
  std::vector<Knob> MakeKnobs() const;
  // `clip_pixels`: vectors of a depthwise convolution's pixels leave the taps outside out, where they can.
  Config PreferredConfig(const std::vector<Knob>& knobs, bool clip_pixels) const;
  // Whether a tile of so many rows by one vector may leave taps outside out, with a whole window written out.
  bool ClipsPixels(const AxisRoles& roles, int64_t rows, int64_t lanes) const;
  void PreferWindows(const std::vector<Knob>& knobs, Config& config) const;
  void PreferEvenWindows(const std::vector<Knob>& knobs, Config& config) const;
  void PreferEvenBlocks(const std::vector<Knob>& knobs, Config& config) const;
  absl::StatusOr<Config> DefaultConfig(const std::vector<Knob>& knobs) const;
  // Good starts where the default is not.
  std::vector<Config> StartsOfSmallTiles(const std::vector<Knob>& knobs, const Config& preferred) const;
  std::optional<Config> StartWithBlocksOfTerms(const std::vector<Knob>& knobs, const Config& preferred) const;
  int64_t Extent(int axis) const { return axis < 0 ? 1 : facts_->compute.axes[axis].extent; }
  int64_t CopyElements(const TilingPlan& plan, const LinearAccess& access, ReadForm form,
                       CopyLevel level) const;

  const ComputeFacts* facts_;
  Target target_;
  int threads_;
  std::vector<AxisRoles> roles_;                     // One per choice of the vector axis.
  std::optional<std::vector<EdgeDimension>> edges_;  // Of lhs, where its taps can be clipped.
  // Knob numbers, -1 where the space has no such knob.
  enum KnobId {
    kVector,
    kLanes,
    kVectors,
    kRows,
    kRows2,
    kBlockV,
    kBlockR,
    kBlockR2,
    kBlockK,
    kOrder,
    kInner,
    kReduce,
    kUnroll,
    kLhs,
    kRhs,
    kTailRows,
    kTailVector,
    kParallel,
    kKnobIds
  };
  int knob_[kKnobIds];
};

}  // namespace tunefarm::schedules
