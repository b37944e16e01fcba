// How fast a kernel may be before its speed says that it does not do its work.
#pragma once

#include "tunefarm/v1/measurement.pb.h"

namespace tunefarm {

// Operations of the work, as its workload counts them (two a multiply-add of direct sums), that no kernel
// does in a cycle of one core. 0 for an ISA that we do not know.
double PlausibleFlopPerCycle(const v1::DeviceFacts& facts, const v1::RunDescription& run);

}  // namespace tunefarm
