#include "tracker/verdict.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace tunefarm {

bool IsInfrastructureFailure(v1::FailureKind kind) {
  switch (kind) {
    case v1::FAILURE_KIND_UPLOAD:
    case v1::FAILURE_KIND_THROTTLED:
    case v1::FAILURE_KIND_NOISY:
    case v1::FAILURE_KIND_DEVICE_LOST:
    case v1::FAILURE_KIND_INTERNAL:
    case v1::FAILURE_KIND_CANCELLED:  // The runner stopped it on its own account, for example to shut down.
      return true;
    default:
      return false;
  }
}

bool ShouldRetry(const std::vector<v1::Attempt>& attempts) {
  return static_cast<int>(attempts.size()) < kMaxAttempts;
}

v1::Failure FinalFailure(const std::vector<v1::Attempt>& attempts) {
  v1::Failure failure = attempts.back().failure();
  const bool lost_each_time = std::all_of(attempts.begin(), attempts.end(), [](const v1::Attempt& attempt) {
    return attempt.failure().kind() == v1::FAILURE_KIND_DEVICE_LOST;
  });
  const std::string devices = absl::StrJoin(
      attempts, ", ", [](std::string* out, const v1::Attempt& attempt) { out->append(attempt.device_id()); });
  if (lost_each_time) {
    failure.set_message(
        absl::StrCat("the device was lost on each of ", attempts.size(), " attempts (", devices,
                     "): this candidate probably kills its device; last: ", failure.message()));
  } else {
    failure.set_message(absl::StrCat("failed on each of ", attempts.size(), " attempts (", devices,
                                     "); last: ", failure.message()));
  }
  return failure;
}

v1::Failure CheckMeasurement(const v1::Measurement& measurement, int kernels) {
  v1::Failure failure;
  if (measurement.failure().kind() == v1::FAILURE_KIND_UNSPECIFIED && measurement.kernels_size() != kernels) {
    failure.set_kind(v1::FAILURE_KIND_INTERNAL);
    failure.set_message(absl::StrCat("the runner reported ", measurement.kernels_size(), " results for ",
                                     kernels, " kernels"));
  }
  return failure;
}

}  // namespace tunefarm
