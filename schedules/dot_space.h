// The config space of int8 operators: register tiles of dot products, from the compute definition and the
// target's micro-kernels.
//
// The nest, from the outside: batch axes; blocks of rows, for which the input is copied; register tiles;
// reductions, the innermost by groups of the micro-kernel; and the register tile: rows times vectors of
// output channels. Weights are packed in the order in which they are read when the kernel is prepared, the
// bias with the input's zero point folded in where the micro-kernel reads the input as it is.
//
//   axis roles   dense   conv2d    depthwise_conv2d
//   channels     n       co        c (or its multiplier)
//   rows, rows2  m       ow, oh    ow, oh
//   k            k       kw * ci   -
//   taps         -       kh        kh, kw
//   batch        -       n, g      n, c where channels is its multiplier
#pragma once

#include <vector>

#include "base/divide.h"
#include "schedules/compute_facts.h"
#include "schedules/config_space.h"
#include "schedules/dot_kernel.h"
#include "schedules/schedule.h"
#include "schedules/target.h"

namespace tunefarm::schedules {

struct DotRoles {
  int channels = -1;          // -1: a single output channel.
  int rows = -1, rows2 = -1;  // -1: none.
  int k = -1;                 // The reduction with neighbouring terms in both factors; -1: none.
  std::vector<int> taps;      // The other reductions, outermost first.
  std::vector<int> batch;     // The other spatial axes, outermost first.
  // Windows over single channels that lie along the input's last dimension can be read from planes.
  bool windows = false;
  int tap = -1;  // The tap along rows of such a plane; -1: none.
};

// A config in the terms of the rule.
struct DotPlan {
  const DotKernel* kernel = nullptr;
  int vectors = 1, rows = 1;          // Register tile.
  int32_t block_r = 0, block_r2 = 0;  // Rows that are copied at a time; 0: all.
  int32_t block_c = 0;                // Channels whose planes are copied at a time; 0: all.
  bool rows_inside = true;            // Register tiles of the rows run inside those of the channels.
  int unroll = 1;                     // Groups written out; 0: the whole reduction.
  ReadForm lhs = ReadForm::kDirect;
  Tail tail_rows = Tail::kGuard;
};

// Immutable; ConfigSpace's constraints refer to it, so it lives as long as they do.
class DotRule {
 public:
  DotRule(const ComputeFacts& facts, const Target& target, int threads);

  absl::StatusOr<ConfigSpace> MakeSpace() const;
  DotPlan Resolve(const std::vector<Knob>& knobs, const Config& config) const;
  // Why the plan cannot be built; null when it can. Cheap.
  const char* Refusal(const DotPlan& plan) const;
  absl::StatusOr<Schedule> MakeSchedule(const DotPlan& plan) const;
  // The plan's micro-kernel is paired, and its tile has no registers for all of its weights.
  bool Folds(const DotPlan& plan) const;
  const DotRoles& roles() const { return roles_; }
  double Cost(const DotPlan& plan) const;  // Rough, in cycles.

 private:
  const char* PlanarRefusal(const DotPlan& plan) const;
  const char* EdgesRefusal(const DotPlan& plan) const;
  // Registers that hold addresses and the loop's end, where accumulators are scalars and share their file.
  static constexpr int kAddressRegisters = 3;
  std::vector<Knob> MakeKnobs() const;
  absl::StatusOr<Config> DefaultConfig(const std::vector<Knob>& knobs) const;
  int64_t Extent(int axis) const { return axis < 0 ? 1 : facts_->compute.axes[axis].extent; }
  int64_t Terms(const DotKernel& kernel) const;  // Of one sum, rounded up to groups, in groups.
  double CrossingShare(const DotPlan& plan) const;
  double WindowTile(const DotPlan& plan) const;
  double VectorGroup(const DotPlan& plan) const;
  DotPlan FitCopies(const std::vector<Knob>& knobs, Config& config) const;
  std::vector<int64_t> CopyShape(const DotPlan& plan) const;
  int64_t PairSums(const DotPlan& plan) const;  // How many are kept beside the copy.
  int64_t CopyBytes(const DotPlan& plan) const;

  const ComputeFacts* facts_;
  Target target_;
  int threads_;
  DotRoles roles_;
  std::vector<const DotKernel*> kernels_;  // That fit the computation.
  // Knob numbers, -1 where the space has no such knob.
  enum KnobId {
    kKernel,
    kVectors,
    kRows,
    kBlockR,
    kBlockR2,
    kBlockC,
    kInner,
    kUnroll,
    kLhs,
    kTailRows,
    kKnobIds
  };
  int knob_[kKnobIds];
};

}  // namespace tunefarm::schedules
