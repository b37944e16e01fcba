#include "base/subprocess.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <utility>

#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/file.h"

namespace tunefarm {
namespace {

// Resolved before fork: the child may only make async-signal-safe calls.
std::string FindProgram(const std::string& name) {
  if (name.find('/') != std::string::npos) return access(name.c_str(), X_OK) == 0 ? name : "";
  const char* path = std::getenv("PATH");
  for (absl::string_view folder : absl::StrSplit(path != nullptr ? path : "/usr/bin:/bin", ':')) {
    std::string candidate = absl::StrCat(folder, "/", name);
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return "";
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& s : strings) pointers.push_back(const_cast<char*>(s.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

struct ChildPlan {
  const char* program;
  char* const* argv;
  char* const* env;
  const char* directory;  // Or null.
  const cpu_set_t* cpus;  // Or null.
  const int* keep_begin;  // Sorted descriptors to keep.
  const int* keep_end;
  int in, out, err;
  int report;  // Written with errno when exec fails.
  pid_t parent;
  bool guarded;
};

void CloseRange(unsigned first, unsigned last) {
  if (first > last) return;
#ifdef SYS_close_range
  if (syscall(SYS_close_range, first, last, 0) == 0) return;
#endif
  // Kernels before 5.9.
  for (unsigned fd = first; fd <= std::min(last, 65535u); ++fd) close(static_cast<int>(fd));
}

[[noreturn]] void ChildFail(int report) {
  const int error = errno;
  [[maybe_unused]] const ssize_t put = write(report, &error, sizeof error);
  _exit(127);
}

void UnblockSignals() {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

void KillGroup(int) { kill(0, SIGKILL); }

// Ends as the child has ended, so that its parent sees no difference.
[[noreturn]] void Guard(pid_t child) {
  CloseRange(0, ~0u);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) _exit(WEXITSTATUS(status));
  prctl(PR_SET_DUMPABLE, 0);
  signal(WTERMSIG(status), SIG_DFL);
  kill(getpid(), WTERMSIG(status));
  _exit(127);
}

// What is sent to a guarded group is for the child alone.
constexpr int kForChild[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
using SignalHandler = void (*)(int);

void BecomeGuard(const ChildPlan& plan, SignalHandler* before) {
  setpgid(0, 0);
  struct sigaction action{};
  action.sa_handler = KillGroup;
  sigaction(SIGUSR1, &action, nullptr);
  prctl(PR_SET_PDEATHSIG, SIGUSR1);
  UnblockSignals();
  if (getppid() != plan.parent) _exit(127);
  for (const int signal_number : kForChild) *before++ = signal(signal_number, SIG_IGN);
}

[[noreturn]] void RunChild(const ChildPlan& plan) {
  const pid_t parent = plan.guarded ? getpid() : plan.parent;
  if (plan.guarded) {
    SignalHandler before[std::size(kForChild)];
    BecomeGuard(plan, before);
    // A fork would copy the runner's page tables once more. The guard goes on when the child has begun its
    // program; until then it has nothing to do.
    const pid_t child = vfork();  // NOLINT(bugprone-unsafe-functions)
    if (child < 0) ChildFail(plan.report);
    if (child > 0) Guard(child);
    for (std::size_t i = 0; i < std::size(kForChild); ++i) signal(kForChild[i], before[i]);
  } else {
    setpgid(0, 0);
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // The parent died between fork and prctl.
  UnblockSignals();
  signal(SIGPIPE, SIG_DFL);
  if (dup2(plan.in, 0) < 0 || dup2(plan.out, 1) < 0 || dup2(plan.err, 2) < 0) ChildFail(plan.report);
  unsigned from = 3;
  for (const int* keep = plan.keep_begin; keep != plan.keep_end; ++keep) {
    CloseRange(from, static_cast<unsigned>(*keep) - 1);
    if (*keep != plan.report) fcntl(*keep, F_SETFD, 0);
    from = static_cast<unsigned>(*keep) + 1;
  }
  CloseRange(from, ~0u);
  if (plan.cpus != nullptr) sched_setaffinity(0, sizeof *plan.cpus, plan.cpus);
  if (plan.directory != nullptr && chdir(plan.directory) != 0) ChildFail(plan.report);
  execve(plan.program, plan.argv, plan.env);
  ChildFail(plan.report);
}

struct Fd {
  int fd = -1;
  Fd() = default;
  explicit Fd(int f) : fd(f) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { Reset(); }
  void Reset() {
    if (fd >= 0) close(fd);
    fd = -1;
  }
};

std::vector<std::string> Environment(const SubprocessOptions& options) {
  std::vector<std::string> all;
  if (options.environment.has_value()) {
    all = *options.environment;
  } else {
    for (char** variable = environ; *variable != nullptr; ++variable) all.emplace_back(*variable);
  }
  for (const std::string& set : options.set_environment) {
    const std::string name = set.substr(0, set.find('=') + 1);
    all.erase(std::remove_if(all.begin(), all.end(),
                             [&](const std::string& old) { return old.rfind(name, 0) == 0; }),
              all.end());
    all.push_back(set);
  }
  return all;
}

absl::StatusOr<pid_t> Start(const SubprocessOptions& options, int in, int out, int err) {
  if (options.argv.empty()) return absl::InvalidArgumentError("no program to run");
  const std::string program = FindProgram(options.argv[0]);
  if (program.empty()) {
    return absl::NotFoundError(
        absl::StrCat("the program '", options.argv[0], "' is not installed or not in PATH"));
  }
  const std::vector<char*> argv = Pointers(options.argv);
  const std::vector<std::string> environment = Environment(options);
  const std::vector<char*> env = Pointers(environment);
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  for (const int cpu : options.cpus) CPU_SET(cpu, &cpus);
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return ErrnoToStatus(errno, "cannot create a pipe");
  Fd report_read(report[0]), report_write(report[1]);
  std::vector<int> keep = options.inherited_fds;
  keep.push_back(report[1]);
  std::sort(keep.begin(), keep.end());
  keep.erase(std::unique(keep.begin(), keep.end()), keep.end());
  keep.erase(std::remove_if(keep.begin(), keep.end(), [](int fd) { return fd < 3; }), keep.end());

  ChildPlan plan{program.c_str(),
                 argv.data(),
                 env.data(),
                 options.working_directory.empty() ? nullptr : options.working_directory.c_str(),
                 options.cpus.empty() ? nullptr : &cpus,
                 keep.data(),
                 keep.data() + keep.size(),
                 in,
                 out,
                 err,
                 report[1],
                 getpid(),
                 options.guarded};
  const pid_t pid = fork();
  if (pid < 0) return ErrnoToStatus(errno, "cannot start a process");
  if (pid == 0) RunChild(plan);
  setpgid(pid, pid);  // Also here: whichever of the two comes first.
  report_write.Reset();
  int error = 0;
  ssize_t got;
  do {
    got = read(report_read.fd, &error, sizeof error);
  } while (got < 0 && errno == EINTR);
  if (got > 0) {
    waitpid(pid, nullptr, 0);
    return ErrnoToStatus(error, absl::StrCat("cannot run ", program));
  }
  return pid;
}

}  // namespace

absl::StatusOr<Subprocess> Subprocess::Spawn(const SubprocessOptions& options) {
  Fd null_in(open("/dev/null", O_RDONLY | O_CLOEXEC));
  Fd sink;
  if (options.discard_output) sink.fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (!options.output_path.empty()) {
    sink.fd = open(options.output_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (sink.fd < 0) return ErrnoToStatus(errno, absl::StrCat("cannot open ", options.output_path));
  }
  const auto output = [&](int own) {
    if (sink.fd >= 0) return sink.fd;
    return options.output_fd >= 0 ? options.output_fd : own;
  };
  TUNEFARM_ASSIGN_OR_RETURN(const pid_t pid, Start(options, null_in.fd, output(1), output(2)));
  return Subprocess(pid);
}

Subprocess::Subprocess(Subprocess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), wait_status_(std::exchange(other.wait_status_, std::nullopt)) {}

Subprocess& Subprocess::operator=(Subprocess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(wait_status_, other.wait_status_);
  return *this;
}

Subprocess::~Subprocess() { Kill(); }

void Subprocess::Kill() {
  if (pid_ <= 0) return;
  kill(-pid_, SIGKILL);
  if (!wait_status_.has_value()) {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    wait_status_ = status;
  }
  pid_ = -1;
}

void Subprocess::Signal(int signal) {
  if (pid_ > 0 && !wait_status_.has_value()) kill(-pid_, signal);
}

bool Subprocess::running() { return pid_ > 0 && !Wait(absl::ZeroDuration()).has_value(); }

std::optional<int> Subprocess::Wait(absl::Duration timeout) {
  if (wait_status_.has_value()) return wait_status_;
  if (pid_ <= 0) return std::nullopt;
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  if (pidfd >= 0) {
    const Fd closer(pidfd);
    const absl::Time deadline = absl::Now() + timeout;
    pollfd entry{pidfd, POLLIN, 0};
    for (;;) {
      const absl::Duration left = std::max(deadline - absl::Now(), absl::ZeroDuration());
      const int64_t ms =
          std::min<int64_t>(absl::ToInt64Milliseconds(absl::Ceil(left, absl::Milliseconds(1))), 1 << 30);
      const int ready = poll(&entry, 1, static_cast<int>(ms));
      if (ready > 0) break;
      if (ready == 0 && absl::Now() >= deadline) return std::nullopt;
      if (ready < 0 && errno != EINTR) return std::nullopt;
    }
  }
  int status = 0;
  pid_t reaped;
  do {
    reaped = waitpid(pid_, &status, WNOHANG);
  } while (reaped < 0 && errno == EINTR);
  if (reaped == pid_) wait_status_ = status;
  return wait_status_;
}

void Subprocess::Stop(absl::Duration grace) {
  Signal(SIGTERM);
  Wait(grace);
  Kill();
}

absl::StatusOr<RunResult> RunProcess(const SubprocessOptions& options, absl::Duration timeout,
                                     std::size_t max_output) {
  Fd null_in(open("/dev/null", O_RDONLY | O_CLOEXEC));
  int out[2], err[2];
  if (pipe2(out, O_CLOEXEC) != 0) return ErrnoToStatus(errno, "cannot create a pipe");
  Fd out_read(out[0]), out_write(out[1]);
  if (pipe2(err, O_CLOEXEC) != 0) return ErrnoToStatus(errno, "cannot create a pipe");
  Fd err_read(err[0]), err_write(err[1]);
  const absl::Time start = absl::Now();
  const absl::Time deadline = start + timeout;
  TUNEFARM_ASSIGN_OR_RETURN(const pid_t pid, Start(options, null_in.fd, out_write.fd, err_write.fd));
  out_write.Reset();
  err_write.Reset();

  RunResult result;
  Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  bool exited = false;
  int status = 0;
  // Until the child itself has ended: a grandchild that keeps the pipes open must not hold us.
  while (!exited) {
    pollfd entries[3] = {{out_read.fd, POLLIN, 0}, {err_read.fd, POLLIN, 0}, {pidfd.fd, POLLIN, 0}};
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration() && !result.timed_out) {
      result.timed_out = true;
      kill(-pid, SIGKILL);
    }
    int wait_ms = result.timed_out
                      ? 1000
                      : static_cast<int>(std::min<int64_t>(absl::ToInt64Milliseconds(left) + 1, 1000));
    if (pidfd.fd < 0) wait_ms = std::min(wait_ms, 5);
    poll(entries, pidfd.fd < 0 ? 2 : 3, wait_ms);
    const auto drain = [max_output](Fd& fd, std::string& into, short events) {
      if (fd.fd < 0 || (events & (POLLIN | POLLHUP | POLLERR)) == 0) return;
      char buffer[1 << 14];
      const ssize_t got = read(fd.fd, buffer, sizeof buffer);
      if (got > 0) {
        into.append(buffer, std::min<std::size_t>(static_cast<std::size_t>(got),
                                                  max_output - std::min(max_output, into.size())));
      } else if (got == 0) {
        fd.Reset();
      }
    };
    drain(out_read, result.out, entries[0].revents);
    drain(err_read, result.err, entries[1].revents);
    // Ask waitpid only once the pipes have been drained or the child is gone.
    const pid_t reaped = waitpid(pid, &status, WNOHANG);
    exited = reaped == pid;
  }
  kill(-pid, SIGKILL);  // What the child left behind.
  for (auto [fd, into] : {std::pair{&out_read, &result.out}, std::pair{&err_read, &result.err}}) {
    if (fd->fd < 0) continue;
    fcntl(fd->fd, F_SETFL, O_NONBLOCK);
    char buffer[1 << 14];
    ssize_t got;
    while ((got = read(fd->fd, buffer, sizeof buffer)) > 0) {
      into->append(buffer, std::min<std::size_t>(static_cast<std::size_t>(got),
                                                 max_output - std::min(max_output, into->size())));
    }
  }
  result.wall = absl::Now() - start;
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  return result;
}

}  // namespace tunefarm
