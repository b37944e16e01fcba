// A peer in a process of its own. Every library has a pool of threads that spins for a while after each call:
// in one process they take the CPUs from whoever is measured next.
#pragma once

#include <sys/types.h>

#include <functional>

#include "base/status.h"
#include "bench/peers/peer.h"

namespace tunefarm::bench {

// Not thread safe. Must not outlive the problem. Destruction ends the process.
class PeerProcess {
 public:
  // Forks, so this process must not have started threads that a forked one would miss, and has `make` called
  // and what it gives run once, in the new process only. The error is `make`'s, or kInternal when that ends
  // the process.
  static absl::StatusOr<PeerProcess> Start(const Problem& problem,
                                           const std::function<absl::StatusOr<Peer>()>& make);

  const PeerFacts& facts() const { return facts_; }
  // Problem::Error of its first output; 0 for the peak.
  double error() const { return error_; }

  // Seconds that so many calls took. When they are more than one, they come after one that is not timed
  // (others have had the caches); with several threads, which have to find a CPU each, always after 60 ms of
  // them: a first call can take a thousand times as long. With one thread processor time, of all threads of
  // the process: it is what a clock shows on an idle machine, it leaves out what others took of the CPU, and
  // a library that starts threads of its own gains nothing by them; with more, wall time. Returns when the
  // peer's threads sleep again. kInternal: the process has ended.
  absl::StatusOr<double> TimeCalls(long calls);

  PeerProcess(PeerProcess&& other) noexcept;
  PeerProcess& operator=(PeerProcess&&) = delete;
  ~PeerProcess();

 private:
  PeerProcess(pid_t pid, int channel) : pid_(pid), channel_(channel) {}
  PeerFacts facts_;
  double error_ = 0;
  pid_t pid_;
  int channel_;  // A line of text for each question and answer.
};

}  // namespace tunefarm::bench
