// The thing that a runner measures on. Native is the first; emulated cores and boards behind a GDB server
// follow.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "tunefarm/v1/measurement.pb.h"
#include "tunefarm/v1/worker.pb.h"

namespace tunefarm {

// A piece of work with its artifacts on the local disk.
struct LocalWork {
  v1::WorkItem item;
  std::vector<std::string> kernel_paths;  // As many as item.kernel_digests, in order.
  std::string expected_path;              // Empty: unchecked.
};

// What another thread may see and do while a measurement runs.
struct WorkControl {
  std::atomic<int> phase{v1::PHASE_UPLOAD};  // A v1::Phase.
  int cancel_fd = -1;                        // Becomes readable when the work is to stop; -1: never.
};

class Device {
 public:
  virtual ~Device() = default;
  // As detected now: governor and the like may change. Called from any thread, also while Measure runs.
  virtual v1::DeviceFacts Facts() const = 0;
  // Runs the work to its end and leaves nothing running. Never fails otherwise than by Measurement.failure.
  // One call at a time, from a thread that outlives it.
  virtual v1::Measurement Measure(const LocalWork& work, WorkControl& control) = 0;
};

}  // namespace tunefarm
