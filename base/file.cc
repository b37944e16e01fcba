#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace tunefarm {

absl::Status ErrnoToStatus(int error, absl::string_view what) {
  const std::string message = absl::StrCat(std::string(what), ": ", std::strerror(error));
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case ENOMEM:
    case EMFILE:
      return absl::ResourceExhaustedError(message);
    default:
      return absl::ErrnoToStatus(error, what);
  }
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  std::string content;
  char buffer[1 << 16];
  for (;;) {
    const ssize_t got = read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int error = errno;
      close(fd);
      return ErrnoToStatus(error, absl::StrCat("cannot read ", path));
    }
    if (got == 0) break;
    content.append(buffer, static_cast<std::size_t>(got));
  }
  close(fd);
  return content;
}

absl::Status WriteFileAtomic(const std::string& path, absl::string_view content, int mode) {
  std::string scratch = absl::StrCat(path, ".XXXXXX");
  const int fd = mkostemp(scratch.data(), O_CLOEXEC);
  if (fd < 0) return ErrnoToStatus(errno, absl::StrCat("cannot create a file beside ", path));
  const char* at = content.data();
  std::size_t left = content.size();
  int error = 0;
  while (left > 0 && error == 0) {
    const ssize_t put = write(fd, at, left);
    if (put < 0) {
      if (errno != EINTR) error = errno;
      continue;
    }
    at += put;
    left -= static_cast<std::size_t>(put);
  }
  if (error == 0 && fchmod(fd, static_cast<mode_t>(mode)) != 0) error = errno;
  if (close(fd) != 0 && error == 0) error = errno;
  if (error == 0 && rename(scratch.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    unlink(scratch.c_str());
    return ErrnoToStatus(error, absl::StrCat("cannot write ", path));
  }
  return absl::OkStatus();
}

absl::Status MakeDirectories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return ErrnoToStatus(error.value(), absl::StrCat("cannot create the folder ", path));
  return absl::OkStatus();
}

std::string ProgramDirectory() {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? std::string(".") : program.parent_path().string();
}

std::string DataDirectory() {
  if (const char* home = std::getenv("TUNEFARM_HOME"); home != nullptr && *home != '\0') return home;
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && *data != '\0') {
    return absl::StrCat(data, "/tunefarm");
  }
  const char* home = std::getenv("HOME");
  return absl::StrCat(home != nullptr && *home != '\0' ? home : ".", "/.local/share/tunefarm");
}

absl::StatusOr<TempDir> TempDir::Create(absl::string_view prefix) {
  const char* base = std::getenv("TMPDIR");
  std::string path =
      absl::StrCat(base != nullptr && *base != '\0' ? base : "/tmp", "/", std::string(prefix), ".XXXXXX");
  if (mkdtemp(path.data()) == nullptr) return ErrnoToStatus(errno, absl::StrCat("cannot create ", path));
  return TempDir(std::move(path));
}

TempDir& TempDir::operator=(TempDir&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

TempDir::~TempDir() {
  if (path_.empty()) return;
  std::error_code ignored;  // Nothing useful can be done about a scratch folder that stays.
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace tunefarm
