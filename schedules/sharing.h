// Whether a kernel is worth being shared among threads.
#pragma once

#include "schedules/compute_facts.h"
#include "schedules/target.h"

namespace tunefarm::schedules {

// By an estimate: float32 at the target's full speed on one core, against what starting threads costs.
bool PaysToShare(const ComputeFacts& facts, const Target& target);

}  // namespace tunefarm::schedules
