// What bench-kernels prints: tables for people, or one JSON object a line.
#pragma once

#include <string>
#include <vector>

#include "bench/peers/peer.h"
#include "bench/rounds.h"
#include "bench/summary.h"

namespace tunefarm::bench {

struct AbsentPeer {
  std::string name, reason;
};

// One workload. `peers[0]` is ours; the peak, where it could be measured, is among them. As many samples and
// errors as peers.
struct Result {
  const Problem* problem;
  int cpu;
  int rounds;
  std::vector<PeerFacts> peers;
  std::vector<AbsentPeer> absent;
  std::vector<PeerSamples> samples;
  std::vector<double> errors;  // Problem::Error of each one's output; 0 for the peak.
};

// float32: a peer that uses more than this many times the tolerance of direct summation computes something
// else and does not compete; Winograd's F(4x4,3x3) uses about ten times of it.
inline constexpr double kRoughestPeer = 32;

// What follows from a result.
struct Standing {
  double gflops = 0;
  int best = -1;             // Of the peers that compete and were correct; -1: none.
  Ratio to_best;             // Zeros without a best.
  double share_of_peak = 0;  // 0 without the peak.
};
Standing StandingOf(const Result& result);

// The workload's own table, with what each peer did.
std::string TableText(const Result& result);
// For a run over many workloads: a heading once, then a line each, and the means at the end.
std::string LineHeading(int threads);
std::string LineText(const Result& result);
std::string MeansText(const std::vector<GroupMean>& means);

// {"event":"peer","peer","description","gflops","median_us","low_us","high_us","calls_per_sample","error",
//  "workload"} each,
// {"event":"absent","peer","reason","workload"} each,
// {"event":"ratio","of","to","ratio","low","high","workload"} for ours to each, and
// {"event":"shape","workload","target","threads","cpu","rounds","gflops","share_of_peak","best_peer","ratio",
//  "low","high"}; best_peer is null where no peer has a counterpart.
std::string JsonText(const Result& result);
// {"event":"group","group","shapes","geomean","worst","worst_workload"} each.
std::string JsonText(const std::vector<GroupMean>& means);

}  // namespace tunefarm::bench
