#include "base/subprocess.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "tests/catch.h"

namespace tunefarm {
namespace {
SubprocessOptions Shell(const std::string& script) {
  SubprocessOptions options;
  options.argv = {"sh", "-c", script};
  return options;
}
}  // namespace

TEST_CASE("OutputAndExitCodeComeBack") {
  const auto result = RunProcess(Shell("echo out; echo err >&2; exit 3"), absl::Seconds(20));
  REQUIRE(result.ok());
  CHECK(result->exit_code == 3);
  CHECK(result->out == "out\n");
  CHECK(result->err == "err\n");
  CHECK_FALSE(result->timed_out);
}

TEST_CASE("AMissingProgramIsNamed") {
  SubprocessOptions options;
  options.argv = {"no-such-compiler"};
  const auto result = RunProcess(options, absl::Seconds(5));
  REQUIRE_FALSE(result.ok());
  CHECK(result.status().code() == absl::StatusCode::kNotFound);
  CHECK(std::string(result.status().message()).find("no-such-compiler") != std::string::npos);
}

TEST_CASE("ADeadlineKillsTheWholeGroup") {
  const TempDir dir = *TempDir::Create();
  // The grandchild holds the write end of a fifo; when it is dead, reading gives end of file.
  const std::string fifo = dir.path() + "/alive";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  const int reader = open(fifo.c_str(), O_RDONLY | O_NONBLOCK);
  const auto result = RunProcess(Shell("exec 3>" + fifo + "; (echo started >&3; sleep 1000) & sleep 1000"),
                                 absl::Milliseconds(300));
  REQUIRE(result.ok());
  CHECK(result->timed_out);
  CHECK(result->signal == SIGKILL);
  CHECK(result->wall < absl::Seconds(20));
  fcntl(reader, F_SETFL, 0);
  std::string seen;
  char buffer[64];
  ssize_t got;
  while ((got = read(reader, buffer, sizeof buffer)) > 0) seen.append(buffer, static_cast<std::size_t>(got));
  close(reader);
  CHECK(got == 0);
  CHECK(seen == "started\n");
}

TEST_CASE("AChildThatLeavesADaemonOnThePipesDoesNotHoldUs") {
  const auto result = RunProcess(Shell("sleep 1000 & echo done"), absl::Seconds(20));
  REQUIRE(result.ok());
  CHECK(result->out == "done\n");
  CHECK(result->wall < absl::Seconds(15));
}

TEST_CASE("OutputIsCutAtItsLimit") {
  const auto result = RunProcess(Shell("yes | head -c 100000"), absl::Seconds(20), 1000);
  REQUIRE(result.ok());
  CHECK(result->out.size() == 1000);
  CHECK(result->exit_code == 0);
}

TEST_CASE("ASignalIsToldApartFromAnExitCode") {
  const auto result = RunProcess(Shell("kill -SEGV $$"), absl::Seconds(20));
  REQUIRE(result.ok());
  CHECK(result->signal == SIGSEGV);
  CHECK(result->exit_code == -1);
}

TEST_CASE("EnvironmentAndFolderAreAsGiven") {
  const TempDir dir = *TempDir::Create();
  SubprocessOptions options = Shell("echo $GREETING; pwd");
  options.environment = {{"GREETING=hello", "PATH=/usr/bin:/bin"}};
  options.working_directory = dir.path();
  const auto result = RunProcess(options, absl::Seconds(20));
  REQUIRE(result.ok());
  CHECK(result->out == "hello\n" + dir.path() + "\n");
}

TEST_CASE("OnlyNamedDescriptorsReachTheChild") {
  int secret[2], given[2];
  REQUIRE(pipe(secret) == 0);
  REQUIRE(pipe(given) == 0);
  SubprocessOptions options = Shell("[ -e /proc/self/fd/" + std::to_string(secret[1]) +
                                    " ] && echo leak; echo x >&" + std::to_string(given[1]));
  options.inherited_fds = {given[1]};
  const auto result = RunProcess(options, absl::Seconds(20));
  close(given[1]);
  char buffer[8];
  const ssize_t got = read(given[0], buffer, sizeof buffer);
  close(given[0]);
  close(secret[0]);
  close(secret[1]);
  REQUIRE(result.ok());
  CHECK(result->out.empty());
  CHECK(got == 2);
}

TEST_CASE("AGuardedChildEndsLikeAnyOther") {
  const auto run = [](SubprocessOptions options, absl::Duration timeout = absl::Seconds(20)) {
    options.guarded = true;
    return RunProcess(options, timeout);
  };
  const auto result = run(Shell("echo out; echo err >&2; exit 3"));
  REQUIRE(result.ok());
  CHECK(result->exit_code == 3);
  CHECK(result->out == "out\n");
  CHECK(result->err == "err\n");
  CHECK(run(Shell("kill -SEGV $$"))->signal == SIGSEGV);
  CHECK(run(Shell("sleep 1000"), absl::Milliseconds(100))->timed_out);
  SubprocessOptions broken = Shell("");
  broken.working_directory = "/no/such/folder";
  CHECK_FALSE(run(broken).ok());
  // Asked to end, it may take its time.
  const TempDir dir = *TempDir::Create();
  const std::string ready = dir.path() + "/ready", said = dir.path() + "/said";
  SubprocessOptions options = Shell("trap 'echo bye > " + said + "; exit 7' TERM; echo > " + ready +
                                    "; while :; do sleep 0.01; done");
  options.guarded = true;
  options.discard_output = true;
  absl::StatusOr<Subprocess> child = Subprocess::Spawn(options);
  REQUIRE(child.ok());
  while (access(ready.c_str(), F_OK) != 0) REQUIRE_FALSE(child->Wait(absl::Milliseconds(1)).has_value());
  child->Signal(SIGTERM);
  const std::optional<int> status = child->Wait(absl::Seconds(20));
  REQUIRE(status.has_value());
  CHECK(WEXITSTATUS(*status) == 7);
  CHECK(*ReadFile(said) == "bye\n");
}

TEST_CASE("ASpawnedChildEndsWithItsHandle") {
  pid_t pid = 0;
  {
    auto child = Subprocess::Spawn(Shell("sleep 1000"));
    REQUIRE(child.ok());
    pid = child->pid();
    CHECK(child->running());
    CHECK_FALSE(child->Wait(absl::Milliseconds(1)).has_value());
  }
  CHECK(kill(pid, 0) == -1);
  CHECK(errno == ESRCH);
}

TEST_CASE("StopAsksFirst") {
  auto child = Subprocess::Spawn(Shell("trap 'exit 7' TERM; while :; do sleep 0.01; done"));
  REQUIRE(child.ok());
  // The trap may not be set yet; then the default action ends the shell, which is a signal, not a kill.
  child->Stop(absl::Seconds(20));
  CHECK_FALSE(child->running());
}

}  // namespace tunefarm
