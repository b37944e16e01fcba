// How far a device can be trusted, by what happened on it. good -> suspect -> quarantined -> probation ->
// good; every step back up happens by itself, so nobody edits a database to get a board back.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "tunefarm/v1/measurement.pb.h"
#include "tunefarm/v1/tracker.pb.h"

namespace tunefarm {

// Strikes of failures in a row that end in quarantine. A lost device, a broken upload or a defect counts 2,
// noise and throttling count 1: three hard failures, or six soft ones. At half, one unlucky cable pull idles
// a board; at double, a dead board eats a dozen attempts before it is set aside.
inline constexpr int kQuarantineStrikes = 6;
// First quarantine; doubles with each relapse up to the longest. Long enough for a service manager to restart
// a runner, short enough that a farm of one device does not stall over a hiccup.
inline constexpr absl::Duration kFirstQuarantine = absl::Seconds(5);
inline constexpr absl::Duration kLongestQuarantine = absl::Minutes(10);
// Successes in a row that end probation.
inline constexpr int kProbationSuccesses = 2;

// A value; stored with the device.
struct Health {
  v1::DeviceHealth state = v1::DEVICE_HEALTH_GOOD;
  int strikes = 0;
  int successes = 0;  // In a row, during probation.
  int relapses = 0;   // How often it was quarantined; one is forgiven at each full recovery.
  absl::Time quarantined_until = absl::InfinitePast();
  std::string last_work;  // Failing again with the same work is no new evidence: it may be the work.
  std::string reason;     // Of the last step down, for people.
};

// An attempt failed for a reason that is not the candidate's.
void RecordInfrastructureFailure(Health& health, const std::string& work_id, const v1::Failure& failure,
                                 absl::Time now);
// The device did its job (the candidate may have failed).
void RecordSuccess(Health& health);
// Lets a quarantine that has passed become probation. True when the state changed.
bool PassTime(Health& health, absl::Time now);
// May it be given work?
bool IsUsable(const Health& health);

}  // namespace tunefarm
