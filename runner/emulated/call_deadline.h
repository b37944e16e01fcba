// How long a kernel may run in an emulator.
#pragma once

#include "absl/time/time.h"
#include "tunefarm/v1/measurement.pb.h"

namespace tunefarm {

// One call, with the check of its result: the work's own deadline, which is made for cores a hundred times as
// fast, or what naive code takes that is emulated on a busy machine; that, for its part, is a minute at most.
absl::Duration EmulatedCallDeadline(const v1::RunDescription& run);

}  // namespace tunefarm
