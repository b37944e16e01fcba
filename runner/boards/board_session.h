// The on-device runtime at work: loaded into a target that was reset, told what to do, watched.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "base/status.h"
#include "runner/boards/elf_image.h"
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
  // Resets the target and loads the runtime (BoardLinker::runtime).
  static absl::StatusOr<BoardSession> Start(TargetLink& link, const ElfImage& runtime,
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
  explicit BoardSession(std::unique_ptr<gdb::Client> client) : client_(std::move(client)) {}
  absl::Status StopTarget();

  std::unique_ptr<gdb::Client> client_;
  std::uint32_t control_ = 0, entry_ = 0, done_ = 0, fault_ = 0;
  std::uint32_t stopped_at_ = 0;
};

}  // namespace tunefarm
