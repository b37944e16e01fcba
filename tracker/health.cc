#include "tracker/health.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace tunefarm {
namespace {

int Strikes(v1::FailureKind kind) {
  return kind == v1::FAILURE_KIND_NOISY || kind == v1::FAILURE_KIND_THROTTLED ? 1 : 2;
}

void Quarantine(Health& health, absl::Time now) {
  absl::Duration length = kFirstQuarantine;
  for (int i = 0; i < health.relapses && length < kLongestQuarantine; ++i) length *= 2;
  health.state = v1::DEVICE_HEALTH_QUARANTINED;
  health.quarantined_until = now + std::min(length, kLongestQuarantine);
  health.strikes = 0;
  health.successes = 0;
  ++health.relapses;
}

}  // namespace

void RecordInfrastructureFailure(Health& health, const std::string& work_id, const v1::Failure& failure,
                                 absl::Time now) {
  const bool same_work = !work_id.empty() && health.last_work == work_id;
  health.last_work = work_id;
  if (health.state == v1::DEVICE_HEALTH_QUARANTINED || same_work) return;
  health.reason = failure.message();
  if (health.state == v1::DEVICE_HEALTH_PROBATION) {
    Quarantine(health, now);
    return;
  }
  health.state = v1::DEVICE_HEALTH_SUSPECT;
  health.strikes += Strikes(failure.kind());
  if (health.strikes >= kQuarantineStrikes) Quarantine(health, now);
}

void RecordSuccess(Health& health) {
  health.strikes = 0;
  health.last_work.clear();
  if (health.state == v1::DEVICE_HEALTH_PROBATION && ++health.successes < kProbationSuccesses) return;
  if (health.state == v1::DEVICE_HEALTH_QUARANTINED) return;
  if (health.state == v1::DEVICE_HEALTH_PROBATION) health.relapses = std::max(0, health.relapses - 1);
  health.state = v1::DEVICE_HEALTH_GOOD;
  health.successes = 0;
  health.reason.clear();
}

bool PassTime(Health& health, absl::Time now) {
  if (health.state != v1::DEVICE_HEALTH_QUARANTINED || now < health.quarantined_until) return false;
  health.state = v1::DEVICE_HEALTH_PROBATION;
  health.successes = 0;
  return true;
}

bool IsUsable(const Health& health) { return health.state != v1::DEVICE_HEALTH_QUARANTINED; }

}  // namespace tunefarm
