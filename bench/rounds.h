// Interleaved measurement: every peer once in each round, in an order that rotates, so that what the machine
// does to one round it does to all of them.
#pragma once

#include <functional>
#include <vector>

#include "bench/peers/peer.h"

namespace tunefarm::bench {

struct PeerSamples {
  long calls = 0;               // Per sample.
  std::vector<double> seconds;  // Of one call, a sample per round.
};

// With one thread the seconds are processor time, which leaves out what others took of the CPU; with more,
// wall time. Each sample repeats the call for about `sample_seconds`, after one call that is not timed (the
// peers evict each other from the caches), unless a single call lasts longer than that already. `on_round` is
// told the rounds done.
std::vector<PeerSamples> MeasureRounds(const std::vector<Peer>& peers, Buffer& output, int rounds,
                                       double sample_seconds, int threads,
                                       const std::function<void(int)>& on_round);

}  // namespace tunefarm::bench
