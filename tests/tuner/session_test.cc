#include "tuner/session.h"

#include <map>
#include <set>
#include <string>
#include <utility>

#include "schedules/target.h"
#include "schedules/workload.h"
#include "tests/catch.h"
#include "tests/tuner/fake_task.h"
#include "tests/tuner/session_run.h"

namespace tunefarm::tuner {
namespace {

using schedules::Config;

Outcome Failed(v1::FailureKind kind) {
  Outcome outcome;
  outcome.failure = kind;
  outcome.message = "no such instruction";
  return outcome;
}

}  // namespace

TEST_CASE("DefaultIsTrialZeroAndNoConfigComesTwice") {
  const auto task = FakeTask::Make();
  for (const char* strategy : {"random", "grid", "ga", "xgb"}) {
    INFO(strategy);
    auto session = Make({task}, {.trials = 60, .strategy = strategy, .seed = 3});
    Log log;
    Run(*session, {task}, log, 4);
    REQUIRE(log.proposals.size() == 60);
    REQUIRE(log.proposals[0].first.config == task->space().default_config());
    std::set<std::string> distinct;
    for (std::size_t i = 0; i < log.proposals.size(); ++i) {
      REQUIRE(log.proposals[i].first.trial == static_cast<int>(i));
      REQUIRE(log.proposals[i].first.config_text == task->space().ToText(log.proposals[i].first.config));
      REQUIRE(task->space().IsLegal(log.proposals[i].first.config));
      distinct.insert(log.proposals[i].first.config_text);
    }
    REQUIRE(distinct.size() == 60);
  }
}

TEST_CASE("SameSeedAndOrderGiveTheSameSession") {
  const auto task = FakeTask::Make();
  for (const char* strategy : {"random", "grid", "ga", "xgb"}) {
    INFO(strategy);
    Log a, b;
    Run(*Make({task}, {.trials = 50, .strategy = strategy, .seed = 9}), {task}, a, 3);
    Run(*Make({task}, {.trials = 50, .strategy = strategy, .seed = 9}), {task}, b, 3);
    REQUIRE(Texts(a) == Texts(b));
  }
}

TEST_CASE("ModelFindsBetterConfigsThanRandomPicks") {
  const auto task = FakeTask::Make();
  // Of 60 seeds the ratio is 0.89. Six are too few: a constant feature more moved theirs from below 0.8 to
  // 0.84.
  constexpr int kSeeds = 24;
  double xgb = 0, random = 0, accuracy = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    for (const bool with_model : {true, false}) {
      auto session = Make({task}, {.trials = 48, .strategy = with_model ? "xgb" : "random", .seed = seed});
      Log log;
      Run(*session, {task}, log, 4);
      (with_model ? xgb : random) += task->TimeUs(log.proposals[session->best_trial(0)].first.config);
      if (with_model) accuracy += session->Summary(0).model_pairwise_accuracy() / kSeeds;
    }
  }
  INFO(xgb << " " << random << " " << accuracy);
  REQUIRE(xgb < 0.95 * random);
  REQUIRE(accuracy > 0.65);
}

TEST_CASE("RestoredSessionGoesOnWhereItWasKilled") {
  const std::vector<std::shared_ptr<const FakeTask>> tasks = {FakeTask::Make(256), FakeTask::Make(512)};
  for (const char* strategy : {"random", "grid", "ga", "xgb"}) {
    const SessionOptions options{.trials = 24, .strategy = strategy, .seed = 4};
    Log whole;
    Run(*Make(tasks, options), tasks, whole, 1);
    for (int kill = 0; kill <= 48; kill += 7) {
      for (const int depth : {1, 5}) {
        INFO(strategy << " killed after " << kill << " reports, " << depth << " at a time");
        Log log;
        {
          auto first = Make(tasks, options);
          Run(*first, tasks, log, depth, kill, kill);
        }
        auto second = Make(tasks, options);
        std::map<std::pair<int, int>, std::pair<Proposal, bool>> stored;
        for (const auto& entry : log.proposals) stored[{entry.first.task_index, entry.first.trial}] = entry;
        std::set<std::pair<int, int>> open;
        for (const auto& [key, entry] : stored) {
          std::optional<Outcome> outcome;
          if (entry.second) outcome = tasks[key.first]->Measure(entry.first.config);
          if (!entry.second) open.insert(key);
          REQUIRE(second->Restore(key.first, key.second, entry.first.config_text, outcome).ok());
        }
        std::set<std::pair<int, int>> outstanding;
        for (const Proposal& proposal : second->Outstanding()) {
          outstanding.insert({proposal.task_index, proposal.trial});
        }
        REQUIRE(outstanding == open);
        Run(*second, tasks, log, depth);
        // Every trial once, each with an outcome, no config of a task twice.
        std::map<int, std::set<std::string>> configs;
        for (const auto& [proposal, done] : log.proposals) {
          REQUIRE(done);
          configs[proposal.task_index].insert(proposal.config_text);
        }
        REQUIRE(log.proposals.size() == 48);
        REQUIRE(configs[0].size() == 24);
        REQUIRE(configs[1].size() == 24);
        // Without a model, which is trained at other moments after a crash, even the trials are the same.
        if (depth == 1 && std::string(strategy) != "xgb") REQUIRE(Texts(log) == Texts(whole));
      }
    }
  }
}

