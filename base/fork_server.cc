#include "base/fork_server.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/file.h"

namespace tunefarm {
namespace {

constexpr std::size_t kMaxWords = 500;

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() { Close(); }
  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

absl::StatusOr<Descriptor> MemoryFile() {
  Descriptor file(memfd_create("tunefarm-fork", MFD_CLOEXEC));
  if (file.get() < 0) return ErrnoToStatus(errno, "cannot create a file in memory");
  return file;
}

std::string Content(const Descriptor& file, std::size_t max_bytes) {
  struct stat facts{};
  if (fstat(file.get(), &facts) != 0) return "";
  std::string content(std::min(static_cast<std::size_t>(facts.st_size), max_bytes), '\0');
  std::size_t size = 0;
  while (size < content.size()) {
    const ssize_t got =
        pread(file.get(), content.data() + size, content.size() - size, static_cast<off_t>(size));
    if (got <= 0) break;
    size += static_cast<std::size_t>(got);
  }
  content.resize(size);
  return content;
}

absl::Status Write(const Descriptor& file, absl::string_view content) {
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t put =
        pwrite(file.get(), content.data() + done, content.size() - done, static_cast<off_t>(done));
    if (put <= 0) return ErrnoToStatus(errno, "cannot write a file in memory");
    done += static_cast<std::size_t>(put);
  }
  return absl::OkStatus();
}

// True when there is something to read, or an end, before the deadline.
bool AwaitReadable(int fd, absl::Time deadline) {
  for (;;) {
    pollfd entry{fd, POLLIN, 0};
    const absl::Duration left = std::max(deadline - absl::Now(), absl::ZeroDuration());
    const std::int64_t ms =
        std::min<std::int64_t>(absl::ToInt64Milliseconds(absl::Ceil(left, absl::Milliseconds(1))), 1 << 30);
    const int ready = poll(&entry, 1, static_cast<int>(ms));
    if (ready > 0) return true;
    if (ready == 0 && absl::Now() >= deadline) return false;
    if (ready < 0 && errno != EINTR) return true;  // Reading will tell.
  }
}

// A request: the most bytes that it may write to a file, with the descriptors of input, stdout, stderr, and
// of the pipe that is to be told its wait status.
bool SendRequest(int control, std::uint64_t max_bytes, const int (&descriptors)[4]) {
  alignas(cmsghdr) char space[CMSG_SPACE(sizeof descriptors)] = {};
  iovec text{&max_bytes, sizeof max_bytes};
  msghdr message{};
  message.msg_iov = &text;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof space;
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof descriptors);
  std::memcpy(CMSG_DATA(header), descriptors, sizeof descriptors);
  ssize_t put = 0;
  do {
    put = sendmsg(control, &message, MSG_NOSIGNAL);
  } while (put < 0 && errno == EINTR);
  return put == static_cast<ssize_t>(sizeof max_bytes);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ForkServer>> ForkServer::Start(const ForkServerOptions& options,
                                                              absl::Duration timeout) {
  const std::string library = ProgramDirectory() + "/tunefarm-fork.so";
  if (access(library.c_str(), R_OK) != 0) {
    return absl::NotFoundError(absl::StrCat(library, " is missing: install it beside the programs"));
  }
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
    return ErrnoToStatus(errno, "cannot create a socket");
  }
  Descriptor ours(sockets[0]), theirs(sockets[1]);
  TUNEFARM_ASSIGN_OR_RETURN(const Descriptor words, MemoryFile());
  SubprocessOptions process;
  process.argv = options.argv;
  // Names are looked up once, not again in each copy.
  process.set_environment = {absl::StrCat("LD_PRELOAD=", library), "LD_BIND_NOW=1",
                             absl::StrCat("TUNEFARM_FORK_INPUT=", options.input),
                             absl::StrCat("TUNEFARM_FORK_FD=", theirs.get())};
  process.working_directory = options.working_directory;
  process.cpus = options.cpus;
  process.inherited_fds = {theirs.get()};
  process.output_fd = words.get();
  TUNEFARM_ASSIGN_OR_RETURN(Subprocess child, Subprocess::Spawn(process));
  theirs.Close();
  char ready = 0;
  if (!AwaitReadable(ours.get(), absl::Now() + timeout) || read(ours.get(), &ready, 1) != 1) {
    return absl::FailedPreconditionError(
        absl::StrCat(options.argv[0], " did not come to read its input: ", Content(words, kMaxWords)));
  }
  return std::unique_ptr<ForkServer>(new ForkServer(ours.Release(), std::move(child)));
}

ForkServer::~ForkServer() { close(control_); }

absl::StatusOr<RunResult> ForkServer::Run(absl::string_view input, absl::Duration timeout,
                                          std::size_t max_output) const {
  const absl::Time start = absl::Now();
  TUNEFARM_ASSIGN_OR_RETURN(const Descriptor in, MemoryFile());
  TUNEFARM_ASSIGN_OR_RETURN(const Descriptor out, MemoryFile());
  TUNEFARM_ASSIGN_OR_RETURN(const Descriptor err, MemoryFile());
  TUNEFARM_RETURN_IF_ERROR(Write(in, input));
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoToStatus(errno, "cannot create a pipe");
  const Descriptor status(ends[0]);
  Descriptor report(ends[1]);
  if (!SendRequest(control_, max_output, {in.get(), out.get(), err.get(), report.get()})) {
    return absl::UnavailableError("the forking program is gone");
  }
  report.Close();
  RunResult result;
  int wait_status = 0;
  if (!AwaitReadable(status.get(), start + timeout)) {
    result.timed_out = true;  // Closing our end of the pipe has it killed.
    result.signal = SIGKILL;
  } else if (read(status.get(), &wait_status, sizeof wait_status) !=
             static_cast<ssize_t>(sizeof wait_status)) {
    return absl::UnavailableError("the forking program did not run its copy to the end");
  } else if (WIFEXITED(wait_status)) {
    result.exit_code = WEXITSTATUS(wait_status);
  } else {
    result.signal = WTERMSIG(wait_status);
  }
  result.out = Content(out, max_output);
  result.err = Content(err, max_output);
  result.wall = absl::Now() - start;
  return result;
}

}  // namespace tunefarm
