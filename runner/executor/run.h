// One job from first to last: tensors, limits, loading, check, timing, check again.
#pragma once

#include "runner/executor/protocol.h"

namespace tunefarm::executor {

// Reports over the channel (report.h) and returns when all went well; every failure ends the process with its
// report.
void RunJob(const Job& job);

}  // namespace tunefarm::executor
