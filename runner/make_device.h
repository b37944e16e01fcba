// The device that --device names.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "runner/boards/board.h"
#include "runner/device.h"

namespace tunefarm {

struct BoardRunnerOptions {
  std::string device_id;
  std::string device_class;     // Empty: the board's own.
  std::string state_directory;  // Exists.
  bool sandboxed = true;
};

// The device for a board of any kind. Errors name what to install, or what is wrong with the board's file.
absl::StatusOr<std::unique_ptr<Device>> MakeBoardDevice(const Board& board,
                                                        const BoardRunnerOptions& options);

}  // namespace tunefarm
