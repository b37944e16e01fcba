#include "runner/gdb/channel.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "base/file.h"

namespace tunefarm::gdb {
namespace {

int MillisUntil(absl::Time when) {
  const absl::Duration left = std::clamp(when - absl::Now(), absl::ZeroDuration(), absl::Hours(1));
  return static_cast<int>(absl::ToInt64Milliseconds(absl::Ceil(left, absl::Milliseconds(1))));
}

absl::Status Gone(const std::string& why) {
  return absl::UnavailableError(absl::StrCat("the GDB server has closed the connection", why));
}

// Until the socket is ready for `events`.
absl::Status Await(int fd, short events, absl::Time deadline, int cancel_fd) {
  for (;;) {
    pollfd entries[2] = {{fd, events, 0}, {cancel_fd, POLLIN, 0}};
    const int ready = poll(entries, 2, MillisUntil(deadline));
    if (ready < 0 && errno != EINTR) return ErrnoToStatus(errno, "waiting for the GDB server");
    if (cancel_fd >= 0 && entries[1].revents != 0) return absl::CancelledError("cancelled");
    if (ready > 0 && entries[0].revents != 0) return absl::OkStatus();
    if (absl::Now() >= deadline) return absl::DeadlineExceededError("the GDB server does not answer in time");
  }
}

absl::Status ConnectTo(int fd, const sockaddr* address, socklen_t size, absl::Time deadline) {
  if (connect(fd, address, size) == 0) return absl::OkStatus();
  if (errno != EINPROGRESS) return absl::UnavailableError(std::strerror(errno));
  TUNEFARM_RETURN_IF_ERROR(Await(fd, POLLOUT, deadline, -1));
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  return error == 0 ? absl::OkStatus() : absl::UnavailableError(std::strerror(error));
}

absl::StatusOr<Channel> ConnectUnix(const std::string& path, absl::Time deadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return absl::InvalidArgumentError(absl::StrCat("the path is too long for a socket: ", path));
  std::memcpy(address.sun_path, path.c_str(), path.size());
  Channel channel(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  TUNEFARM_RETURN_IF_ERROR(
      ConnectTo(channel.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address, deadline));
  return channel;
}

absl::StatusOr<Channel> ConnectTcp(const std::string& address, absl::Time deadline) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos) return absl::InvalidArgumentError("not of the form HOST:PORT or unix:PATH");
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error =
      getaddrinfo(address.substr(0, colon).c_str(), address.substr(colon + 1).c_str(), &hints, &found);
  if (error != 0) return absl::UnavailableError(gai_strerror(error));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> release(found, freeaddrinfo);
  absl::Status status = absl::UnavailableError("no address");
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    Channel channel(socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    status = ConnectTo(channel.fd(), at->ai_addr, at->ai_addrlen, deadline);
    if (!status.ok()) continue;
    // Packets are small and each is waited for.
    const int on = 1;
    setsockopt(channel.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return channel;
  }
  return status;
}

}  // namespace

Channel::Channel(int fd) : fd_(fd) {
  if (fd_ >= 0) fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) | O_NONBLOCK);
}
Channel::Channel(Channel&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
Channel& Channel::operator=(Channel&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
Channel::~Channel() {
  if (fd_ >= 0) close(fd_);
}

absl::StatusOr<Channel> Channel::Connect(const std::string& address, absl::Time deadline) {
  absl::string_view path = address;
  absl::StatusOr<Channel> channel = absl::ConsumePrefix(&path, "unix:")
                                        ? ConnectUnix(std::string(path), deadline)
                                        : ConnectTcp(address, deadline);
  if (!channel.ok()) return WithContext(channel.status(), absl::StrCat("no GDB server at ", address));
  return channel;
}

absl::Status Channel::Write(absl::string_view bytes, absl::Time deadline) {
  while (!bytes.empty()) {
    const ssize_t put = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(put));
    } else if (errno == EAGAIN || errno == EINTR) {
      TUNEFARM_RETURN_IF_ERROR(Await(fd_, POLLOUT, deadline, -1));
    } else {
      return Gone(absl::StrCat(": ", std::strerror(errno)));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Channel::Read(absl::Time deadline, int cancel_fd) {
  std::string bytes(16 << 10, '\0');
  for (;;) {
    const ssize_t got = recv(fd_, bytes.data(), bytes.size(), 0);
    if (got > 0) {
      bytes.resize(static_cast<std::size_t>(got));
      return bytes;
    }
    if (got == 0) return Gone("");
    if (errno != EAGAIN && errno != EINTR) return Gone(absl::StrCat(": ", std::strerror(errno)));
    TUNEFARM_RETURN_IF_ERROR(Await(fd_, POLLIN, deadline, cancel_fd));
  }
}

}  // namespace tunefarm::gdb
