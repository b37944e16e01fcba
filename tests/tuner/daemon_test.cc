#include "tuner/daemon.h"

#include <algorithm>
#include <atomic>
#include <optional>

#include "absl/strings/match.h"
#include "base/digest.h"
#include "base/exit_code.h"
#include "base/file.h"
#include "base/rng.h"
#include "tests/catch.h"
#include "tests/tuner/fake_farm.h"

namespace tunefarm::tuner {
namespace {

// A daemon on a database of its own, with builders that compile nothing and a farm that only pretends to
// measure. Kill() and Start() are a crash and a restart, as far as one process can tell: nothing survives but
// the database.
class TestDaemon {
 public:
  TestDaemon() : folder_(TempDir::Create().value()), builders_(2) { Start(); }

  void Start() {
    database_ = db::Database::Open(folder_.path() + "/log.db", db::Database::Mode::kReadWrite).value();
    const JobServices services{
        *database_,
        builders_,
        farm_,
        RealClock(),
        [this](const schedules::Task&, const schedules::Config& config) { return Build(config); },
        [](const schedules::Workload&) {
          return Artifact{Sha256Hex("output"), std::make_shared<const std::string>("output")};
        }};
    daemon_.emplace(services);
    REQUIRE(daemon_->Start().ok());
  }
  void Kill() {
    daemon_.reset();
    database_.reset();
  }

  Daemon& daemon() { return *daemon_; }
  FakeFarm& farm() { return farm_; }
  db::Database& database() { return *database_; }

  static v1::SubmitJobRequest Request(int trials, int tasks = 1, const std::string& token = "token") {
    v1::SubmitJobRequest request;
    request.set_client_token(token);
    for (int i = 0; i < tasks; ++i) {
      v1::TaskSpec* task = request.add_tasks();
      task->set_workload(absl::StrCat("matmul:m=", 64 * (i + 1), ",n=64,k=64,dtype=f32"));
      task->set_target("x86-64-v3");
    }
    request.mutable_options()->set_trials(static_cast<uint32_t>(trials));
    request.mutable_options()->set_strategy("random");
    request.mutable_options()->set_user("ada");
    return request;
  }

  // All events until the stream ends.
  std::vector<v1::JobEvent> WatchAll(const std::string& id) {
    std::vector<v1::JobEvent> events;
    watch_status_ = daemon_->Watch(id, 0, [&](const v1::JobEvent& event) {
      if (event.event_case() != v1::JobEvent::EVENT_NOT_SET && !event.has_progress()) events.push_back(event);
      return true;
    });
    return events;
  }
  absl::Status watch_status() const { return watch_status_; }

  std::atomic<bool> fail_builds{false};     // As of a candidate that does not compile.
  std::atomic<bool> break_builders{false};  // As of a full disk.

 private:
  absl::StatusOr<Kernel> Build(const schedules::Config& config) {
    if (break_builders) return absl::ResourceExhaustedError("no disk space left to compile in");
    Kernel kernel;
    kernel.toolchain = "test compiler";
    if (fail_builds) {
      kernel.failure.set_kind(v1::FAILURE_KIND_COMPILE);
      kernel.failure.set_message("refused");
      return kernel;
    }
    std::string code;
    for (const uint16_t choice : config.choice) absl::StrAppend(&code, choice, ",");
    kernel.digest = Sha256Hex(code);
    kernel.object = std::make_shared<const std::string>(code);
    return kernel;
  }

