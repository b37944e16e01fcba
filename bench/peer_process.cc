#include "bench/peer_process.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "base/file.h"

namespace tunefarm::bench {
namespace {

using Json = nlohmann::json;

// Pools sleep 10 to 20 ms after their last work; one that never does is not waited for longer than this.
constexpr absl::Duration kLongestWait = absl::Milliseconds(300);
constexpr absl::Duration kGlance = absl::Milliseconds(2);

// Threads that wake up share a CPU until the kernel's scheduler parts them: 10 to 20 ms were seen.
constexpr absl::Duration kWarmUp = absl::Milliseconds(60);

double Seconds(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// A thread of ours other than the calling one runs, or would if it had a CPU.
bool OtherThreadsRun() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task", error)) {
    if (entry.path().filename() == std::to_string(gettid())) continue;
    const absl::StatusOr<std::string> stat = ReadFile(entry.path().string() + "/stat");
    // "ID (NAME) STATE ...", and a name may have parentheses.
    const std::size_t name_end = stat.ok() ? stat->rfind(") ") : std::string::npos;
    if (name_end != std::string::npos && (*stat)[name_end + 2] == 'R') return true;
  }
  return false;
}

void AwaitIdleThreads() {
  const absl::Time end = absl::Now() + kLongestWait;
  while (OtherThreadsRun() && absl::Now() < end) absl::SleepFor(kGlance);
}

bool WriteLine(int fd, std::string line) {
  line += '\n';
  std::size_t done = 0;
  while (done < line.size()) {
    const ssize_t put = send(fd, line.data() + done, line.size() - done, MSG_NOSIGNAL);
    if (put <= 0) return false;
    done += static_cast<std::size_t>(put);
  }
  return true;
}

// False: the other side is gone.
bool ReadLine(int fd, std::string& line) {
  line.clear();
  for (char c; read(fd, &c, 1) == 1;) {
    if (c == '\n') return true;
    line += c;
  }
  return false;
}

double TimeCalls(const Peer& peer, Buffer& output, long calls, bool alone) {
  const clockid_t clock = alone ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC;
  const double warm = Seconds(CLOCK_MONOTONIC) + (alone ? 0 : absl::ToDoubleSeconds(kWarmUp));
  if (calls > 1 || !alone) {
    do {
      peer.run(output);
    } while (Seconds(CLOCK_MONOTONIC) < warm);
  }
  const double start = Seconds(clock);
  for (long i = 0; i < calls; ++i) peer.run(output);
  return Seconds(clock) - start;
}

[[noreturn]] void Serve(const Problem& problem, const std::function<absl::StatusOr<Peer>()>& make,
                        int channel) {
  const absl::StatusOr<Peer> peer = make();
  if (!peer.ok()) {
    WriteLine(channel, Json{{"code", peer.status().raw_code()}, {"message", peer.status().message()}}.dump());
    _exit(0);
  }
  Buffer output(problem.output_elements());
  if (peer->is_operator) peer->run(output);
  if (peer->convert) peer->convert(output);
  WriteLine(channel, Json{{"name", peer->name},
                          {"description", peer->description},
                          {"flop", peer->flop},
                          {"is_operator", peer->is_operator},
                          {"allowed_error", peer->allowed_error},
                          {"competes", peer->competes},
                          {"error", peer->is_operator ? problem.Error(output) : 0}}
                         .dump());
  const bool alone = problem.threads() == 1;
  long calls;
  for (std::string line; ReadLine(channel, line) && absl::SimpleAtoi(line, &calls);) {
    const double seconds = TimeCalls(*peer, output, calls, alone);
    AwaitIdleThreads();
    WriteLine(channel, Json(seconds).dump());
  }
  _exit(0);
}

}  // namespace

PeerProcess::PeerProcess(PeerProcess&& other) noexcept
    : facts_(std::move(other.facts_)),
      error_(other.error_),
      pid_(std::exchange(other.pid_, -1)),
      channel_(std::exchange(other.channel_, -1)) {}

PeerProcess::~PeerProcess() {
  if (pid_ < 0) return;
  close(channel_);
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

absl::StatusOr<PeerProcess> PeerProcess::Start(const Problem& problem,
                                               const std::function<absl::StatusOr<Peer>()>& make) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return absl::ErrnoToStatus(errno, "cannot talk to a process of ours");
  }
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    close(ends[0]);
    Serve(problem, make, ends[1]);
  }
  close(ends[1]);
  if (pid < 0) {
    close(ends[0]);
    return absl::ErrnoToStatus(errno, "cannot start a process for a library");
  }
  PeerProcess process(pid, ends[0]);
  std::string line;
  if (!ReadLine(ends[0], line)) return absl::InternalError("ended its process");
  const Json made = Json::parse(line);
  if (made.contains("code")) {
    return absl::Status(static_cast<absl::StatusCode>(made["code"].get<int>()),
                        made["message"].get<std::string>());
  }
  process.facts_ = {.name = made["name"],
                    .description = made["description"],
                    .flop = made["flop"],
                    .is_operator = made["is_operator"],
                    .allowed_error = made["allowed_error"],
                    .competes = made["competes"]};
  // JSON has no infinity: that is null.
  process.error_ =
      made["error"].is_null() ? std::numeric_limits<double>::infinity() : made["error"].get<double>();
  return process;
}

absl::StatusOr<double> PeerProcess::TimeCalls(long calls) {
  std::string line;
  if (WriteLine(channel_, std::to_string(calls)) && ReadLine(channel_, line))
    return Json::parse(line).get<double>();
  return absl::InternalError(absl::StrCat(facts_.name, " ended its process"));
}

}  // namespace tunefarm::bench