TEST_CASE("RestoreRefusesWhatDoesNotBelong") {
  const auto task = FakeTask::Make();
  auto session = Make({task}, {.trials = 8, .strategy = "random"});
  const std::string text = task->space().ToText(task->space().default_config());
  REQUIRE(session->Restore(0, 0, text, std::nullopt).ok());
  REQUIRE(session->Restore(0, 0, text, std::nullopt).code() == absl::StatusCode::kInvalidArgument);
  REQUIRE(session->Restore(0, 1, text, std::nullopt).code() == absl::StatusCode::kInvalidArgument);
  REQUIRE(session->Restore(0, 1, "tm=3", std::nullopt).code() == absl::StatusCode::kInvalidArgument);
  REQUIRE(session->Restore(1, 0, text, std::nullopt).code() == absl::StatusCode::kNotFound);
}

TEST_CASE("ReportsAreTakenOnce") {
  const auto task = FakeTask::Make();
  auto session = Make({task}, {.trials = 8, .strategy = "random"});
  const Proposal proposal = session->Propose(1).at(0);
  REQUIRE(session->Report(0, 7, task->Measure(proposal.config)).code() == absl::StatusCode::kNotFound);
  REQUIRE(session->Report(0, 0, task->Measure(proposal.config)).ok());
  REQUIRE(session->Report(0, 0, task->Measure(proposal.config)).code() == absl::StatusCode::kAlreadyExists);
}

TEST_CASE("TaskWhoseFirstTrialsAllFailAlikeEndsAndSaysWhy") {
  const std::vector<std::shared_ptr<const FakeTask>> tasks = {FakeTask::Make(), FakeTask::Make(512)};
  auto session = Make(tasks, {.trials = 100, .strategy = "xgb", .seed = 1});
  int broken_trials = 0;
  for (int i = 0; i < 40; ++i) {
    for (const Proposal& proposal : session->Propose(1)) {
      const bool broken = proposal.task_index == 0;
      broken_trials += broken;
      REQUIRE(session
                  ->Report(proposal.task_index, proposal.trial,
                           broken ? Failed(v1::FAILURE_KIND_COMPILE) : tasks[1]->Measure(proposal.config))
                  .ok());
    }
  }
  REQUIRE(broken_trials == 8);
  REQUIRE(session->finished(0));
  REQUIRE_FALSE(session->finished(1));
  const v1::TaskSummary summary = session->Summary(0);
  REQUIRE(summary.failures() == 8);
  REQUIRE(summary.finished_why().find("compile: no such instruction") != std::string::npos);
  REQUIRE(session->best_trial(0) == -1);
  const auto notices = session->TakeNotices();
  REQUIRE(notices.size() == 1);
  REQUIRE(notices[0].severity() == v1::Notice::ERROR);
  REQUIRE(session->TakeNotices().empty());
}

TEST_CASE("EarlyStoppingEndsATaskWithoutImprovement") {
  const auto task = FakeTask::Make();
  auto session = Make({task}, {.trials = 100, .strategy = "random", .seed = 1, .early_stopping = 10});
  int trials = 0;
  for (;; ++trials) {
    const auto proposals = session->Propose(1);
    if (proposals.empty()) break;
    Outcome outcome;
    outcome.ok = true;
    outcome.median_us = trials == 5 ? 50 : 100;
    REQUIRE(session->Report(0, trials, outcome).ok());
  }
  REQUIRE(trials == 16);
  REQUIRE(session->Summary(0).finished_why().find("no improvement in the last 10 trials") !=
          std::string::npos);
}

TEST_CASE("InfrastructureFailuresDoNotTrainTheModel") {
  const auto task = FakeTask::Make();
  auto session = Make({task}, {.trials = 100, .strategy = "xgb", .seed = 1});
  for (const Proposal& proposal : session->Propose(17)) {
    // One success so that the task goes on; the others say nothing of their kernels.
    REQUIRE(session
                ->Report(0, proposal.trial,
                         proposal.trial == 0 ? task->Measure(proposal.config)
                                             : Failed(v1::FAILURE_KIND_DEVICE_LOST))
                .ok());
  }
  REQUIRE(session->StartRefit() == nullptr);
}

