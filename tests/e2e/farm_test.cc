// Tracker, runners and daemon as separate processes, several users, and the command that talks to them.
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/exit_code.h"
#include "tests/catch.h"
#include "tests/e2e/command.h"

namespace tunefarm {
namespace {

std::vector<std::string> TuneOn(const Farm& farm, const std::string& user, int trials,
                                const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = {"tune",     "--workload",          "matmul:m=16,n=32,k=32,dtype=f32",
                                        "--trials", absl::StrCat(trials),  "--user",
                                        user,       "--strategy",          "random",
                                        "--daemon", farm.daemon_address(), "--json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

std::vector<int> TrialNumbers(const std::string& output) {
  std::vector<int> numbers;
  for (const Json& trial : ObjectsOf(output, "trial")) numbers.push_back(trial["trial"]);
  return numbers;
}

TEST_CASE("AFarmTunesForItsUsersAndTellsOfItself") {
  Farm farm(2);
  farm.Start();
  const std::string home = farm.folder.path();
  const RunResult tuned = Tunefarm(home, TuneOn(farm, "ada", 8));
  INFO(tuned.err);
  REQUIRE(tuned.exit_code == 0);
  const Json done = ObjectOf(tuned.out, "done");
  REQUIRE(KeysOf(done) == DocumentedKeys("done"));
  REQUIRE(done["state"] == "done");
  REQUIRE(done["tasks"][0]["trials"] == 8);
  REQUIRE(done["tasks"][0]["speedup"] >= 1);
  CheckComplete(farm.database(), done["job"], 1, 8);

  const RunResult devices = Tunefarm(home, {"devices", "--tracker", farm.tracker_address(), "--json"});
  REQUIRE(devices.exit_code == 0);
  const std::vector<Json> boards = ObjectsOf(devices.out, "device");
  REQUIRE(boards.size() == 2);
  std::set<std::string> names, classes;
  int completed = 0;
  for (const Json& board : boards) {
    REQUIRE(KeysOf(board) == DocumentedKeys("device"));
    REQUIRE(board["online"] == true);
    REQUIRE(board["health"] == "good");
    names.insert(board["device"].get<std::string>());
    classes.insert(board["device_class"].get<std::string>());
    completed += board["completed"].get<int>();
  }
  REQUIRE(names == std::set<std::string>{"board-0", "board-1"});
  REQUIRE(classes.size() == 1);
  REQUIRE(completed >= 8);

  const RunResult jobs = Tunefarm(home, {"jobs", "--daemon", farm.daemon_address(), "--json"});
  REQUIRE(jobs.exit_code == 0);
  const Json job = ObjectOf(jobs.out, "job");
  REQUIRE(KeysOf(job) == DocumentedKeys("job"));
  REQUIRE(job["job"] == done["job"]);
  REQUIRE(job["user"] == "ada");
  REQUIRE(job["state"] == "done");
  REQUIRE(job["trials_done"] == 8);
}

TEST_CASE("TwoUsersShareTwoRunnersFairly") {
  constexpr int kTrials = 40;
  Farm farm(2);
  farm.Start();
  const std::string jobs[2] = {farm.Submit(QuickJob("ada", 1, kTrials)),
                               farm.Submit(QuickJob("bob", 1, kTrials))};
  v1::JobInfo infos[2];
  REQUIRE(Eventually([&] {
    for (int i = 0; i < 2; ++i) infos[i] = farm.Info(jobs[i]);
    return infos[0].state() != v1::JOB_STATE_RUNNING || infos[1].state() != v1::JOB_STATE_RUNNING;
  }));
  // Equal shares would be close to all; first come, first served would be close to none.
  for (const v1::JobInfo& info : infos) {
    INFO(info.ShortDebugString());
    REQUIRE(info.trials_done() >= kTrials / 3);
  }
  for (const std::string& job : jobs) {
    REQUIRE(farm.AwaitEnd(job) == v1::JOB_STATE_DONE);
    CheckComplete(farm.database(), job, 1, kTrials);
  }
}

TEST_CASE("ACancelledJobEndsAndCanBeResumed") {
  constexpr int kTrials = 40;
  Farm farm;
  farm.Start();
  const std::string home = farm.folder.path();
  const RunResult submitted = Tunefarm(home, TuneOn(farm, "ada", kTrials, {"--detach"}));
  REQUIRE(submitted.exit_code == 0);
  const Json answer = ObjectOf(submitted.out, "submitted");
  REQUIRE(KeysOf(answer) == DocumentedKeys("submitted"));
  const std::string job = answer["job"];
  REQUIRE(Eventually([&] { return farm.Info(job).trials_done() >= 3; }));
  const RunResult cancelled = Tunefarm(home, {"cancel", job, "--daemon", farm.daemon_address(), "--json"});
  REQUIRE(cancelled.exit_code == 0);
  const Json told = ObjectOf(cancelled.out, "cancelled");
  REQUIRE(KeysOf(told) == DocumentedKeys("cancelled"));
  REQUIRE(farm.AwaitEnd(job) == v1::JOB_STATE_CANCELLED);
  const RunResult watched = Tunefarm(home, {"watch", job, "--daemon", farm.daemon_address(), "--json"});
  const std::vector<int> before = TrialNumbers(watched.out);
  REQUIRE(before.size() < kTrials);
  REQUIRE(ObjectOf(watched.out, "done")["state"] == "cancelled");

  const RunResult resumed = Tunefarm(home, {"resume", job, "--daemon", farm.daemon_address(), "--json"});
  INFO(resumed.out << resumed.err);
  REQUIRE(resumed.exit_code == 0);
  REQUIRE(ObjectsOf(resumed.out, "done").back()["tasks"][0]["trials"] == kTrials);
  CheckComplete(farm.database(), job, 1, kTrials);
}

TEST_CASE("AWatcherSeesWhatWasThenWhatComesAndEachTrialOnce") {
  constexpr int kTrials = 20;
  Farm farm;
  farm.Start();
  const std::string job = farm.Submit(QuickJob("ada", 1, kTrials));
  REQUIRE(Eventually([&] { return farm.Info(job).trials_done() >= 2; }));
  const std::vector<std::string> watch = {"watch", job, "--daemon", farm.daemon_address(), "--json"};
  const RunResult live = Tunefarm(farm.folder.path(), watch);
  INFO(live.err);
  REQUIRE(live.exit_code == 0);
  const std::vector<int> numbers = TrialNumbers(live.out);
  REQUIRE(numbers.size() == kTrials);
  REQUIRE(std::set<int>(numbers.begin(), numbers.end()).size() == kTrials);
  REQUIRE(Objects(live.out).back()["event"] == "done");
  REQUIRE(farm.Info(job).state() == v1::JOB_STATE_DONE);
  // Afterwards, and from another process of the daemon: the same events.
  farm.daemon.Kill();
  farm.daemon.Start();
  farm.daemon.AwaitReady();
  REQUIRE(Tunefarm(farm.folder.path(), watch).out == live.out);
}

TEST_CASE("ADeadTrackerIsNamedWithinSecondsAndTheJobGoesOnWhenItIsBack") {
  constexpr int kTrials = 30;
  Farm farm;
  farm.Start();
  RunningCommand tune(farm.folder.path(), TuneOn(farm, "ada", kTrials));
  REQUIRE(Eventually([&] { return TrialNumbers(tune.out()).size() >= 2; }));
  farm.tracker.Kill();
  const absl::Time dead = absl::Now();
  const std::string message = absl::StrCat("the tracker at ", farm.tracker_address(), " does not answer");
  REQUIRE(Eventually([&] { return absl::StrContains(tune.err(), message); }, absl::Seconds(30)));
  INFO("told after " << absl::FormatDuration(absl::Now() - dead));
  CHECK(absl::Now() - dead < absl::Seconds(15));
  farm.tracker.Start();
  farm.tracker.AwaitReady();
  INFO(tune.err());
  REQUIRE(tune.AwaitExit() == 0);
  const Json done = ObjectOf(tune.out(), "done");
  REQUIRE(done["tasks"][0]["trials"] == kTrials);
  CheckComplete(farm.database(), done["job"], 1, kTrials);
}

TEST_CASE("AJobSubmittedBeforeItsTrackerRunsWaitsForIt") {
  Farm farm;
  farm.daemon.Start();
  farm.daemon.AwaitReady();
  const std::string job = farm.Submit(QuickJob("ada", 1, 6));
  RunningCommand watch(farm.folder.path(), {"watch", job, "--daemon", farm.daemon_address(), "--json"});
  REQUIRE(Eventually([&] { return absl::StrContains(watch.err(), "does not answer"); }, absl::Seconds(30)));
  REQUIRE(farm.Info(job).trials_done() == 0);
  // With a tracker, but no runner yet, it says that.
  farm.tracker.Start();
  farm.tracker.AwaitReady();
  REQUIRE(Eventually([&] { return absl::StrContains(watch.err(), "device"); }, absl::Seconds(30)));
  farm.runners[0].Start();
  farm.runners[0].AwaitReady();
  REQUIRE(watch.AwaitExit() == 0);
  CheckComplete(farm.database(), job, 1, 6);
}

}  // namespace
}  // namespace tunefarm
