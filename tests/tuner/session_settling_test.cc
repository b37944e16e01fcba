// How a task's best is settled: by pairs against the default, or by estimates as they are.
#include "tests/tuner/session_run.h"

namespace tunefarm::tuner {

TEST_CASE("ConfirmedWinnerIsPublished") {
  const std::vector<std::shared_ptr<const FakeTask>> tasks = {FakeTask::Make()};
  auto session = Make(tasks, {.trials = 40, .strategy = "ga", .seed = 1});
  Log log;
  Run(*session, tasks, log, 2);
  REQUIRE_FALSE(session->finished());
  Confirm(*session, tasks);
  REQUIRE(session->finished());
  const v1::TaskSummary summary = session->Summary(0);
  const double default_us = tasks[0]->TimeUs(tasks[0]->space().default_config());
  const double best_us = tasks[0]->TimeUs(log.proposals[session->best_trial(0)].first.config);
  REQUIRE(summary.finished());
  REQUIRE(summary.trials() == 40);
  REQUIRE(summary.speedup() == Approx(default_us / best_us));
  REQUIRE(summary.default_gflops() == Approx(2.0 * 256 * 256 * 256 / default_us / 1e3));
  REQUIRE(summary.best_gflops() == Approx(2.0 * 256 * 256 * 256 / best_us / 1e3));
  REQUIRE_FALSE(summary.tie());
  REQUIRE(summary.finished_why().find("all 40 trials are done") != std::string::npos);
}

TEST_CASE("WinnersAreConfirmedLastWhereBuildsWouldDisturbThem") {
  const std::vector<std::shared_ptr<const FakeTask>> tasks = {FakeTask::Make(), FakeTask::Make()};
  auto session = Make(tasks, {.trials = 4, .strategy = "random", .seed = 1, .confirms_last = true});
  std::vector<Proposal> under_way = session->Propose(8);
  REQUIRE(under_way.size() == 8);
  // All of task 0 first.
  std::ranges::stable_sort(under_way, {}, &Proposal::task_index);
  for (const Proposal& proposal : under_way) {
    CHECK_FALSE(session->NextConfirmation().has_value());
    const Outcome outcome = tasks[proposal.task_index]->Measure(proposal.config);
    REQUIRE(session->Report(proposal.task_index, proposal.trial, outcome).ok());
  }
  Confirm(*session, tasks);
  CHECK(session->finished());
}

TEST_CASE("LossAgainstTheDefaultIsNeverPublished") {
  const auto task = FakeTask::Make();
  auto session = Make({task}, {.trials = 5, .strategy = "random", .seed = 1});
  // By luck of the moment all others seem faster than the default; the pairs say that they are slower.
  for (const Proposal& proposal : session->Propose(5)) {
    Outcome outcome = task->Measure(proposal.config);
    outcome.median_us = proposal.trial == 0 ? 100 : 90 + proposal.trial;
    REQUIRE(session->Report(0, proposal.trial, outcome).ok());
  }
  auto confirmation = session->NextConfirmation();
  REQUIRE(confirmation.has_value());
  REQUIRE(confirmation->kernels.size() == 5);
  REQUIRE(confirmation->kernels[0].trial == 0);
  REQUIRE_FALSE(session->NextConfirmation().has_value());  // Handed out once.
  ConfirmationOutcome outcome;
  outcome.samples_us.assign(5, std::vector<double>(20, 110));
  outcome.samples_us[0].assign(20, 100);
  REQUIRE(session->ReportConfirmation(0, outcome).ok());
  REQUIRE(session->best_trial(0) == 0);
  REQUIRE(session->Summary(0).tie());
  REQUIRE(session->Summary(0).speedup() == 1);
  REQUIRE(session->ReportConfirmation(0, outcome).code() == absl::StatusCode::kNotFound);
}

TEST_CASE("TooFewPairsDecideNothing") {
  const auto task = FakeTask::Make();
  auto session = Make({task}, {.trials = 6, .strategy = "random", .seed = 1});
  for (const Proposal& proposal : session->Propose(6)) {
    Outcome outcome = task->Measure(proposal.config);
    outcome.median_us = proposal.trial == 0 ? 200 : 90 + proposal.trial;
    REQUIRE(session->Report(0, proposal.trial, outcome).ok());
  }
  // Each time the slower half of the candidates is left out, which gives the others more rounds.
  for (const std::size_t kernels : {6, 3, 2}) {
    const auto confirmation = session->NextConfirmation();
    REQUIRE(confirmation.has_value());
    REQUIRE(confirmation->kernels.size() == kernels);
    REQUIRE(confirmation->kernels[1].trial == 1);
    ConfirmationOutcome outcome;
    outcome.samples_us.assign(kernels, std::vector<double>(3, 90));
    outcome.samples_us[0].assign(3, 200);
    REQUIRE(session->ReportConfirmation(0, outcome).ok());
  }
  REQUIRE(session->finished());
  REQUIRE(session->best_trial(0) == 1);
  REQUIRE_FALSE(session->Summary(0).tie());
  REQUIRE(session->Summary(0).finished_why().find("too few undisturbed pairs") != std::string::npos);
}

TEST_CASE("ATieOfPairsFarApartIsMeasuredAgain") {
  for (const bool calm_at_last : {true, false}) {
    const auto task = FakeTask::Make();
    auto session = Make({task}, {.trials = 5, .strategy = "random", .seed = 1});
    for (const Proposal& proposal : session->Propose(5)) {
      Outcome outcome = task->Measure(proposal.config);
      outcome.median_us = proposal.trial == 0 ? 100 : 90 + proposal.trial;
      REQUIRE(session->Report(0, proposal.trial, outcome).ok());
    }
    // Trial 3 is faster by a tenth in most rounds and slower in the others; trial 2 by less; of 1 and 4
    // nothing is to be expected. Half of the candidates stay, the fastest.
    std::vector<std::vector<double>> by_trial(5, std::vector<double>(20, 100));
    for (int round = 0; round < 20; ++round) {
      by_trial[3][round] = round % 3 == 2 ? 130 : 90;
      by_trial[2][round] = round % 3 == 2 ? 130 : 95;
    }
    std::vector<std::vector<int>> measured;
    for (int time = 0; time < 4 && !session->finished(); ++time) {
      const auto confirmation = session->NextConfirmation();
      REQUIRE(confirmation.has_value());
      if (calm_at_last && time == 2) by_trial[3].assign(20, 90);
      ConfirmationOutcome outcome;
      measured.emplace_back();
      for (const Proposal& kernel : confirmation->kernels) {
        measured.back().push_back(kernel.trial);
        outcome.samples_us.push_back(by_trial[kernel.trial]);
      }
      REQUIRE(session->ReportConfirmation(0, outcome).ok());
    }
    REQUIRE(session->finished());
    CHECK(measured[0] == std::vector<int>{0, 1, 2, 3, 4});
    CHECK(measured[1] == std::vector<int>{0, 3, 2});
    CHECK(measured[2] == std::vector<int>{0, 3});
    CHECK(measured.size() == (calm_at_last ? 3 : 4));
    CHECK(session->best_trial(0) == (calm_at_last ? 3 : 0));
    CHECK(session->Summary(0).tie() == !calm_at_last);
  }
}

TEST_CASE("SlowKernelsAreConfirmedWithFewerCandidates") {
  for (const double scale : {1., 1e4}) {
    const auto task = FakeTask::Make();
    auto session = Make({task}, {.trials = 6, .strategy = "random", .seed = 1});
    for (const Proposal& proposal : session->Propose(6)) {
      Outcome outcome = task->Measure(proposal.config);
      outcome.median_us = (proposal.trial == 0 ? 100 : 90 + proposal.trial) * scale;
      REQUIRE(session->Report(0, proposal.trial, outcome).ok());
    }
    const auto confirmation = session->NextConfirmation();
    REQUIRE(confirmation.has_value());
    if (scale == 1) {
      REQUIRE(confirmation->kernels.size() == 6);
      REQUIRE(confirmation->round_us == Approx(100 + 91 + 92 + 93 + 94 + 95));
    } else {  // A second each.
      REQUIRE(confirmation->kernels.size() == 2);
      REQUIRE(confirmation->round_us == Approx(191e4));
    }
  }
}

TEST_CASE("EstimatedTasksAreSettledWithoutMeasuringAgain") {
  for (const double band : {0.05, 1e6}) {
    const auto task = FakeTask::Make();
    const auto session = Make({task}, {.trials = 24, .strategy = "random", .seed = 1});
    while (!session->finished(0)) {
      for (const Proposal& proposal : session->Propose(8)) {
        Outcome outcome = task->Measure(proposal.config);
        outcome.estimated = true;
        outcome.error_band = band;
        outcome.cycle_model = "model/1";
        outcome.cycles = 120 * outcome.median_us;
        REQUIRE(session->Report(0, proposal.trial, outcome).ok());
      }
      CHECK_FALSE(session->NextConfirmation().has_value());
    }
    const v1::TaskSummary summary = session->Summary(0);
    INFO(summary.finished_why());
    CHECK(summary.estimated());
    CHECK(summary.cycle_model() == "model/1");
    CHECK(summary.error_band() == band);
    CHECK(summary.best_cycles() > 0);
    CHECK(summary.best_cycles() <= summary.default_cycles());
    CHECK(summary.speedup() == Approx(summary.default_cycles() / summary.best_cycles()));
    CHECK(summary.tie() == (summary.speedup() < 1 + band));
  }
}

TEST_CASE("FailingKernelIsDroppedFromTheConfirmation") {
  const auto task = FakeTask::Make();
  auto session = Make({task}, {.trials = 3, .strategy = "random", .seed = 1});
  for (const Proposal& proposal : session->Propose(3)) {
    Outcome outcome;
    outcome.ok = true;
    outcome.median_us = 100 - proposal.trial;
    REQUIRE(session->Report(0, proposal.trial, outcome).ok());
  }
  REQUIRE(session->NextConfirmation()->kernels.size() == 3);
  ConfirmationOutcome crash;
  crash.failure = v1::FAILURE_KIND_CRASH;
  crash.failed_kernel = 1;
  REQUIRE(session->ReportConfirmation(0, crash).ok());
  const auto again = session->NextConfirmation();
  REQUIRE(again->kernels.size() == 2);
  REQUIRE(again->kernels[1].trial == 1);
  // A farm that keeps failing ends it: single measurements whose intervals overlap leave the default.
  ConfirmationOutcome lost;
  lost.failure = v1::FAILURE_KIND_DEVICE_LOST;
  REQUIRE(session->ReportConfirmation(0, lost).ok());
  REQUIRE(session->NextConfirmation().has_value());
  REQUIRE(session->ReportConfirmation(0, lost).ok());
  REQUIRE(session->NextConfirmation().has_value());
  REQUIRE(session->ReportConfirmation(0, lost).ok());
  REQUIRE(session->finished(0));
  REQUIRE(session->best_trial(0) == 0);
  REQUIRE(session->Summary(0).finished_why().find("device_lost") != std::string::npos);
}

}  // namespace tunefarm::tuner
