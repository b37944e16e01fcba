// Makes the one writer of a database the only one: two daemons on one file would both take up the same jobs.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "base/status.h"

namespace tunefarm::db {

// Holds `<path>.lock` (flock) until destruction or the end of the process, however it ends. The lock file
// stays.
class WriterLock {
 public:
  // Waits up to `patience` for a process that is just ending. kUnavailable names the holder;
  // kPermissionDenied when the folder cannot be written; kResourceExhausted when the disk is full.
  static absl::StatusOr<WriterLock> Acquire(const std::string& path, absl::Duration patience);
  WriterLock(WriterLock&& other) noexcept;
  WriterLock& operator=(WriterLock&& other) noexcept;
  ~WriterLock();

 private:
  explicit WriterLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace tunefarm::db
