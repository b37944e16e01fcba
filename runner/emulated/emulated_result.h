// From an estimate to what is recorded: one sample, the same every time.
#pragma once

#include <cstdint>

#include "runner/cycles/estimator.h"
#include "tunefarm/v1/measurement.pb.h"

namespace tunefarm {

v1::KernelResult ToKernelResult(const cycles::Estimate& estimate, std::uint64_t clock_hz);

}  // namespace tunefarm
