#include "bench/rounds.h"

#include <algorithm>
#include <cmath>
#include <ctime>

namespace tunefarm::bench {
namespace {

// One thread: the processor time of all our threads. It is what a clock shows on an idle machine, it leaves
// out what others took of the CPU, and a library that starts threads of its own gains nothing by them.
double Seconds(int threads) {
  timespec time;
  clock_gettime(threads == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double TimeCalls(const Peer& peer, Buffer& output, long calls, int threads) {
  const double start = Seconds(threads);
  for (long i = 0; i < calls; ++i) peer.run(output);
  return Seconds(threads) - start;
}

}  // namespace

std::vector<PeerSamples> MeasureRounds(const std::vector<Peer>& peers, Buffer& output, int rounds,
                                       double sample_seconds, int threads,
                                       const std::function<void(int)>& on_round) {
  std::vector<PeerSamples> samples(peers.size());
  for (std::size_t i = 0; i < peers.size(); ++i) {
    // Doubles until the time can be read well; the first calls also warm up.
    long calls = 1;
    double seconds = TimeCalls(peers[i], output, calls, threads);
    while (seconds < sample_seconds / 4) {
      calls *= 2;
      seconds = TimeCalls(peers[i], output, calls, threads);
    }
    samples[i].calls = std::max(1L, std::lround(sample_seconds * static_cast<double>(calls) / seconds));
  }
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t k = 0; k < peers.size(); ++k) {
      const std::size_t i = (k + static_cast<std::size_t>(round)) % peers.size();
      if (samples[i].calls > 1) peers[i].run(output);
      samples[i].seconds.push_back(TimeCalls(peers[i], output, samples[i].calls, threads) /
                                   static_cast<double>(samples[i].calls));
    }
    on_round(round + 1);
  }
  return samples;
}

}  // namespace tunefarm::bench
