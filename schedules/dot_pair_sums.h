// What paired products (DotKernel::paired) have too much in them on the side of the input.
//
// Winograd's identity for inner products (1968) multiplies half as often, and adds instead:
//   a0 w0 + a2 w2 = (a0 + w2) (a2 + w0) - a0 a2 - w0 w2.
// A group of four terms is two of these. What depends on the weights alone is taken from the channel's bias
// when the kernel is prepared. What depends on the input alone, the sum of a0 a2 + a1 a3 over the groups, is
// the same for all channels: it is worked out once for each place in the copied input where a row of the
// window (all terms along k) begins, and the sums of a register tile start with less by that, for all taps.
//
// int8 operands, less a zero point on one side, add up to 10 bits, so nothing is rounded or saturates, and
// sums are taken modulo 2^32: the result is exact where it fits into 32 bits, whatever is in between.
#pragma once

#include <cstdint>

#include "schedules/compute_facts.h"
#include "schedules/dot_space.h"
#include "schedules/loop_tree.h"

namespace tunefarm::schedules {

struct PairSums {
  int buffer = -1;      // Of LoopTree::buffers; -1: the micro-kernel does not need them.
  int copy = -1;        // The buffer that they are of: the input's copy.
  LoopAccess access;    // Of the multiply-add; reductions but the window's rows do not move it.
  int64_t row = 0;      // Elements of the input's copy along its last dimension.
  int64_t windows = 0;  // That begin in each of these rows,
  int64_t step = 0;     // so many elements apart,
  int64_t groups = 0;   // and have so many groups of four terms.
};

// For a tree that was lowered from a plan with a padded copy of whole groups; adds the buffer to the tree.
PairSums AddPairSums(LoopTree& tree, const ComputeFacts& facts, const DotRoles& roles, int threads);

}  // namespace tunefarm::schedules