TEST_CASE("TheModelIsTrainedAfterEveryEightOutcomesOfAYoungJob") {
  const auto task = FakeTask::Make();
  auto session = Make({task}, {.trials = 100, .strategy = "xgb", .seed = 1});
  for (int outcomes = 1; outcomes <= 24; ++outcomes) {
    const Proposal proposal = session->Propose(1).at(0);
    REQUIRE(session->Report(0, proposal.trial, task->Measure(proposal.config)).ok());
    auto work = session->StartRefit();
    REQUIRE((work != nullptr) == (outcomes % 8 == 0));
    if (work == nullptr) continue;
    work->Run();
    REQUIRE(session->FinishRefit(std::move(work)).ok());
  }
}

TEST_CASE("ReplayMeasuresTheGivenConfigsAndNothingElse") {
  const auto task = FakeTask::Make();
  const std::vector<std::string> configs = {"tm=2,tn=2,tk=8,tb=1,order=mn", "tm=4,tn=4,tk=64,tb=2,order=nm",
                                            "tm=2,tn=2,tk=8,tb=1,order=mn"};
  auto session = *JobSession::Create({{task, 1, configs}}, {.trials = 50, .strategy = "random"});
  const auto proposals = session->Propose(10);
  REQUIRE(proposals.size() == 2);
  REQUIRE(session->Summary(0).trials_planned() == 2);
  for (const Proposal& proposal : proposals) {
    REQUIRE(proposal.config_text == configs[proposal.trial]);
    REQUIRE(session->Report(0, proposal.trial, task->Measure(proposal.config)).ok());
  }
  REQUIRE(session->Propose(1).empty());
  REQUIRE_FALSE(session->NextConfirmation().has_value());
  REQUIRE(session->finished());
  REQUIRE(session->best_trial(0) == 1);
}

TEST_CASE("BadJobIsRefusedByName") {
  const auto task = FakeTask::Make();
  const auto why = [&](std::vector<std::string> configs, SessionOptions options) {
    return std::string(
        JobSession::Create({{task, 1, std::move(configs)}}, std::move(options)).status().message());
  };
  REQUIRE(why({}, {.strategy = "magic"}).find("magic") != std::string::npos);
  REQUIRE(why({"tm=32,tn=32,tk=1,tb=1,order=mn"}, {}).find("too large") != std::string::npos);
  REQUIRE(why({"tm=5"}, {}).find("tm=5") != std::string::npos);
  REQUIRE(why({}, {.start_model = "junk"}).find("not a cost model") != std::string::npos);
  REQUIRE(why({}, {.trials = 0}).find("trials") != std::string::npos);
}

TEST_CASE("TrialsOfATaskAreDifferentKernels") {
  for (const char* text : {"conv2d:n=1,h=14,w=14,ci=256,co=1024,kh=1,kw=1,layout=nhwc,epilogue=bias+relu",
                           "depthwise_conv2d:n=1,h=14,w=14,c=96,kh=3,kw=3,pad=1,layout=nhwc"}) {
    INFO(text);
    const std::shared_ptr<const schedules::Task> task =
        *schedules::Task::Create(*schedules::Workload::Parse(text), *schedules::FindTarget("x86-64-v3"));
    std::vector<SessionTask> tasks(1);
    tasks[0].task = task;
    auto session = *JobSession::Create(std::move(tasks), {.trials = 64, .strategy = "xgb", .seed = 1});
    std::set<std::string> sources;
    int trials = 0;
    for (;;) {
      const std::vector<Proposal> proposals = session->Propose(8);
      if (proposals.empty()) break;
      for (const Proposal& proposal : proposals) {
        const absl::StatusOr<schedules::KernelSource> source = task->Generate(proposal.config);
        REQUIRE(source.ok());
        std::string c = source->c;
        while (c.rfind("//", 0) == 0) c = c.substr(c.find('\n') + 1);
        for (const std::string& flag : source->flags) c += flag;
        CHECK(sources.insert(c).second);
        Outcome outcome;
        outcome.ok = true;
        outcome.median_us = 100 + (trials * 37) % 50;
        REQUIRE(session->Report(0, proposal.trial, outcome).ok());
        ++trials;
      }
      Refit(*session);
    }
    CHECK(trials == 64);
  }
}

TEST_CASE("TwinsAreKnownByTheirDigest") {
  const auto task = FakeTask::Make();
  auto session = Make({task}, {.trials = 4, .strategy = "random", .seed = 1});
  const auto proposals = session->Propose(4);
  for (int i = 0; i < 3; ++i) {
    Outcome outcome = task->Measure(proposals[i].config);
    outcome.median_us = 100 - i;
    outcome.kernel_digest = i == 2 ? "same" : i == 1 ? "same" : "default";
    REQUIRE(session->Report(0, i, outcome).ok());
  }
  REQUIRE(session->FindTwin(0, "same") == 1);
  REQUIRE_FALSE(session->FindTwin(0, "other").has_value());
  REQUIRE_FALSE(session->FindTwin(0, "").has_value());
  REQUIRE(session->Report(0, 3, Failed(v1::FAILURE_KIND_CRASH)).ok());
  REQUIRE(session->NextConfirmation()->kernels.size() == 2);  // Twins are not compared with each other.
}

