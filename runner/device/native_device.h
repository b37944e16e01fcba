// The CPU that the runner runs on.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "runner/device.h"
#include "runner/device/native_probe.h"
#include "runner/device/sandbox.h"
#include "runner/executor/protocol.h"
#include "runner/timing/reference_baseline.h"

namespace tunefarm {

struct NativeDeviceOptions {
  std::string device_id;
  std::string device_class;     // Empty: derived from the core (native_probe.h).
  std::vector<int> cpus;        // Where kernels run, the first for single-threaded ones. Not empty.
  std::string state_directory;  // Keeps the reference baseline across restarts.
};

class NativeDevice : public Device {
 public:
  // Measures the device's calm speed for a third of a second, unless an earlier run left it. Fails when not
  // even the reference kernel runs.
  static absl::StatusOr<std::unique_ptr<NativeDevice>> Create(const NativeDeviceOptions& options,
                                                              Sandbox sandbox);

  v1::DeviceFacts Facts() const override;
  v1::Measurement Measure(const LocalWork& work, WorkControl& control) override;

 private:
  NativeDevice(NativeDeviceOptions options, Sandbox sandbox);
  absl::Status FindBaseline();
  void KeepBaseline() const;
  absl::StatusOr<v1::Measurement> Try(const LocalWork& work, WorkControl& control);
  absl::Status AddFilter(std::uint64_t largest_mapping, bool threads, executor::Job& job);

  NativeDeviceOptions options_;
  Sandbox sandbox_;
  v1::DeviceFacts facts_;  // As they were at the start.
  ReferenceBaseline baseline_{0};
  double mhz_ = 0;
  double calm_contention_ = 0;  // The lowest seen since the start.
  // Compiled system call filters by their parameters.
  std::map<std::pair<std::uint64_t, bool>, std::vector<std::uint64_t>> filters_;
};

}  // namespace tunefarm
