#include "runner/device/executor_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/time/clock.h"
#include "base/file.h"
#include "base/subprocess.h"

namespace tunefarm {
namespace {

constexpr std::size_t kErrorTail = 4096;

// After a deadline the executor may say within this time where it is; then it is killed, whether it answered
// or not.
constexpr absl::Duration kLastWords = absl::Milliseconds(100);

// A phase that runs many calls may take this many times the first one beyond its budget: the check ran with
// cold caches, so this is generous, and a kernel that stops returning is still found in moments.
constexpr int kSlackCalls = 20;
constexpr absl::Duration kSlack = absl::Seconds(1);

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { Reset(); }
  void Reset(int fd = -1) {
    if (fd_ >= 0) close(fd_);
    fd_ = fd;
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

template <typename T>
bool Copy(const std::vector<char>& bytes, std::size_t size, T* to) {
  if (size < sizeof(T)) return false;
  std::memcpy(static_cast<void*>(to), bytes.data(), sizeof(T));
  return true;
}

class Watch {
 public:
  Watch(const executor::Job& job, const ExecutorDeadlines& deadlines, PhaseCell& phase)
      : job_(job), deadlines_(deadlines), phase_(phase), buffer_(executor::kMaxMessage) {
    outcome_.samples.resize(std::max(job.kernel_count, 1u));
    Begin(executor::Phase::kLoad, 0);
  }

  absl::Time deadline() const { return deadline_; }
  ExecutorOutcome& outcome() { return outcome_; }
  int process() const { return process_.get(); }

  // False at the end of the stream.
  bool Receive(int channel) {
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))];
    iovec part{buffer_.data(), buffer_.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t got = recvmsg(channel, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (got < 0) return errno == EINTR || errno == EAGAIN;
    if (got == 0) return false;
    const auto size = static_cast<std::size_t>(got);
    executor::Message type{};
    if (!Copy(buffer_, size, &type)) return true;
    switch (type) {
      case executor::Message::kHello:
        OnHello(message);
        break;
      case executor::Message::kPhase: {
        executor::PhaseBegins begins{};
        if (Copy(buffer_, size, &begins)) OnPhase(begins);
        break;
      }
      case executor::Message::kFault: {
        executor::FaultReport fault{};
        if (Copy(buffer_, size, &fault) && !outcome_.fault.has_value()) {
          fault.text[sizeof fault.text - 1] = '\0';
          outcome_.fault = fault;
        }
        break;
      }
      case executor::Message::kSamples:
        OnSamples(size);
        break;
      case executor::Message::kDone: {
        executor::Done done{};
        if (Copy(buffer_, size, &done)) outcome_.done = done;
        break;
      }
    }
    return true;
  }

 private:
  void OnHello(msghdr& message) {
    outcome_.started = true;
    if (process_.get() >= 0) return;
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
      if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS) continue;
      ucred credentials{};
      std::memcpy(&credentials, CMSG_DATA(c), sizeof credentials);
      process_.Reset(static_cast<int>(syscall(SYS_pidfd_open, credentials.pid, 0)));
    }
  }

  void OnPhase(const executor::PhaseBegins& begins) {
    if (begins.kernel > executor::kMaxKernels) return;
    const double limit_us = absl::ToDoubleMicroseconds(deadlines_.check);
    call_ = absl::Microseconds(std::clamp(begins.call_us, 0.0, limit_us));
    Begin(begins.phase, begins.kernel);
  }

  void Begin(executor::Phase phase, std::uint32_t kernel) {
    outcome_.phase = phase;
    outcome_.kernel = kernel;
    phase_.store(static_cast<int>(phase), std::memory_order_relaxed);
    const int kernels = static_cast<int>(std::max(job_.kernel_count, 1u));
    absl::Duration room;
    switch (phase) {
      case executor::Phase::kLoad:
        room = deadlines_.load;
        break;
      case executor::Phase::kCheck:
        room = deadlines_.check;
        break;
      case executor::Phase::kWarmUp:
        room = kernels * (2 * deadlines_.warm_up + kSlackCalls * call_) + kSlack;
        break;
      case executor::Phase::kTime:
        room = 4 * deadlines_.time + kernels * kSlackCalls * call_ + kSlack;
        break;
      default:
        room = kSlack;
    }
    deadline_ = absl::Now() + room;
  }

  void OnSamples(std::size_t size) {
    executor::SamplesHeader header{};
    if (!Copy(buffer_, size, &header)) return;
    const std::size_t doubles = std::size_t{header.sample_count} + header.reference_count;
    const std::size_t want = sizeof header + doubles * sizeof(double) +
                             std::size_t{header.reference_count} * sizeof(std::uint32_t);
    if (header.kernel >= outcome_.samples.size() || size != want) return;
    KernelSamples& samples = outcome_.samples[header.kernel];
    const char* at = buffer_.data() + sizeof header;
    const auto take = [&at](auto& values, std::size_t count) {
      values.resize(count);
      const std::size_t bytes = count * sizeof values[0];
      if (bytes > 0) std::memcpy(values.data(), at, bytes);
      at += bytes;
    };
    take(samples.samples_us, header.sample_count);
    take(samples.reference_us, header.reference_count);
    take(samples.reference_positions, header.reference_count);
    samples.iterations = header.iterations;
    samples.noisy = header.noisy != 0;
    samples.censored = header.censored != 0;
    samples.dropped = header.dropped;
  }