TEST_CASE("StoppedTaskIsFinishedAtOnce") {
  const auto task = FakeTask::Make();
  auto session = Make({task}, {.trials = 40, .strategy = "random", .seed = 1});
  const auto proposals = session->Propose(4);
  REQUIRE(session->Report(0, 0, task->Measure(proposals[0].config)).ok());
  session->Stop(0, "cancelled");
  REQUIRE(session->finished());
  REQUIRE(session->Propose(4).empty());
  REQUIRE_FALSE(session->NextConfirmation().has_value());
  REQUIRE(session->best_trial(0) == 0);
  REQUIRE(session->Summary(0).finished_why() == "cancelled");
}

TEST_CASE("AllTasksShareTheTrialsEvenlyAtFirst") {
  const std::vector<std::shared_ptr<const FakeTask>> tasks = {FakeTask::Make(64), FakeTask::Make(128),
                                                              FakeTask::Make(256)};
  auto session = Make(tasks, {.trials = 20, .strategy = "random", .seed = 1});
  std::map<int, int> count;
  for (const Proposal& proposal : session->Propose(24)) ++count[proposal.task_index];
  REQUIRE(count == std::map<int, int>{{0, 8}, {1, 8}, {2, 8}});
  // Budgets hold for each task.
  for (const Proposal& proposal : session->Propose(1000)) ++count[proposal.task_index];
  REQUIRE(count == std::map<int, int>{{0, 20}, {1, 20}, {2, 20}});
}

TEST_CASE("SavedModelStartsAnotherJob") {
  const auto task = FakeTask::Make(256), other = FakeTask::Make(512);
  auto teacher = Make({task}, {.trials = 100, .strategy = "xgb", .seed = 1});
  REQUIRE(teacher->SaveModel().empty());
  Log log;
  Run(*teacher, {task}, log, 4);
  const std::string model = teacher->SaveModel();
  REQUIRE_FALSE(model.empty());
  double with = 0, without = 0;
  for (uint64_t seed = 0; seed < 5; ++seed) {
    for (const bool transfer : {true, false}) {
      auto session = Make(
          {other}, {.trials = 10, .strategy = "xgb", .seed = seed, .start_model = transfer ? model : ""});
      Log trials;
      Run(*session, {other}, trials);
      (transfer ? with : without) += other->TimeUs(trials.proposals[session->best_trial(0)].first.config);
    }
  }
  REQUIRE(with < 0.8 * without);
}

TEST_CASE("WhatOneTaskFindsItsTwinTriesNext") {
  // Of the same shape but for the epilogue, so that the best config is the same.
  const auto plain = FakeTask::Make();
  const auto twin = std::make_shared<const FakeTask>(
      *schedules::Workload::Parse("matmul:m=256,n=256,k=256,dtype=f32,epilogue=bias"));
  auto session = Make({plain, twin}, {.trials = 40, .strategy = "xgb", .seed = 2});
  const std::string best = "tm=4,tn=4,tk=64,tb=2,order=nm";
  // The first task has found the optimum; the twin has only its default.
  Outcome slow = plain->Measure(plain->space().default_config());
  REQUIRE(session->Restore(0, 0, plain->space().ToText(plain->space().default_config()), slow).ok());
  REQUIRE(session->Restore(0, 1, best, plain->Measure(*plain->space().FromText(best))).ok());
  REQUIRE(session->Restore(1, 0, twin->space().ToText(twin->space().default_config()), slow).ok());
  bool tried = false;
  for (const Proposal& proposal : session->Propose(8)) {
    tried = tried || (proposal.task_index == 1 && proposal.config_text == best);
  }
  REQUIRE(tried);
}

TEST_CASE("HintsOfATaskAreItsFirstTrialsAfterTheDefault") {
  const auto task = FakeTask::Make();
  const std::string hint = "tm=4,tn=4,tk=64,tb=2,order=nm";
  for (const char* strategy : {"xgb", "random"}) {
    auto session =
        *JobSession::Create({{task, 1, {}, {hint}}}, {.trials = 8, .strategy = strategy, .seed = 5});
    const std::vector<Proposal> proposals = session->Propose(2);
    REQUIRE(proposals.size() == 2);
    REQUIRE(proposals[0].config == task->space().default_config());
    // A strategy without a model is a baseline, and gets no help.
    REQUIRE((proposals[1].config_text == hint) == (std::string(strategy) == "xgb"));
  }
}

}  // namespace tunefarm::tuner
