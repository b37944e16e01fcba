// From what the on-device runtime found to a typed failure. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "runner/boards/runtime/control.h"
#include "tunefarm/v1/measurement.pb.h"

namespace tunefarm {

// Of a kernel that the processor stopped: FAULT or STACK_OVERFLOW, with the fault's name and address.
v1::Failure DescribeFault(const device::ControlBlock& control, v1::Phase phase);

// Of a kernel that came back but left traces: MEMORY_OVERRUN, STACK_OVERFLOW, or INTERNAL where the runtime
// could not do as asked. Kind UNSPECIFIED when all is well.
v1::Failure DescribeVerdict(const device::ControlBlock& control, v1::Phase phase);

}  // namespace tunefarm
