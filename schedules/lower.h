// From a schedule to its loop tree.
#pragma once

#include "base/status.h"
#include "schedules/loop_tree.h"
#include "schedules/schedule.h"

namespace tunefarm::schedules {

// kInvalidArgument with the reason when the schedule is not legal (Schedule::Validate). Loops that run once
// are left out. `threads`: buffers inside parallel loops exist once per thread.
absl::StatusOr<LoopTree> Lower(const Schedule& schedule, int threads);

}  // namespace tunefarm::schedules
