// An Arm Linux core that is not there: kernels run under QEMU's user mode, in the same sandbox as native
// ones, and their time is estimated. Takes the shared objects that a real board of that core takes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/status.h"
#include "runner/boards/board.h"
#include "runner/cycles/estimator.h"
#include "runner/device.h"
#include "runner/device/sandbox.h"
#include "runner/emulated/arena.h"

namespace tunefarm {

struct UserModeOptions {
  std::string device_id;
  std::string device_class;     // Empty: the board's own, of its name and digest.
  std::string state_directory;  // Keeps what llvm-mca answered across restarts.
  bool sandboxed = true;
};

class UserModeDevice : public Device {
 public:
  // Compiles the harness for the core and runs it once in the sandbox. kNotFound names the program to
  // install; kFailedPrecondition with ExitCode::kNoSandbox: kernels cannot be isolated here.
  static absl::StatusOr<std::unique_ptr<UserModeDevice>> Create(const Board& board, UserModeOptions options);

  v1::DeviceFacts Facts() const override;
  v1::Measurement Measure(const LocalWork& work, WorkControl& control) override;

 private:
  UserModeDevice(Board board, UserModeOptions options, cycles::Estimator estimator, TempDir scratch);
  absl::Status BuildHarness();
  absl::Status TryHarness() const;
  std::vector<std::string> Emulator(const std::vector<std::string>& plugin) const;
  absl::StatusOr<v1::Measurement> Try(const LocalWork& work, WorkControl& control);
  // Runs one kernel. A failure of the kernel goes into `failure`; else the region of the warm call is
  // returned.
  absl::StatusOr<cycles::Region> Count(const executor::Job& job, const LocalWork& work, std::size_t kernel,
                                       WorkControl& control, v1::Failure& failure);

  const Board board_;
  const UserModeOptions options_;
  cycles::Estimator estimator_;
  TempDir scratch_;
  std::string plugin_;                 // Path of the counting plugin.
  std::vector<std::uint64_t> filter_;  // Of system calls; empty without the sandbox.
};

}  // namespace tunefarm
