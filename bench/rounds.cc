#include "bench/rounds.h"

#include <algorithm>
#include <cmath>
#include <ctime>

#include "runner/timing/robust_stats.h"

namespace tunefarm::bench {
namespace {

// Processor time of all our threads: on one thread it is what a clock shows on an idle machine, it leaves out
// what others took of the CPU, and a library that starts threads of its own gains nothing by them.
double ProcessorSeconds() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double TimeCalls(const Peer& peer, Buffer& output, long calls) {
  const double start = ProcessorSeconds();
  for (long i = 0; i < calls; ++i) peer.run(output);
  return ProcessorSeconds() - start;
}

}  // namespace

std::vector<PeerSamples> MeasureRounds(const std::vector<Peer>& peers, Buffer& output, int rounds,
                                       double sample_seconds, const std::function<void(int)>& on_round) {
  std::vector<PeerSamples> samples(peers.size());
  for (std::size_t i = 0; i < peers.size(); ++i) {
    // Doubles until the time can be read well; the first calls also warm up.
    long calls = 1;
    double seconds = TimeCalls(peers[i], output, calls);
    while (seconds < sample_seconds / 4) {
      calls *= 2;
      seconds = TimeCalls(peers[i], output, calls);
    }
    samples[i].calls = std::max(1L, std::lround(sample_seconds * static_cast<double>(calls) / seconds));
  }
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t k = 0; k < peers.size(); ++k) {
      const std::size_t i = (k + static_cast<std::size_t>(round)) % peers.size();
      if (samples[i].calls > 1) peers[i].run(output);
      samples[i].seconds.push_back(TimeCalls(peers[i], output, samples[i].calls) /
                                   static_cast<double>(samples[i].calls));
    }
    on_round(round + 1);
  }
  return samples;
}

Ratio SpeedRatio(const Peer& a, const PeerSamples& a_samples, const Peer& b, const PeerSamples& b_samples) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < a_samples.seconds.size(); ++i) {
    ratios.push_back(a.flop / a_samples.seconds[i] / (b.flop / b_samples.seconds[i]));
  }
  const Interval interval = MedianInterval95(ratios);
  return {Median(ratios), interval.low, interval.high};
}

}  // namespace tunefarm::bench
