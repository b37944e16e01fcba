// A real board behind a GDB server: OpenOCD, pyOCD, J-Link.
#pragma once

#include "runner/boards/board.h"
#include "runner/boards/target_link.h"

namespace tunefarm {

class ServerLink : public TargetLink {
 public:
  explicit ServerLink(const BoardGdb& gdb) : gdb_(gdb) {}
  // Connects and runs the board's reset commands.
  absl::StatusOr<std::unique_ptr<gdb::Client>> Reset(absl::Duration deadline) override;
  std::string Words() override { return words_; }

 private:
  BoardGdb gdb_;
  std::string words_;
};

}  // namespace tunefarm
