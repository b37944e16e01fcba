// Windows by vectors of channels: how micro-kernels that sum up several of a channel's taps at once take
// them.
//
// Taps that stand below each other, in neighbouring rows of the input, are read as whole vectors of channels
// and interleaved, so that each 32-bit lane holds a channel's terms; a column that is interleaved once serves
// all outputs whose windows hold it. Interleaving works within 128 bits: the vectors of a tile of channels
// hold them in another order, in which the tile's weights and parameters stand as well, and packing the
// results into bytes brings them back.
#pragma once

#include "schedules/compute_facts.h"
#include "schedules/dot_kernel.h"
#include "schedules/dot_space.h"
#include "schedules/loop_tree.h"

namespace tunefarm::schedules {

struct WindowPlan {
  int down = -1;    // The axis of the taps that are interleaved; -1: a single one.
  int across = -1;  // The axis of the others; -1: none.
  int terms = 1;    // Of a lane: the micro-kernel's.
  int groups = 1;   // Of taps in a column of the window.
  int height = 1, columns = 1;
  // Elements of a tile of the micro-kernel's lanes.
  int64_t WeightsOf(int lanes) const { return int64_t{groups} * columns * lanes * terms; }
};

// Of a computation whose only reductions are roles.taps, two at most.
WindowPlan PlanWindow(const ComputeFacts& facts, const DotRoles& roles, const DotKernel& kernel);

// Makes the weights' buffer in the tree hold them as the plan says; before other constants are added.
void LayOutWindows(LoopTree& tree, const ComputeFacts& facts, const DotRoles& roles, const DotKernel& kernel);

// Where a channel of a tile of `lanes` stands in its vectors. Its parity stays.
int WindowSlot(const DotKernel& kernel, int channel);

}  // namespace tunefarm::schedules
