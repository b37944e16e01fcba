#include "db/writer_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "base/exit_code.h"
#include "base/file.h"
#include "db/sqlite_error.h"

namespace tunefarm::db {
namespace {

absl::Status OpenError(int error, const std::string& path) {
  if (error == EACCES || error == EPERM || error == EROFS) return ReadOnlyError(path, std::strerror(error));
  const absl::Status status = ErrnoToStatus(error, absl::StrCat("cannot create ", path, ".lock"));
  return absl::IsResourceExhausted(status) ? WithExitCode(status, ExitCode::kDiskFull) : status;
}

// "another tunefarmd (process 123)", as far as the lock file says.
std::string Holder(int fd) {
  char text[32] = {};
  const ssize_t size = pread(fd, text, sizeof text - 1, 0);
  int pid = 0;
  if (size > 0 && absl::SimpleAtoi(text, &pid) && pid > 0)
    return absl::StrCat("another tunefarmd (process ", pid, ")");
  return "another tunefarmd";
}

}  // namespace

absl::StatusOr<WriterLock> WriterLock::Acquire(const std::string& path, absl::Duration patience) {
  const int fd = open(absl::StrCat(path, ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return OpenError(errno, path);
  WriterLock lock(fd);
  const absl::Time deadline = absl::Now() + patience;
  while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return OpenError(errno, path);
    if (absl::Now() >= deadline) return LockedError(path, Holder(fd));
    absl::SleepFor(absl::Milliseconds(20));
  }
  // Only for the message above; a full disk must not keep anyone from reading and closing what is there.
  const std::string pid = absl::StrCat(getpid(), "\n");
  if (ftruncate(fd, 0) == 0) (void)!pwrite(fd, pid.data(), pid.size(), 0);
  return lock;
}

WriterLock::WriterLock(WriterLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
WriterLock& WriterLock::operator=(WriterLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
WriterLock::~WriterLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace tunefarm::db
