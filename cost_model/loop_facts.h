// Quantities that follow from a scheduled loop nest by counting: iterations, touched memory, traffic between
// caches.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "schedules/loop_tree.h"

namespace tunefarm::cost_model {

inline constexpr double kCacheLineBytes = 64;

// The loops around one statement, outermost first.
struct LoopPath {
  std::array<const schedules::LoopNode*, schedules::kMaxLoopDepth> loops{};
  int depth = 0;
  double iterations = 1;  // Times the statement runs per kernel call, lanes counted one by one.
  int lanes = 1;          // Extent of the vectorized loop.
  int group = 1;          // Terms that one multiply-add sums up.
};

LoopPath PathOf(const schedules::LoopTree& tree, const schedules::LoopNode& statement);

// The share of the path's work that falls to the busiest of `threads`: 1 where no loop is parallel.
double LargestShare(const LoopPath& path, int threads);

// Memory that an access touches in one execution of the loops at depth `level` and deeper, for every level 0
// .. path.depth (where nothing is around it: one element). In bytes of whole cache lines, counting what
// several iterations touch once: strides that fit into the run of smaller ones extend it, larger ones repeat
// it.
using Footprints = std::array<double, schedules::kMaxLoopDepth + 1>;
Footprints FootprintsOf(const schedules::LoopAccess& access, const LoopPath& path, int element_bytes);

// Bytes per kernel call that an access moves into a cache, given that the loops at `level` and deeper run
// within it: the footprint there, times the loops around, except those directly around that do not move the
// access.
double Traffic(const schedules::LoopAccess& access, const LoopPath& path, const Footprints& footprints,
               int level);

// The outermost level at which the sum of the footprints fits into `cache_bytes`; path.depth when none does.
int FittingLevel(const std::vector<Footprints>& footprints, const LoopPath& path, double cache_bytes);

}  // namespace tunefarm::cost_model
