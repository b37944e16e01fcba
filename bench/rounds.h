// Interleaved measurement: every peer once in each round, in an order that rotates, so that what the machine
// does to one round it does to all of them.
#pragma once

#include <functional>
#include <vector>

#include "bench/peers/peer.h"

namespace tunefarm::bench {

struct PeerSamples {
  long calls = 0;               // Per sample.
  std::vector<double> seconds;  // Processor time of one call, a sample per round.
};

// Each sample repeats the call for about `sample_seconds`, after one call that is not timed (the peers evict
// each other from the caches), unless a single call lasts longer than that already. `on_round` is told the
// rounds done.
std::vector<PeerSamples> MeasureRounds(const std::vector<Peer>& peers, Buffer& output, int rounds,
                                       double sample_seconds, const std::function<void(int)>& on_round);

// The median of the rounds' ratios, with its 95 % interval.
struct Ratio {
  double median = 0, low = 0, high = 0;
};
// How many times as fast as `b` (in flop per second, each by its own flop) `a` is.
Ratio SpeedRatio(const Peer& a, const PeerSamples& a_samples, const Peer& b, const PeerSamples& b_samples);

}  // namespace tunefarm::bench
