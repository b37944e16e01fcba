// What bench-kernels prints: a table for people, or one JSON object a line.
#pragma once

#include <string>
#include <vector>

#include "bench/peers/peer.h"
#include "bench/rounds.h"

namespace tunefarm::bench {

struct AbsentPeer {
  std::string name, reason;
};

// `peers[0]` is ours; the peak, where it could be measured, is among them. As many samples and errors as
// peers.
struct Result {
  const Problem* problem;
  int cpu;
  int rounds;
  std::vector<Peer> peers;
  std::vector<AbsentPeer> absent;
  std::vector<PeerSamples> samples;
  std::vector<double> errors;  // Share of the tolerance used, 1 at most where correct; 0 for the peak.
};

std::string TableText(const Result& result);

// {"event":"peer","peer","description","gflops","median_us","low_us","high_us","calls_per_sample","error"}
// each,
// {"event":"absent","peer","reason"} each,
// {"event":"ratio","of","to","ratio","low","high"} for ours to each, and
// {"event":"done","workload","target","cpu","rounds","gflops","share_of_peak"}.
std::string JsonText(const Result& result);

}  // namespace tunefarm::bench
