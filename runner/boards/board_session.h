// The on-device runtime at work: loaded into a target that was reset, told what to do, watched.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "base/status.h"
#include "runner/boards/board_linker.h"
#include "runner/boards/runtime/control.h"
#include "runner/boards/target_link.h"

namespace tunefarm {

enum class CommandEnd {
  kDone,
  kFault,      // `control.fault` says which.
  kTimeout,    // Stopped by us, or given up.
  kCancelled,  // Likewise.
};

class BoardSession {
 public:
  // Resets the target and loads the runtime. Link and linker must outlive the session.
  static absl::StatusOr<BoardSession> Start(TargetLink& link, const BoardLinker& linker,
                                            absl::Duration deadline);

  absl::Status Load(const ElfImage& image);
  absl::Status Write(std::uint32_t address, absl::string_view content);
  absl::StatusOr<std::string> Read(std::uint32_t address, std::uint64_t bytes);

  // Carries out control.command; `control` is then what the runtime left. After anything but kDone, and after
  // an error (the connection or the target has gone), the session is of no more use: start another.
  absl::StatusOr<CommandEnd> Execute(device::ControlBlock& control, absl::Duration deadline, int cancel_fd);

  // Where the program was when it was stopped at the deadline; 0: unknown.
  std::uint32_t stopped_at() const { return stopped_at_; }
  gdb::Client& client() { return *client_; }

 private:
  BoardSession(const BoardLinker& linker, std::unique_ptr<gdb::Client> client)
      : linker_(&linker), client_(std::move(client)) {}
  // kInternal: the runtime has no such symbol.
  absl::StatusOr<std::uint32_t> Symbol(const std::string& name) const;
  absl::Status StopTarget();

  const BoardLinker* linker_;
  std::unique_ptr<gdb::Client> client_;
  std::uint32_t control_ = 0, entry_ = 0, done_ = 0, fault_ = 0;
  std::uint32_t stopped_at_ = 0;
};

}  // namespace tunefarm
