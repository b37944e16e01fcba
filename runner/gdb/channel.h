// A stream of bytes to a GDB server, where no call waits past its deadline.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/status.h"

namespace tunefarm::gdb {

// Owns the socket. Use from one thread.
class Channel {
 public:
  // "HOST:PORT" or "unix:PATH". kUnavailable: nobody listens there; kDeadlineExceeded.
  static absl::StatusOr<Channel> Connect(const std::string& address, absl::Time deadline);
  // Takes over a connected stream socket.
  explicit Channel(int fd);
  Channel(Channel&& other) noexcept;
  Channel& operator=(Channel&& other) noexcept;
  ~Channel();
  int fd() const { return fd_; }

  // kUnavailable: the other side has gone; kDeadlineExceeded: it takes nothing.
  absl::Status Write(absl::string_view bytes, absl::Time deadline);
  // Waits for at least one byte. Errors as above, and kCancelled once `cancel_fd` (-1: none) is readable.
  absl::StatusOr<std::string> Read(absl::Time deadline, int cancel_fd = -1);

 private:
  int fd_ = -1;
};

}  // namespace tunefarm::gdb
