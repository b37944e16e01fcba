// Whether a kernel is worth being shared among threads, and how evenly.
#pragma once

#include <cstdint>
#include <span>

#include "schedules/compute_facts.h"
#include "schedules/target.h"

namespace tunefarm::schedules {

// By an estimate: float32 at the target's full speed on one core, against what starting threads costs.
bool PaysToShare(const ComputeFacts& facts, const Target& target);

struct SharedLoop {
  int64_t extent;     // At least 1.
  double iterations;  // That its last one, which may be shorter, counts in full or in part: above extent - 1.
};

// The largest share of the work of nested loops, outermost first, that a thread gets of their iterations in
// order, as OpenMP's static schedule deals them out: as many to each, one more to the first ones where they
// do not divide. 1 for one thread, or no loop.
double BusiestShare(std::span<const SharedLoop> loops, int threads);

}  // namespace tunefarm::schedules
