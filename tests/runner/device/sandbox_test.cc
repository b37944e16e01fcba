#include "runner/device/sandbox.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <random>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "tests/catch.h"

namespace tunefarm {
namespace {

// Orphans of this process's children become its own children, which it can wait for.
class Adoption {
 public:
  Adoption() { REQUIRE(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0); }
  ~Adoption() { prctl(PR_SET_CHILD_SUBREAPER, 0); }

  bool AllEnd(absl::Duration patience) {
    const absl::Time until = absl::Now() + patience;
    for (;;) {
      const pid_t ended = waitpid(-1, nullptr, WNOHANG);
      if (ended < 0 && errno == ECHILD) return true;
      if (ended > 0) continue;
      if (absl::Now() > until) return false;
      absl::SleepFor(absl::Microseconds(200));
    }
  }

  void KillAll() {
    const std::string pid = absl::StrCat(getpid());
    const std::string children = ReadFile("/proc/" + pid + "/task/" + pid + "/children").value_or("");
    for (const absl::string_view child : absl::StrSplit(children, ' ', absl::SkipWhitespace())) {
      int number = 0;
      if (absl::SimpleAtoi(child, &number)) kill(number, SIGKILL);
    }
  }
};

// A process that starts a sandbox and then does nothing.
pid_t StartRunner() {
  int started[2];
  REQUIRE(pipe(started) == 0);
  const pid_t runner = fork();
  REQUIRE(runner >= 0);
  if (runner == 0) {
    SubprocessOptions options;
    options.argv = InBox({}, {}, {"/usr/bin/sleep", "1000"});
    options.guarded = true;
    options.discard_output = true;
    const absl::StatusOr<Subprocess> box = Subprocess::Spawn(options);
    const char told = box.ok() ? 'y' : 'n';
    [[maybe_unused]] const ssize_t put = write(started[1], &told, 1);
    for (;;) pause();
  }
  close(started[1]);
  char told = 0;
  CHECK(read(started[0], &told, 1) == 1);
  CHECK(told == 'y');
  close(started[0]);
  return runner;
}

// bubblewrap's own --die-with-parent begins when the box is almost ready.
TEST_CASE("KilledRunnerLeavesNoSandboxBehind") {
  Adoption adoption;
  std::minstd_rand random(1);
  bool all_ended = true;
  for (int round = 0; round < 100 && all_ended; ++round) {
    INFO(round);
    const pid_t runner = StartRunner();
    // At any moment of the box's start, which takes some milliseconds.
    absl::SleepFor(absl::Microseconds(random() % 8000));
    kill(runner, SIGKILL);
    all_ended = adoption.AllEnd(absl::Seconds(10));
    CHECK(all_ended);
  }
  if (!all_ended) adoption.KillAll();
}

}  // namespace
}  // namespace tunefarm