  TempDir folder_;
  FakeFarm farm_;
  BuilderPool builders_;
  std::unique_ptr<db::Database> database_;
  std::optional<Daemon> daemon_;
  absl::Status watch_status_;
};

// Every trial of every task recorded exactly once, under consecutive numbers, with an event each; nothing
// measured twice.
void CheckComplete(TestDaemon& t, const std::string& id, int tasks, int trials) {
  CHECK(t.database().OpenProposals(id)->empty());
  std::set<std::pair<uint32_t, uint32_t>> announced;
  int ends = 0;
  for (const v1::JobEvent& event : t.WatchAll(id)) {
    if (event.has_trial()) {
      CHECK(announced.insert({event.trial().task_index(), event.trial().trial()}).second);
    }
    if (event.has_done()) {
      ++ends;
      CHECK(event.done().state() == v1::JOB_STATE_DONE);
      REQUIRE(event.done().tasks_size() == tasks);
      for (const v1::TaskSummary& task : event.done().tasks()) {
        CHECK(task.finished());
        CHECK(task.trials() == static_cast<uint32_t>(trials));
        CHECK(task.speedup() >= 1);
        CHECK(task.record() > 0);
      }
    }
  }
  CHECK(ends == 1);
  CHECK(announced.size() == static_cast<std::size_t>(tasks * trials));
  for (int task = 0; task < tasks; ++task) {
    const std::vector<db::Record> records = t.database().JobRecords(id, task).value();
    REQUIRE(records.size() == static_cast<std::size_t>(trials));
    std::set<std::string> configs;
    for (int i = 0; i < trials; ++i) {
      CHECK(records[static_cast<std::size_t>(i)].trial == i);
      CHECK(records[static_cast<std::size_t>(i)].device_class == "test-class");
      configs.insert(records[static_cast<std::size_t>(i)].config);
    }
    CHECK(configs.size() == static_cast<std::size_t>(trials));
  }
  for (const auto& [work, times] : t.farm().measured()) {
    INFO(work);
    CHECK(times == 1);
  }
}

TEST_CASE("JobRunsToItsEnd") {
  TestDaemon t;
  const std::string id = t.daemon().Submit(TestDaemon::Request(12, 2)).value();
  t.WatchAll(id);
  CHECK(t.watch_status().ok());
  CheckComplete(t, id, 2, 12);
  CHECK(t.daemon().List(id)->jobs(0).state() == v1::JOB_STATE_DONE);
  CHECK(t.daemon().List(id)->jobs(0).trials_done() == 24);
}

TEST_CASE("WinnerIsConfirmedByOneInterleavedMeasurementWithTheDefault") {
  TestDaemon t;
  const std::string id = t.daemon().Submit(TestDaemon::Request(12)).value();
  const v1::JobEvent end = t.WatchAll(id).back();
  REQUIRE(end.has_done());
  const v1::TaskSummary& task = end.done().tasks(0);
  const db::Record best = t.database().FindRecord(task.record()).value();
  CHECK((best.confirmed || best.trial == 0));
  CHECK(best.config == task.best_config());
  CHECK(t.farm().measured().contains(id + "/0/confirm.0"));
}

TEST_CASE("KilledAtAnyMomentJobEndsCompleteWithNothingTwice") {
  Rng rng(7);
  for (int round = 0; round < 4; ++round) {
    TestDaemon t;
    const std::string id = t.daemon().Submit(TestDaemon::Request(24, 2)).value();
    for (int kill = 0; kill < 5; ++kill) {
      t.farm().AwaitMeasured(rng.Uniform(40));
      t.Kill();
      t.Start();
    }
    t.WatchAll(id);
    CheckComplete(t, id, 2, 24);
  }
}

TEST_CASE("ResultsThatCameWhileTheDaemonWasDeadAreRecorded") {
  TestDaemon t;
  t.farm().set_held(true);
  const std::string id = t.daemon().Submit(TestDaemon::Request(6)).value();
  t.farm().AwaitWaiting(4);
  t.Kill();
  t.farm().set_held(false);
  const std::size_t measured = t.farm().measured().size();
  CHECK(measured >= 4);
  t.Start();
  t.WatchAll(id);
  CheckComplete(t, id, 1, 6);
}

TEST_CASE("TrackerThatIsDownIsWaitedFor") {
  TestDaemon t;
  t.farm().set_down(true);
  const std::string id = t.daemon().Submit(TestDaemon::Request(6)).value();
  std::string reason;
  REQUIRE(t.daemon()
              .Watch(id, 0,
                     [&](const v1::JobEvent& event) {
                       if (event.has_progress()) reason = event.progress().waiting_for();
                       return !absl::StrContains(reason, "the fake tracker is down");
                     })
              .ok());
  CHECK(absl::StrContains(reason, "the fake tracker is down"));
  t.farm().set_down(false);
  t.WatchAll(id);
  CheckComplete(t, id, 1, 6);
}

TEST_CASE("WorkThatTheTrackerForgotIsSentAgain") {
  TestDaemon t;
  t.farm().set_held(true);
  const std::string id = t.daemon().Submit(TestDaemon::Request(6)).value();
  t.farm().AwaitWaiting(4);
  t.farm().LoseState();
  t.farm().set_held(false);
  t.WatchAll(id);
  CheckComplete(t, id, 1, 6);
}

TEST_CASE("JobWithoutADeviceWaitsAndSaysWhatIsMissing") {
  TestDaemon t;
  t.farm().set_has_device(false);
  const std::string id = t.daemon().Submit(TestDaemon::Request(4)).value();
  std::string reason;
  REQUIRE(t.daemon()
              .Watch(id, 0,
                     [&](const v1::JobEvent& event) {
                       if (event.has_progress()) reason = event.progress().waiting_for();
                       return reason.empty();
                     })
              .ok());
  CHECK(absl::StrContains(reason, "avx2"));
  t.farm().set_has_device(true);
  t.WatchAll(id);
  CheckComplete(t, id, 1, 4);
}

TEST_CASE("CancelledJobIsTakenBackAndResumed") {
  TestDaemon t;
  const std::string id = t.daemon().Submit(TestDaemon::Request(30)).value();
  t.farm().AwaitMeasured(5);
  t.farm().set_held(true);
  t.farm().AwaitWaiting(1);
  REQUIRE(t.daemon().Cancel(id).ok());
  const v1::JobEvent end = t.WatchAll(id).back();
  REQUIRE(end.has_done());
  CHECK(end.done().state() == v1::JOB_STATE_CANCELLED);
  CHECK(t.farm().waiting() == 0);
  CHECK(t.database().FindJob(id)->state == db::JobState::kCancelled);
  const std::vector<db::Record> cut_short = t.database().JobRecords(id, 0).value();
  for (const db::Record& record : cut_short) CHECK(record.ok());
  CHECK(t.daemon().Cancel(id).ok());
  t.farm().set_held(false);
  REQUIRE(t.daemon().Resume(id).ok());
  t.WatchAll(id);
  CheckComplete(t, id, 1, 30);
  CHECK(absl::IsFailedPrecondition(t.daemon().Resume(id)));
  // The end by cancellation is history: a watcher is told one end, the last.
  t.Kill();
  t.Start();
  const std::vector<v1::JobEvent> again = t.WatchAll(id);
  REQUIRE_FALSE(again.empty());
  CHECK(again.back().done().state() == v1::JOB_STATE_DONE);
  CHECK(std::count_if(again.begin(), again.end(),
                      [](const v1::JobEvent& event) { return event.has_done(); }) == 1);
}

TEST_CASE("SubmittingAgainWithTheSameTokenGivesTheSameJob") {
  TestDaemon t;
  const std::string id = t.daemon().Submit(TestDaemon::Request(4)).value();
  CHECK(t.daemon().Submit(TestDaemon::Request(4)).value() == id);
  CHECK(t.daemon().Submit(TestDaemon::Request(4, 1, "another")).value() != id);
  CHECK(t.daemon().List("")->jobs_size() == 2);
}

TEST_CASE("CandidatesThatDoNotCompileAreRecordedAndTheJobFails") {
  TestDaemon t;
  t.fail_builds = true;
  const std::string id = t.daemon().Submit(TestDaemon::Request(6)).value();
  const std::vector<v1::JobEvent> events = t.WatchAll(id);
  REQUIRE(events.back().has_done());
  CHECK(events.back().done().state() == v1::JOB_STATE_FAILED);
  CHECK(t.farm().measured().empty());
  const std::vector<db::Record> records = t.database().JobRecords(id, 0).value();
  CHECK(!records.empty());
  for (const db::Record& record : records)
    CHECK(record.measurement.failure().kind() == v1::FAILURE_KIND_COMPILE);
}

TEST_CASE("BuildersWithoutDiskCostNoTrial") {
  TestDaemon t;
  t.break_builders = true;
  const std::string id = t.daemon().Submit(TestDaemon::Request(4)).value();
  std::string reason;
  REQUIRE(t.daemon()
              .Watch(id, 0,
                     [&](const v1::JobEvent& event) {
                       if (event.has_progress()) reason = event.progress().waiting_for();
                       return reason.empty();
                     })
              .ok());
  CHECK(absl::StrContains(reason, "no disk space left"));
  t.break_builders = false;
  t.WatchAll(id);
  CheckComplete(t, id, 1, 4);
}

TEST_CASE("WatchCanBeginAnywhere") {
  TestDaemon t;
  const std::string id = t.daemon().Submit(TestDaemon::Request(6)).value();
  const std::vector<v1::JobEvent> all = t.WatchAll(id);
  REQUIRE(all.size() > 4);
  std::vector<uint64_t> rest;
  REQUIRE(t.daemon()
              .Watch(id, all[2].sequence(),
                     [&](const v1::JobEvent& event) {
                       if (event.sequence() > 0) rest.push_back(event.sequence());
                       return true;
                     })
              .ok());
  REQUIRE(rest.size() == all.size() - 3);
  for (std::size_t i = 0; i < rest.size(); ++i) CHECK(rest[i] == all[i + 3].sequence());
}

TEST_CASE("BadJobsAreRefusedByName") {
  TestDaemon t;
  const auto refused = [&](const std::function<void(v1::SubmitJobRequest&)>& change) {
    v1::SubmitJobRequest request = TestDaemon::Request(4);
    change(request);
    return t.daemon().Submit(request).status();
  };
  CHECK(absl::IsInvalidArgument(refused([](auto& r) { r.clear_tasks(); })));
  CHECK(absl::IsInvalidArgument(refused([](auto& r) { r.mutable_options()->set_strategy("guess"); })));
  CHECK(absl::IsInvalidArgument(refused([](auto& r) { r.mutable_options()->set_user("a b"); })));
  CHECK(ExitCodeOf(refused([](auto& r) { r.mutable_tasks(0)->set_target("pdp-11"); })) ==
        ExitCode::kUnknownTarget);
  CHECK(ExitCodeOf(refused([](auto& r) { r.mutable_tasks(0)->set_target("/etc/passwd"); })) ==
        ExitCode::kUnknownTarget);
  CHECK(ExitCodeOf(refused([](auto& r) { r.mutable_tasks(0)->set_workload("matmul:m=4,n="); })) ==
        ExitCode::kBadWorkload);
  const absl::Status compiler = refused([](auto& r) {
    schedules::Target target = schedules::FindTarget("x86-64-v3").value();
    target.compiler = "no-such-gcc";
    r.mutable_tasks(0)->set_target(target.ToJson());
  });
  CHECK(ExitCodeOf(compiler) == ExitCode::kMissingCompiler);
  const absl::Status flag = refused([](auto& r) {
    schedules::Target target = schedules::FindTarget("x86-64-v3").value();
    target.flags.push_back("-fplugin=evil.so");
    r.mutable_tasks(0)->set_target(target.ToJson());
  });
  CHECK(absl::IsInvalidArgument(flag));
  CHECK(t.daemon().List("")->jobs().empty());
}

TEST_CASE("TwoUsersJobsBothProgress") {
  TestDaemon t;
  v1::SubmitJobRequest other = TestDaemon::Request(20, 1, "second");
  other.mutable_options()->set_user("bob");
  const std::string first = t.daemon().Submit(TestDaemon::Request(20)).value();
  const std::string second = t.daemon().Submit(other).value();
  t.WatchAll(first);
  t.WatchAll(second);
  CheckComplete(t, first, 1, 20);
  CheckComplete(t, second, 1, 20);
}

}  // namespace
}  // namespace tunefarm::tuner
