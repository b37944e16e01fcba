// Interleaved measurement: every peer once in each round, in an order that rotates, so that what the machine
// does to one round it does to all of them.
#pragma once

#include <functional>
#include <vector>

#include "base/status.h"

namespace tunefarm::bench {

struct PeerSamples {
  long calls = 0;               // Per sample.
  std::vector<double> seconds;  // Of one call, a sample per round.
};

// Seconds that so many calls took (PeerProcess::TimeCalls).
using TimeCalls = std::function<absl::StatusOr<double>(long calls)>;

// Each sample repeats the call for about `sample_seconds`, unless a single call lasts longer than that
// already. `on_round` is told the rounds done. The error is a peer's.
absl::StatusOr<std::vector<PeerSamples>> MeasureRounds(const std::vector<TimeCalls>& peers, int rounds,
                                                       double sample_seconds,
                                                       const std::function<void(int)>& on_round);

}  // namespace tunefarm::bench
