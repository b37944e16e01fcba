// The proof that a device file works on this machine, step by step: what `tunefarm doctor --device` tells.
#pragma once

#include <functional>
#include <string>

#include "base/status.h"
#include "runner/boards/board.h"

namespace tunefarm {

struct SelfTestStep {
  std::string name;
  absl::Status status;
  std::string detail;  // What was found, when the status is OK.
};

// Tells each step as it is made: toolchain, server (or emulator), load, run, check, fault recovery, timer.
// Ends after the first failure, since the later ones need the earlier. `state_directory` exists.
void TestBoard(const Board& board, const std::string& state_directory, bool sandboxed,
               const std::function<void(const SelfTestStep&)>& tell);

}  // namespace tunefarm
