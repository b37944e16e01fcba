// The int8 reference of operators without weights.
#pragma once

#include "schedules/int8_reference.h"

namespace tunefarm::schedules {

// Pooling, addition and softmax; `compute` is the workload's.
std::vector<int8_t> SmallInt8Reference(const Workload& workload, const ComputeDefinition& compute,
                                       const IntTensors& inputs);

}  // namespace tunefarm::schedules
