#include "bench/rounds.h"

#include <algorithm>
#include <cmath>

namespace tunefarm::bench {

absl::StatusOr<std::vector<PeerSamples>> MeasureRounds(const std::vector<TimeCalls>& peers, int rounds,
                                                       double sample_seconds,
                                                       const std::function<void(int)>& on_round) {
  std::vector<PeerSamples> samples(peers.size());
  for (std::size_t i = 0; i < peers.size(); ++i) {
    // Doubles until the time can be read well; the first calls also warm up.
    long calls = 1;
    TUNEFARM_ASSIGN_OR_RETURN(double seconds, peers[i](calls));
    while (seconds < sample_seconds / 4) {
      calls *= 2;
      TUNEFARM_ASSIGN_OR_RETURN(seconds, peers[i](calls));
    }
    samples[i].calls = std::max(1L, std::lround(sample_seconds * static_cast<double>(calls) / seconds));
  }
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t k = 0; k < peers.size(); ++k) {
      const std::size_t i = (k + static_cast<std::size_t>(round)) % peers.size();
      TUNEFARM_ASSIGN_OR_RETURN(const double seconds, peers[i](samples[i].calls));
      samples[i].seconds.push_back(seconds / static_cast<double>(samples[i].calls));
    }
    on_round(round + 1);
  }
  return samples;
}

}  // namespace tunefarm::bench
