#include "runner/emulated/emulator_process.h"

#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/time/clock.h"
#include "base/file.h"
#include "base/subprocess.h"

namespace tunefarm {
namespace {

constexpr off_t kTail = 4096;

// How often the phase is looked at while the emulator runs. A deadline is at most this late.
constexpr absl::Duration kGlance = absl::Milliseconds(10);

// Collects what a process writes, in memory.
class Output {
 public:
  static absl::StatusOr<Output> Create() {
    const int fd = memfd_create("tunefarm-output", MFD_CLOEXEC);
    if (fd < 0) return ErrnoToStatus(errno, "cannot create a file in memory");
    return Output(fd);
  }
  Output(Output&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Output& operator=(Output&&) = delete;
  ~Output() {
    if (fd_ >= 0) close(fd_);
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
  explicit Output(int fd) : fd_(fd) {}
  int fd_;
};

bool IsReadable(int fd) {
  if (fd < 0) return false;
  pollfd entry{fd, POLLIN, 0};
  return poll(&entry, 1, 0) > 0;
}

}  // namespace

absl::StatusOr<EmulatorEnd> RunEmulator(const EmulatorRun& run) {
  TUNEFARM_ASSIGN_OR_RETURN(const Output output, Output::Create());
  SubprocessOptions options;
  options.argv = run.argv;
  // What a kernel sees must not depend on who started the runner.
  options.environment = std::vector<std::string>{"PATH=/usr/bin:/bin", "LC_ALL=C"};
  options.inherited_fds = run.inherited_fds;
  options.output_fd = output.fd();
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
