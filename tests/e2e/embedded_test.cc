// `tunefarm tune` with nothing but this machine: from the search to lookup and replay, and what Ctrl-C and
// kill -9 do.
#include <signal.h>

#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/exit_code.h"
#include "db/database.h"
#include "tests/catch.h"
#include "tests/e2e/command.h"

namespace tunefarm {
namespace {

constexpr char kMatmul[] = "matmul:m=16,n=32,k=32,dtype=f32";
constexpr char kOther[] = "matmul:m=16,n=48,k=32,dtype=f32";

struct Home {
  TempDir folder = TempDir::Create("tf").value();

  RunResult Run(std::vector<std::string> arguments) const {
    return Tunefarm(folder.path(), std::move(arguments));
  }
  std::string database() const { return folder.path() + "/home/tunefarm.db"; }
  std::vector<db::Job> Jobs() const {
    const auto opened = db::Database::Open(database(), db::Database::Mode::kReadOnly);
    REQUIRE(opened.ok());
    return (*opened)->Jobs().value();
  }
};

std::vector<std::string> TuneBoth(int trials) {
  return {"tune",     "--workload",         kMatmul,      "--workload", kOther,
          "--trials", absl::StrCat(trials), "--strategy", "random",     "--json"};
}

using Trials = std::multiset<std::pair<std::string, int>>;

Trials TrialsOf(const std::string& output) {
  Trials trials;
  for (const Json& trial : ObjectsOf(output, "trial")) trials.emplace(trial["task"], trial["trial"]);
  return trials;
}

Trials Budget(int trials) {
  Trials budget;
  for (int trial = 0; trial < trials; ++trial) {
    budget.emplace(kMatmul, trial);
    budget.emplace(kOther, trial);
  }
  return budget;
}

bool IsLikely(const Json& task) {
  return task["best_gflops"] >= task["default_gflops"] && task["speedup"] >= 1;
}

TEST_CASE_METHOD(Home, "OneCommandTunesAndWhatItFoundIsLookedUpShownAndMeasuredAgain") {
  constexpr int kTrials = 10;
  const std::vector<std::string> tune = {"tune",     "--workload",          kMatmul,
                                         "--trials", absl::StrCat(kTrials), "--json"};
  const RunResult tuned = Run(tune);
  INFO(tuned.err);
  REQUIRE(tuned.exit_code == 0);

  const std::vector<Json> trials = ObjectsOf(tuned.out, "trial");
  REQUIRE(trials.size() == kTrials);
  for (const Json& trial : trials) {
    REQUIRE(KeysOf(trial) == DocumentedKeys("trial"));
    REQUIRE(trial["task"] == kMatmul);
    REQUIRE(trial["gflops"].is_number() == (trial["status"] == "ok"));
  }
  const Json done = ObjectOf(tuned.out, "done");
  REQUIRE(Objects(tuned.out).back() == done);
  REQUIRE(KeysOf(done) == DocumentedKeys("done"));
  REQUIRE(done["state"] == "done");
  REQUIRE(done["device_busy"] > 0);
  REQUIRE(done["device_busy"] <= 1);
  REQUIRE(done["tasks"].size() == 1);
  const Json best = done["tasks"][0];
  REQUIRE(KeysOf(best) == DocumentedKeys("done", "tasks"));
  REQUIRE(best["trials"] == kTrials);
  REQUIRE(best["failures"] == 0);
  REQUIRE(IsLikely(best));

  const RunResult query = Run({"query", "best", "--workload", kMatmul, "--json"});
  REQUIRE(query.exit_code == 0);
  const Json found = ObjectOf(query.out, "best");
  REQUIRE(KeysOf(found) == DocumentedKeys("best"));
  REQUIRE(found["match"] == "exact");
  REQUIRE(found["found"] == kMatmul);
  REQUIRE(found["record"] == best["record"]);
  REQUIRE(found["config"] == best["config"]);
  const std::string record = absl::StrCat(found["record"].get<int64_t>());

  const RunResult near = Run({"query", "best", "--workload", kOther, "--json"});
  REQUIRE(near.exit_code == 0);
  REQUIRE(ObjectOf(near.out, "best")["match"] == "near");

  const RunResult history = Run({"query", "history", "--workload", kMatmul, "--json"});
  REQUIRE(history.exit_code == 0);
  REQUIRE(ObjectsOf(history.out, "record").size() == kTrials);
  for (const Json& row : ObjectsOf(history.out, "record")) REQUIRE(KeysOf(row) == DocumentedKeys("record"));

  const RunResult show = Run({"show", record, "--json"});
  REQUIRE(show.exit_code == 0);
  const Json shown = ObjectOf(show.out, "record");
  REQUIRE(shown["config"] == found["config"]);
  REQUIRE(absl::StrContains(shown["c"].get<std::string>(), "tunefarm_run"));
  REQUIRE(shown["samples_us"].size() >= 12);

  const RunResult replay = Run({"replay", record, "--json"});
  INFO(replay.out << replay.err);
  const Json again = ObjectOf(replay.out, "replay");
  REQUIRE(KeysOf(again) == DocumentedKeys("replay"));
  REQUIRE(again["task"] == kMatmul);
  REQUIRE(again["replayed_as"] > found["record"]);
  REQUIRE(again["now_median_us"] > 0);
  // On a machine in use it may well disagree; then the status says so.
  const std::string result = again["result"];
  REQUIRE(std::set<std::string>{"agrees", "machine_drifted", "disagrees"}.count(result) == 1);
  REQUIRE((replay.exit_code == 0) == (result != "disagrees"));
}

TEST_CASE_METHOD(Home, "TheSameCommandAfterADoneJobIsANewJobWithTheSameProposals") {
  std::map<std::pair<std::string, int>, std::string> configs[2];
  for (auto& of_run : configs) {
    const RunResult tuned = Run(TuneBoth(5));
    INFO(tuned.err);
    REQUIRE(tuned.exit_code == 0);
    REQUIRE(TrialsOf(tuned.out) == Budget(5));
    for (const Json& trial : ObjectsOf(tuned.out, "trial"))
      of_run[{trial["task"], trial["trial"]}] = trial["config"];
    const Json done = ObjectOf(tuned.out, "done");
    for (const Json& task : done["tasks"]) REQUIRE(IsLikely(task));
  }
  REQUIRE(configs[0] == configs[1]);
  const std::vector<db::Job> jobs = Jobs();
  REQUIRE(jobs.size() == 2);
  for (const db::Job& job : jobs) CheckComplete(database(), job.id, 2, 5);
}

TEST_CASE_METHOD(Home, "CtrlCStopsCleanlyAndTheCommandItPrintsMeasuresJustTheRest") {
  constexpr int kTrials = 12;
  RunningCommand tune(folder.path(), TuneBoth(kTrials));
  REQUIRE(Eventually([&] { return ObjectsOf(tune.out(), "trial").size() >= 4; }));
  tune.Signal(SIGINT);
  INFO(tune.err());
  REQUIRE(tune.AwaitExit() == static_cast<int>(ExitCode::kInterrupted));
  const Json interrupted = ObjectOf(tune.out(), "done");
  REQUIRE(interrupted["state"] == "interrupted");
  const Trials before = TrialsOf(tune.out());
  REQUIRE(before.size() < 2 * kTrials);
  const std::string job = interrupted["job"];
  REQUIRE(absl::StrContains(tune.err(), absl::StrCat("tunefarm tune --resume ", job)));

  const RunResult resumed = Run({"tune", "--resume", job, "--json"});
  INFO(resumed.err);
  REQUIRE(resumed.exit_code == 0);
  Trials all = TrialsOf(resumed.out);
  all.insert(before.begin(), before.end());
  REQUIRE(all == Budget(kTrials));
  const Json done = ObjectOf(resumed.out, "done");
  REQUIRE(done["job"] == job);
  for (const Json& task : done["tasks"]) {
    REQUIRE(task["trials"] == kTrials);
    REQUIRE(IsLikely(task));
  }
  CheckComplete(database(), job, 2, kTrials);
}

TEST_CASE_METHOD(Home, "AKilledCommandGoesOnWhereItWasWhenItIsGivenAgain") {
  constexpr int kTrials = 12;
  Trials seen;
  // At the first trial, and in the middle.
  for (const std::size_t until : {1, 4}) {
    RunningCommand tune(folder.path(), TuneBoth(kTrials));
    REQUIRE(Eventually([&] { return TrialsOf(tune.out()).size() >= until; }));
    tune.Kill();
    // Its children die with it.
    REQUIRE(Eventually([&] { return ProcessesOf(folder).empty(); }));
    const Trials now = TrialsOf(tune.out());
    seen.insert(now.begin(), now.end());
  }
  const RunResult resumed = Run(TuneBoth(kTrials));
  INFO(resumed.err);
  REQUIRE(resumed.exit_code == 0);
  const Trials now = TrialsOf(resumed.out);
  seen.insert(now.begin(), now.end());
  // A trial may have been recorded and not yet printed when the command died; none is printed twice.
  for (const auto& trial : seen) {
    INFO(trial.first << " trial " << trial.second);
    REQUIRE(seen.count(trial) == 1);
  }
  const std::vector<db::Job> jobs = Jobs();
  REQUIRE(jobs.size() == 1);
  CheckComplete(database(), jobs[0].id, 2, kTrials);
}

}  // namespace
}  // namespace tunefarm
