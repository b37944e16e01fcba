#include "runner/make_device.h"

#include "runner/boards/board_device.h"
#include "runner/emulated/user_mode_device.h"

namespace tunefarm {

absl::StatusOr<std::unique_ptr<Device>> MakeBoardDevice(const Board& board,
                                                        const BoardRunnerOptions& options) {
  if (board.kind == BoardKind::kQemuUser) {
    UserModeOptions user;
    user.device_id = options.device_id;
    user.device_class = options.device_class;
    user.state_directory = options.state_directory;
    user.sandboxed = options.sandboxed;
    TUNEFARM_ASSIGN_OR_RETURN(std::unique_ptr<UserModeDevice> device, UserModeDevice::Create(board, user));
    return device;
  }
  BoardDeviceOptions bare;
  bare.device_id = options.device_id;
  bare.device_class = options.device_class;
  bare.state_directory = options.state_directory;
  bare.sandboxed = options.sandboxed;
  TUNEFARM_ASSIGN_OR_RETURN(std::unique_ptr<BoardDevice> device, BoardDevice::Create(board, bare));
  return device;
}

}  // namespace tunefarm
