// A peer: one implementation of a workload, ready to run. Adding one is a file here and a line in MakePeers
// (kernels.cc).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "bench/peers/problem.h"

namespace tunefarm::bench {

struct Peer {
  std::string name;         // "oneDNN".
  std::string description;  // Version, and what of the workload it does how.
  // One call on one thread: the whole operator with its epilogue, all packing of activations included;
  // constants were packed before. Owns what it needs, but the problem, which outlives it. Writes `output`, in
  // the workload's layout.
  std::function<void(Buffer& output)> run;
  double flop = 0;          // Of one call.
  bool is_operator = true;  // False for the peak, which computes nothing.
};

// Each gives kUnimplemented, saying why, for a workload it has no counterpart of.
absl::StatusOr<Peer> MakeNaive(const Problem& problem);
absl::StatusOr<Peer> MakeOpenBlas(const Problem& problem);  // Only with TUNEFARM_HAVE_OPENBLAS.
absl::StatusOr<Peer> MakeOneDnn(const Problem& problem);    // Only with TUNEFARM_HAVE_ONEDNN.

// Fused multiply-adds of the target's vectors in registers, as many as can be in flight: what a kernel cannot
// exceed.
absl::StatusOr<Peer> MakePeak(const Problem& problem);

// Ours. Which config: `config` when it is not empty, else the best record in the database at `db_path` when
// that is not empty, else the default.
struct OursOptions {
  std::string config;
  std::string db_path;
};
absl::StatusOr<Peer> MakeOurs(const Problem& problem, const OursOptions& options);

}  // namespace tunefarm::bench