  const executor::Job& job_;
  const ExecutorDeadlines& deadlines_;
  PhaseCell& phase_;
  std::vector<char> buffer_;
  ExecutorOutcome outcome_;
  Descriptor process_;  // A pidfd of the executor itself.
  absl::Duration call_;
  absl::Time deadline_;
};

void ReadErrors(int fd, std::string& tail) {
  char buffer[4096];
  ssize_t got;
  while ((got = read(fd, buffer, sizeof buffer)) > 0) {
    tail.append(buffer, static_cast<std::size_t>(got));
    if (tail.size() > kErrorTail) tail.erase(0, tail.size() - kErrorTail);
    if (got < static_cast<ssize_t>(sizeof buffer)) break;
  }
}

int MillisUntil(absl::Time when) {
  const absl::Duration left = std::clamp(when - absl::Now(), absl::ZeroDuration(), absl::Hours(1));
  return static_cast<int>(absl::ToInt64Milliseconds(absl::Ceil(left, absl::Milliseconds(1))));
}

}  // namespace

absl::StatusOr<ExecutorOutcome> RunExecutor(const Sandbox& sandbox, const std::vector<BoundFile>& files,
                                            const executor::Job& job, const std::vector<int>& inherited_fds,
                                            const ExecutorDeadlines& deadlines, int cancel_fd,
                                            PhaseCell& phase) {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
    return ErrnoToStatus(errno, "cannot create the channel to the executor");
  }
  const Descriptor channel(sockets[0]);
  Descriptor theirs(sockets[1]);
  const int on = 1;
  setsockopt(channel.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  int pipes[2];
  if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK) != 0) return ErrnoToStatus(errno, "cannot create a pipe");
  const Descriptor errors(pipes[0]);
  Descriptor errors_in(pipes[1]);
  fcntl(errors_in.get(), F_SETFL, 0);  // The kernel's own printing may block.

  SubprocessOptions options;
  options.argv = sandbox.Command(files, theirs.get());
  options.guarded = true;
  options.inherited_fds = inherited_fds;
  options.inherited_fds.push_back(theirs.get());
  options.output_fd = errors_in.get();
  TUNEFARM_ASSIGN_OR_RETURN(Subprocess process, Subprocess::Spawn(options));
  theirs.Reset();
  errors_in.Reset();
  // In one piece; there is room in the socket, so this does not wait for the executor. It fails only when the
  // sandbox already ended, and then the loop below sees that.
  send(channel.get(), &job, sizeof job, MSG_NOSIGNAL);

  Watch watch(job, deadlines, phase);
  ExecutorOutcome& outcome = watch.outcome();
  const absl::Time never = absl::InfiniteFuture();
  absl::Time last_words = never;  // Set once the deadline has passed.
  for (;;) {
    pollfd entries[3] = {{channel.get(), POLLIN, 0}, {errors.get(), POLLIN, 0}, {cancel_fd, POLLIN, 0}};
    const absl::Time next = std::min(watch.deadline(), last_words);
    const int ready = poll(entries, 3, MillisUntil(next));
    if (ready < 0 && errno != EINTR) break;
    if (entries[1].revents & POLLIN) ReadErrors(errors.get(), outcome.error_tail);
    if (entries[0].revents != 0 && !watch.Receive(channel.get())) break;
    if (cancel_fd >= 0 && entries[2].revents != 0) {
      outcome.cancelled = true;
      break;
    }
    if (outcome.fault.has_value() || outcome.done.has_value()) break;
    const absl::Time now = absl::Now();
    if (now >= last_words) break;
    if (now >= watch.deadline() && !outcome.timed_out) {
      outcome.timed_out = true;
      if (watch.process() < 0 || syscall(SYS_pidfd_send_signal, watch.process(), SIGALRM, nullptr, 0) != 0)
        break;
      last_words = now + kLastWords;
    }
    if (outcome.timed_out) {
      // Only the fault report is still awaited; poll by its own time, not by the deadline that passed.
      pollfd entry{channel.get(), POLLIN, 0};
      poll(&entry, 1, MillisUntil(last_words));
      if ((entry.revents & POLLIN) == 0 || !watch.Receive(channel.get()) || outcome.fault.has_value()) break;
    }
  }
  // Dead means dead: the executor itself, the sandbox's processes around it, and whatever is in its name
  // space.
  if (watch.process() >= 0 && !outcome.done.has_value()) {
    syscall(SYS_pidfd_send_signal, watch.process(), SIGKILL, nullptr, 0);
  }
  // When the executor ends by itself its sandbox follows within a millisecond; otherwise it is killed.
  if (const auto status =
          process.Wait(outcome.timed_out || outcome.cancelled ? absl::Milliseconds(20) : absl::Seconds(1))) {
    outcome.wait_status = *status;
  }
  process.Stop(absl::ZeroDuration());
  if (watch.process() >= 0) {
    pollfd gone{watch.process(), POLLIN, 0};
    if (poll(&gone, 1, 5000) <= 0)
      return absl::InternalError("an executor does not die although it was killed");
  }
  ReadErrors(errors.get(), outcome.error_tail);
  if (outcome.fault.has_value()) {
    outcome.address_space_exhausted = outcome.fault->address_space_exhausted != 0;
    outcome.phase = outcome.fault->phase;
    outcome.kernel = outcome.fault->kernel;
  }
  return outcome;
}

}  // namespace tunefarm
