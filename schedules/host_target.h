// The target of the machine this runs on, detected from what Linux says about it.
#pragma once

#include <string>

#include "schedules/target.h"

namespace tunefarm::schedules {

// The best built-in target that the machine can run, with its own cache sizes and core count. The name stays
// the built-in target's, so that records are found by it.
//
// Reads ROOT/proc/cpuinfo and ROOT/sys/devices/system/cpu/cpu0/cache; `root` is empty for the real machine.
// Where sysfs has no cache sizes, as on some virtual machines, the built-in target's stand. `architecture` is
// uname's machine. kFailedPrecondition when no built-in target fits, saying what is lacking.
absl::StatusOr<Target> DetectHostTarget(const std::string& root, absl::string_view architecture);

}  // namespace tunefarm::schedules
