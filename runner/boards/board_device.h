// A board as a device: emulated in QEMU, where times are a model's, or real behind a GDB server, where the
// core's own counter gives them. The same code drives both.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/status.h"
#include "runner/boards/board.h"
#include "runner/boards/board_job.h"
#include "runner/boards/board_linker.h"
#include "runner/boards/board_session.h"
#include "runner/boards/target_link.h"
#include "runner/cycles/estimator.h"
#include "runner/device.h"

namespace tunefarm {

struct BoardDeviceOptions {
  std::string device_id;
  std::string device_class;     // Empty: the board's own, of its name and digest.
  std::string state_directory;  // Keeps answers of the cycle model across restarts.
  bool sandboxed = true;        // Emulation runs in a sandbox.
};

class BoardDevice : public Device {
 public:
  // Builds the on-device runtime and finds what the board needs here; does not touch a real board yet. Kinds
  // kQemuSystem and kGdb.
  static absl::StatusOr<std::unique_ptr<BoardDevice>> Create(Board board, BoardDeviceOptions options);

  v1::DeviceFacts Facts() const override;
  v1::Measurement Measure(const LocalWork& work, WorkControl& control) override;

  // For the step-by-step proof of `doctor` (self_test.h).
  const Board& board() const { return board_; }
  const BoardLinker& linker() const { return linker_; }
  TargetLink& link() { return *link_; }

 private:
  BoardDevice(Board board, BoardDeviceOptions options, BoardLinker linker)
      : board_(std::move(board)), options_(std::move(options)), linker_(std::move(linker)) {}
  absl::Status MakeEmulated();
  v1::Measurement Try(const LocalWork& work, WorkControl& control);

  Board board_;
  BoardDeviceOptions options_;
  BoardLinker linker_;
  std::optional<TempDir> regions_;  // Where QEMU's plugin writes what it counted.
  std::optional<cycles::Estimator> estimator_;
  std::unique_ptr<TargetLink> link_;
};

}  // namespace tunefarm
