// Turns a run description from the wire into the executor's job, refusing what it cannot mean.
#pragma once

#include <cstdint>
#include <memory>

#include "base/status.h"
#include "runner/device.h"
#include "runner/executor/protocol.h"

namespace tunefarm {

// Everything but kernel paths, cpus, filter and descriptors. kInvalidArgument names the field that is wrong.
// `memory_bytes`: of the device; tensors may take half of it.
absl::StatusOr<std::unique_ptr<executor::Job>> MakeJob(const LocalWork& work, std::uint64_t memory_bytes);

TimingPolicy ToTimingPolicy(const v1::MeasurementPolicy& policy);

}  // namespace tunefarm
