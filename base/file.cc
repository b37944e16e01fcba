#include "base/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <mutex>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace tunefarm {
namespace {

constexpr int kAbandonedAfterSeconds = 60;

// Between a scratch folder's prefix and its six random characters: nobody names a folder of their own so.
constexpr absl::string_view kMark = ".tmp-";

bool IsScratchName(absl::string_view name) {
  return absl::StartsWith(name, "tunefarm") && name.size() > kMark.size() + 6 &&
         name.substr(name.size() - 6 - kMark.size(), kMark.size()) == kMark;
}

}  // namespace

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

void RemoveAbandonedTempDirs(const std::string& base) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(base, error)) {
    const std::string path = entry.path().string();
    struct stat facts{};
    if (!IsScratchName(entry.path().filename().string()) || lstat(path.c_str(), &facts) != 0 ||
        !S_ISDIR(facts.st_mode) || facts.st_uid != geteuid() ||
        time(nullptr) - facts.st_mtime < kAbandonedAfterSeconds) {
      continue;
    }
    const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) continue;
    std::error_code ignored;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) std::filesystem::remove_all(entry.path(), ignored);  // Not in use.
    close(fd);
  }
}

absl::StatusOr<TempDir> TempDir::Create(absl::string_view prefix) {
  const char* given = std::getenv("TMPDIR");
  const std::string base = given != nullptr && *given != '\0' ? given : "/tmp";
  static std::once_flag cleaned;
  std::call_once(cleaned, [&base] { RemoveAbandonedTempDirs(base); });
  std::string path = absl::StrCat(base, "/", std::string(prefix), std::string(kMark), "XXXXXX");
  if (mkdtemp(path.data()) == nullptr) return ErrnoToStatus(errno, absl::StrCat("cannot create ", path));
  TempDir folder(std::move(path), -1);
  folder.lock_fd_ = open(folder.path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder.lock_fd_ < 0) return ErrnoToStatus(errno, absl::StrCat("cannot open ", folder.path_));
  // Where there are no locks, nobody can take one to remove the folder either.
  flock(folder.lock_fd_, LOCK_EX | LOCK_NB);
  return folder;
}

TempDir::TempDir(TempDir&& other) noexcept
    : path_(std::exchange(other.path_, "")), lock_fd_(std::exchange(other.lock_fd_, -1)) {}

TempDir& TempDir::operator=(TempDir&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(lock_fd_, other.lock_fd_);
  return *this;
}

TempDir::~TempDir() {
  if (path_.empty()) return;
  std::error_code ignored;  // Nothing useful can be done about a scratch folder that stays.
  std::filesystem::remove_all(path_, ignored);
  if (lock_fd_ >= 0) close(lock_fd_);
}

}  // namespace tunefarm
