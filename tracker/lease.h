// The right to use one device for one piece of work until a deadline.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "tunefarm/v1/measurement.pb.h"

namespace tunefarm {

// A value. The tracker's word counts: a runner that reports under another fence is refused.
struct Lease {
  std::string work_id;
  std::string user;  // Who the device time is charged to.
  std::uint64_t fence = 0;
  absl::Time started;
  absl::Time heard;    // When the runner last called.
  int handed_out = 1;  // How often the runner was told to execute; more than once when responses got lost.
  bool cancelled = false;  // The work is gone; the device is held until the runner lets go.
  v1::Phase phase = v1::PHASE_UNSPECIFIED;
};

// Grows with every grant for a device. Microseconds of the clock, so that it grows even past a restart that
// lost the last grants (power failure) or all state; one more than the last where the clock stood still or
// went back.
inline std::uint64_t NextFence(std::uint64_t last, absl::Time now) {
  return std::max(last + 1, static_cast<std::uint64_t>(std::max<std::int64_t>(0, absl::ToUnixMicros(now))));
}

// When the lease ends unless the runner is heard again: `silence` after it was last heard, and in any case
// `longest` after it began, so that a runner that executes for ever does not hold its device for ever.
inline absl::Time LeaseEnd(const Lease& lease, absl::Duration silence, absl::Duration longest) {
  return std::min(lease.heard + silence, lease.started + longest);
}

}  // namespace tunefarm
