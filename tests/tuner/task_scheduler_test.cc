#include "tuner/task_scheduler.h"

#include "tests/catch.h"
#include "tests/tuner/fake_task.h"

namespace tunefarm::tuner {
namespace {

// A history of these times, in order; 0 is a failure.
TaskHistory Times(const FakeTask& task, const std::vector<double>& times) {
  TaskHistory history(task.space());
  Rng rng(1);
  for (double us : times) {
    while (!history.Add(history.next_trial(), task.space().Sample(rng))) {
    }
    Outcome outcome;
    outcome.ok = us > 0;
    outcome.median_us = us;
    history.Complete(history.next_trial() - 1, outcome);
  }
  return history;
}

}  // namespace

TEST_CASE("EveryTaskGetsItsMinimumFirst") {
  REQUIRE(NextTask({{true, 1, 3, 10, 0.5}, {true, 100, 2, 1000, 0.5}, {true, 1, 3, 10, 0}}) == 1);
  REQUIRE(NextTask({{true, 1, 3, 10, 0}, {true, 100, 50, 1000, 0.5}}) == 0);
}

TEST_CASE("TrialsGoWhereTheyPromiseMostTime") {
  // 2 * 100 us * 0.01 a trial against 1 * 150 us * 0.01.
  REQUIRE(NextTask({{true, 1, 20, 150, 0.01}, {true, 2, 20, 100, 0.01}}) == 1);
  REQUIRE(NextTask({{true, 1, 20, 150, 0.02}, {true, 2, 20, 100, 0.01}}) == 0);
}

TEST_CASE("TaskWithoutGainIsCreditedLessTheMoreTrialsItHad") {
  REQUIRE(NextTask({{true, 1, 20, 100, 0}, {true, 1, 40, 100, 0}}) == 0);
  REQUIRE(NextTask({{true, 1, 60, 100, 0}, {true, 1, 40, 100, 0}}) == 1);
}

TEST_CASE("ClosedTasksGetNothing") {
  REQUIRE(NextTask({{false, 1, 0, 0, 0}, {true, 1, 99, 1, 0}}) == 1);
  REQUIRE(NextTask({{false, 1, 0, 0, 0}}) == -1);
  REQUIRE(NextTask({}) == -1);
}

TEST_CASE("GainIsWhatTheLatestSixteenTrialsBrought") {
  const auto task = FakeTask::Make();
  std::vector<double> times(4, 200);
  times.insert(times.end(), 15, 300);
  times.push_back(100);
  REQUIRE(RecentGain(Times(*task, times)) == Approx(1.0 / 16));
  times.insert(times.end(), 16, 150);
  REQUIRE(RecentGain(Times(*task, times)) == 0);
  REQUIRE(RecentGain(Times(*task, {})) == 0);
  REQUIRE(RecentGain(Times(*task, {0, 0})) == 0);
  REQUIRE(RecentGain(Times(*task, {100, 0, 50, 50})) == Approx(1.0 / 4));
}

}  // namespace tunefarm::tuner
