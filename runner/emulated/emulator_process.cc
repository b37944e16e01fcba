#include "runner/emulated/emulator_process.h"

#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/subprocess.h"

namespace tunefarm {
namespace {

constexpr off_t kTail = 4096;

// How often the phase is looked at while the emulator runs. A deadline is at most this late.
constexpr absl::Duration kGlance = absl::Milliseconds(10);

// A file in memory: what a process writes, or is to read.
class MemoryFile {
 public:
  static absl::StatusOr<MemoryFile> Create() {
    const int fd = memfd_create("tunefarm-emulator", MFD_CLOEXEC);
    if (fd < 0) return ErrnoToStatus(errno, "cannot create a file in memory");
    return MemoryFile(fd);
  }
  MemoryFile(MemoryFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  MemoryFile& operator=(MemoryFile&&) = delete;
  ~MemoryFile() {
    if (fd_ >= 0) close(fd_);
  }
  // Leaves the position at the start.
  absl::Status Fill(const void* content, std::size_t bytes) const {
    if (pwrite(fd_, content, bytes, 0) == static_cast<ssize_t>(bytes)) return absl::OkStatus();
    return ErrnoToStatus(errno, "cannot write a file in memory");
  }
  int fd() const { return fd_; }
  std::string Tail() const {
    const off_t size = std::max<off_t>(lseek(fd_, 0, SEEK_END), 0);
    std::string tail(static_cast<std::size_t>(std::min(size, kTail)), '\0');
    const ssize_t got = pread(fd_, tail.data(), tail.size(), std::max<off_t>(size - kTail, 0));
    tail.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return tail;
  }

 private:
  explicit MemoryFile(int fd) : fd_(fd) {}
  int fd_;
};

bool IsReadable(int fd) {
  if (fd < 0) return false;
  pollfd entry{fd, POLLIN, 0};
  return poll(&entry, 1, 0) > 0;
}

}  // namespace

absl::StatusOr<EmulatorEnd> RunEmulator(const EmulatorRun& run) {
  TUNEFARM_ASSIGN_OR_RETURN(const MemoryFile output, MemoryFile::Create());
  TUNEFARM_ASSIGN_OR_RETURN(const MemoryFile filter, MemoryFile::Create());
  SubprocessOptions options;
  options.argv = run.argv;
  options.guarded = true;
  // What a kernel sees must not depend on who started the runner.
  options.environment = std::vector<std::string>{"PATH=/usr/bin:/bin", "LC_ALL=C"};
  options.inherited_fds = run.inherited_fds;
  options.output_fd = output.fd();
  if (!run.filter.empty()) {
    TUNEFARM_RETURN_IF_ERROR(filter.Fill(run.filter.data(), run.filter.size() * sizeof run.filter[0]));
    options.inherited_fds.push_back(filter.fd());
    options.argv.insert(options.argv.begin() + 1, {"--seccomp", absl::StrCat(filter.fd())});
  }
  TUNEFARM_ASSIGN_OR_RETURN(Subprocess process, Subprocess::Spawn(options));
  EmulatorEnd end;
  v1::Phase phase = v1::PHASE_LOAD;
  absl::Time deadline = absl::Now() + run.load_deadline;
  for (;;) {
    if (const std::optional<int> status = process.Wait(kGlance); status.has_value()) {
      end.wait_status = *status;
      break;
    }
    if (const v1::Phase now = run.phase(); now != phase) {
      phase = now;
      deadline = absl::Now() + run.call_deadline;
    }
    if (run.reported_phase != nullptr) run.reported_phase->store(phase, std::memory_order_relaxed);
    end.cancelled = IsReadable(run.cancel_fd);
    end.timed_out = !end.cancelled && absl::Now() > deadline;
    if (end.cancelled || end.timed_out) {
      process.Stop(absl::ZeroDuration());
      break;
    }
  }
  end.error_tail = output.Tail();
  return end;
}

}  // namespace tunefarm
