// The limits a process puts on itself before it runs a kernel, below the sandbox that is already around it.
#pragma once

#include "runner/executor/protocol.h"

namespace tunefarm::executor {

// Runs on the job's cores only. Failure is reported: times from another core would be compared with those
// from this one.
void PinTo(const Job& job);

// No core dumps, no files, no new privileges, and an address space of this size in all.
void LimitResources(std::uint64_t address_space_bytes);

// From here on a system call outside the filter raises SIGSYS. A job without a filter is refused.
void EnterFilter(const Job& job);

}  // namespace tunefarm::executor
