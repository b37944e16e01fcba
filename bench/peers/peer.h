// A peer: one implementation of a workload, ready to run. Adding one is a file here and a line in MakePeers
// (kernels.cc).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "bench/peers/problem.h"

namespace tunefarm::db {
class Database;
}

namespace tunefarm::bench {

struct PeerFacts {
  std::string name;         // "oneDNN".
  std::string description;  // Version, and what of the workload it does how.
  double flop = 0;          // Of one call.
  bool is_operator = true;  // False for the peak, which computes nothing.
  // What a correct result may use (Problem::Error): times the tolerance of direct summation, or int8 units.
  double allowed_error = 1;
  bool competes = true;  // A vendor's library: ours is compared with the best of them.
};

struct Peer : PeerFacts {
  // One call on the problem's threads: the whole operator with its epilogue, all packing of activations
  // included; constants were packed before. Owns what it needs, but the problem, which outlives it. Writes
  // `output`, in the workload's layout.
  std::function<void(Buffer& output)> run;
  // For a peer that keeps its result in a layout of its own, as it would between the layers of a network:
  // brings it into `output`, not timed. Null for the others.
  std::function<void(Buffer& output)> convert;
};

// Each gives kUnimplemented, saying why, for a workload it has no counterpart of.
absl::StatusOr<Peer> MakeNaive(const Problem& problem);
absl::StatusOr<Peer> MakeOpenBlas(const Problem& problem);  // Only with TUNEFARM_HAVE_OPENBLAS.
absl::StatusOr<Peer> MakeBlis(const Problem& problem);      // Only with TUNEFARM_HAVE_BLIS.
absl::StatusOr<Peer> MakeEigen(const Problem& problem);     // Only with TUNEFARM_HAVE_EIGEN.
// Only with TUNEFARM_HAVE_ONEDNN: the fastest of its algorithms (direct, Winograd) and ways to fuse, in the
// workload's layout, or with its activations in oneDNN's own blocked layout, whose conversion is not counted.
absl::StatusOr<Peer> MakeOneDnn(const Problem& problem, bool blocked);
// Of int8 workloads. The input is signed or, as after a ReLU, unsigned bytes, whichever is faster.
absl::StatusOr<Peer> MakeOneDnnInt8(const Problem& problem, bool blocked);
// Only with TUNEFARM_HAVE_XNNPACK. Chooses its kernels by the machine and cannot be held to less.
absl::StatusOr<Peer> MakeXnnPack(const Problem& problem);
absl::StatusOr<Peer> MakeXnnPackInt8(const Problem& problem);

// Multiply-adds of the workload's type by the target's vectors in registers, as many as can be in flight:
// what a kernel cannot exceed.
absl::StatusOr<Peer> MakePeak(const Problem& problem);

// Ours, by a config of the task's space. `origin` says where it comes from ("record 12").
struct OursChoice {
  std::string config;  // Empty: the default config.
  std::string origin;
};
absl::StatusOr<Peer> MakeOurs(const Problem& problem, const OursChoice& choice);

// The best record's config in an open database. kNotFound when there is none of this workload, target and
// number of threads, or only of another template version.
absl::StatusOr<OursChoice> BestRecorded(const schedules::Workload& workload, const schedules::Target& target,
                                        int threads, db::Database& database);

}  // namespace tunefarm::bench
