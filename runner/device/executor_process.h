// One executor, from its start to its certain death: sends the job, collects the reports, enforces the
// deadline of each phase. Knows nothing of what the numbers mean (runner/device/evaluate.h does).
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/status.h"
#include "runner/device/sandbox.h"
#include "runner/executor/protocol.h"
#include "runner/timing/sampler.h"

namespace tunefarm {

struct ExecutorDeadlines {
  absl::Duration load;   // Start of the sandbox to the end of tunefarm_prepare.
  absl::Duration check;  // One first call.
  // What warm-up and sampling may take beyond the calls themselves; a phase gets twice that, and room for
  // some calls.
  absl::Duration warm_up;
  absl::Duration time;
};

// How it ended. Exactly one of these holds: `done`, `fault`, `timed_out`, `cancelled`, or none (it just went
// away).
struct ExecutorOutcome {
  std::optional<executor::Done> done;
  std::optional<executor::FaultReport>
      fault;  // With timed_out: where the time went, when it could still say so.
  bool timed_out = false;
  bool cancelled = false;
  bool started = false;  // False: not even the executor's first message came; the sandbox failed.
  bool address_space_exhausted = false;
  executor::Phase phase = executor::Phase::kLoad;  // The last one that began.
  std::uint32_t kernel = 0;
  int wait_status = 0;     // As waitpid(2) gave it, of the outermost process.
  std::string error_tail;  // The last 4 KiB that it wrote to stderr or stdout.
  std::vector<KernelSamples> samples;
};

// Told of each phase as it begins. May be read by another thread.
using PhaseCell = std::atomic<int>;  // A v1::Phase.

// Blocks until the executor and everything it started is dead. `cancel_fd` becomes readable to stop it early.
// Call it from a thread that lives until it returns. Errors only for lacks of ours (no processes, no
// descriptors).
absl::StatusOr<ExecutorOutcome> RunExecutor(const Sandbox& sandbox, const std::vector<BoundFile>& files,
                                            const executor::Job& job, const std::vector<int>& inherited_fds,
                                            const ExecutorDeadlines& deadlines, int cancel_fd,
                                            PhaseCell& phase);

}  // namespace tunefarm
