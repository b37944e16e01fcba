// What an attempt's outcome means for its work: done, or moved to another device.
#pragma once

#include <vector>

#include "tunefarm/v1/measurement.pb.h"
#include "tunefarm/v1/tracker.pb.h"

namespace tunefarm {

// How often work is tried when the farm, not the candidate, fails: once, and at most twice more. With one
// more try, a kernel that kills boards takes a fourth one down; with one less, two unlucky restarts of a
// runner cost a trial.
inline constexpr int kMaxAttempts = 3;

// Failures of the farm: they say nothing about the candidate.
bool IsInfrastructureFailure(v1::FailureKind kind);

// Whether the work should be tried again. `attempts` includes the one that just failed.
bool ShouldRetry(const std::vector<v1::Attempt>& attempts);

// The final failure after the last attempt. Work that lost its device each time is named as the likely
// killer.
v1::Failure FinalFailure(const std::vector<v1::Attempt>& attempts);

// A measurement that claims success must have a result for each kernel; otherwise the failure to report
// instead (kind INTERNAL), which the farm is to blame for. Kind UNSPECIFIED: it is sound.
v1::Failure CheckMeasurement(const v1::Measurement& measurement, int kernels);

}  // namespace tunefarm
