// One run of an emulator, watched: its deadlines follow the phases that the harness reports.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/status.h"
#include "tunefarm/v1/measurement.pb.h"

namespace tunefarm {

struct EmulatorRun {
  std::vector<std::string> argv;
  // System calls that bubblewrap, argv[0], is to allow what it runs (seccomp_filter.h); empty: all.
  std::vector<std::uint64_t> filter;
  std::vector<int> inherited_fds;
  absl::Duration load_deadline;                // Until the first call begins.
  absl::Duration call_deadline;                // For each phase after that.
  int cancel_fd = -1;                          // Becomes readable when the run is to stop; -1: never.
  std::function<v1::Phase()> phase;            // Where the harness is.
  std::atomic<int>* reported_phase = nullptr;  // Told every change; a v1::Phase.
};

struct EmulatorEnd {
  int wait_status = 0;  // As waitpid(2) gives it, unless cancelled or timed out.
  bool timed_out = false;
  bool cancelled = false;
  std::string error_tail;  // The last 4 KiB of what it wrote.
};

// Kills the process and all that it started before it returns. Fails when it cannot be started.
absl::StatusOr<EmulatorEnd> RunEmulator(const EmulatorRun& run);

}  // namespace tunefarm
