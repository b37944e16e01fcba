// A program that is forked for each input; what it does is in fork_subject.c.
#include "base/fork_server.h"

#include <signal.h>

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "tests/catch.h"

namespace tunefarm {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(30);

absl::StatusOr<std::unique_ptr<ForkServer>> Start(const std::string& argument) {
  ForkServerOptions options;
  options.argv = {ProgramDirectory() + "/fork_subject", argument};
  options.input = "no-such-file";
  return ForkServer::Start(options, kPatience);
}

std::unique_ptr<ForkServer> Serve() {
  auto server = Start("no-such-file");
  INFO(server.status().ToString());
  REQUIRE(server.ok());
  return *std::move(server);
}

pid_t PidOf(const RunResult& result) {
  pid_t pid = 0;
  REQUIRE(absl::SimpleAtoi(result.out, &pid));
  return pid;
}

// True once there is no such process, or only its remains.
bool Ends(pid_t pid) {
  const absl::Time deadline = absl::Now() + kPatience;
  while (absl::Now() < deadline) {
    const auto status = ReadFile(absl::StrCat("/proc/", pid, "/status"));
    if (!status.ok() || absl::StrContains(*status, "State:\tZ")) return true;
    std::this_thread::yield();
  }
  return false;
}

}  // namespace

TEST_CASE("EachCopyOfAForkedProgramReadsItsOwnInput") {
  const auto server = Serve();
  const auto first = server->Run("nnn", kPatience), second = server->Run("n", kPatience);
  REQUIRE(first.ok());
  REQUIRE(second.ok());
  CHECK(first->out == "012");
  CHECK(second->out == "0");
  const auto empty = server->Run("", kPatience);
  REQUIRE(empty.ok());
  CHECK(empty->exit_code == 0);
  CHECK(empty->out.empty());
}

TEST_CASE("ForkedCopiesTellHowTheyEnded") {
  const auto server = Serve();
  const auto refused = server->Run("ex", kPatience), killed = server->Run("nk", kPatience);
  REQUIRE(refused.ok());
  CHECK(refused->exit_code == 3);
  CHECK(refused->err == "words");
  REQUIRE(killed.ok());
  CHECK(killed->signal == SIGKILL);
  CHECK(killed->out == "0");
  CHECK(server->Run("n", kPatience)->exit_code == 0);
}

TEST_CASE("ForkedCopyPastItsDeadlineIsKilledAndOthersGoOn") {
  const auto server = Serve();
  const auto hung = server->Run("ph", absl::Milliseconds(500));
  REQUIRE(hung.ok());
  CHECK(hung->timed_out);
  CHECK(Ends(PidOf(*hung)));
  CHECK(server->Run("n", kPatience)->out == "0");
}

TEST_CASE("ForkedCopyThatWritesTooMuchIsEnded") {
  const auto result = Serve()->Run("f", kPatience, 1 << 16);
  REQUIRE(result.ok());
  CHECK(result->signal == SIGXFSZ);
  CHECK(result->out.size() == 1 << 16);
}

TEST_CASE("ForkServerServesThreadsSideBySide") {
  const auto server = Serve();
  std::vector<std::string> outs(8);
  std::vector<std::thread> threads;
  for (std::string& out : outs) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i) {
        const auto result = server->Run("nn", kPatience);
        if (result.ok()) out += result->out;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& out : outs) CHECK(out == "01010101010101010101");
}

TEST_CASE("ForkServersEndWithAllTheirCopies") {
  auto server = Serve();
  const auto result = server->Run("p", kPatience);
  REQUIRE(result.ok());
  // A copy that is at work when its server dies.
  absl::StatusOr<RunResult> cut_off;
  {
    std::thread waiting([&] { cut_off = server->Run("h", kPatience); });
    pid_t copy = 0;
    const absl::Time deadline = absl::Now() + kPatience;
    while (copy == 0 && absl::Now() < deadline) {
      const std::string children =
          absl::StrCat("/proc/", server->pid(), "/task/", server->pid(), "/children");
      const auto text = ReadFile(children);
      if (!text.ok() || !absl::SimpleAtoi(*text, &copy)) copy = 0;
    }
    CHECK(copy != 0);
    kill(server->pid(), SIGKILL);
    waiting.join();
    CHECK(Ends(copy));
  }
  CHECK(absl::IsUnavailable(cut_off.status()));
  CHECK(absl::IsUnavailable(server->Run("n", kPatience).status()));
  server = Serve();
  const pid_t pid = server->pid();
  server.reset();
  CHECK(Ends(pid));
}

TEST_CASE("ProgramsThatDoNotReadTheInputCannotBeForked") {
  const auto other = Start("/no/such/file/either");
  REQUIRE(other.status().code() == absl::StatusCode::kFailedPrecondition);
  CHECK(absl::StrContains(other.status().message(), "/no/such/file/either: No such file"));
  ForkServerOptions missing;
  missing.argv = {"no-such-program"};
  CHECK(absl::IsNotFound(ForkServer::Start(missing, kPatience).status()));
}

}  // namespace tunefarm
