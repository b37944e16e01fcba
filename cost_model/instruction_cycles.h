// What the instructions of a scheduled loop nest cost, counted from the tree: the part of the analytic
// estimate that does not depend on caches.
#pragma once

#include "cost_model/loop_facts.h"
#include "schedules/loop_tree.h"
#include "schedules/target.h"

namespace tunefarm::cost_model {

// What a statement computes with: its first two reads (the first one twice where there is but one), which are
// not the accumulators, and what it writes.
struct Operands {
  const schedules::LoopAccess& lhs;
  const schedules::LoopAccess& rhs;
  const schedules::LoopAccess& written;
};
// `statement` has at least two accesses.
Operands OperandsOf(const schedules::LoopTree& tree, const schedules::LoopNode& statement);

// One run of the unrolled loops around a multiply-add, in vector instructions.
struct Tile {
  int levels = 0;  // How many of the innermost loops are unrolled or vectorized.
  double multiply_adds = 1;
  double sums = 1;  // Multiply-adds that do not wait for each other's result.
  double lhs_loads = 1, rhs_loads = 1;
};
Tile TileOf(const LoopPath& path, const Operands& operands);

// Of one kernel call, each statement with its own tile and lanes. Parts are added, not overlapped, as on a
// core that issues in order; a core that does not hides some of each, which hardly changes the order of
// configs.
struct InstructionCycles {
  double multiply = 0;  // Multiply-adds, including waits for results that depend on each other.
  double load = 0;      // Their operands.
  double copy = 0;      // Packing and storing.
  double loop = 0;      // Counters, addresses and branches.
  double gathered = 0;  // Elements of vectors that are loaded one by one, as their lanes do not lie together.

  double total() const { return multiply + load + copy + loop; }
};
InstructionCycles CountInstructionCycles(const schedules::LoopTree& tree, const schedules::Target& target);

}  // namespace tunefarm::cost_model
