#include "cli/job_model.h"

#include "tests/catch.h"
#include "tests/cli/events.h"

namespace tunefarm::cli {

TEST_CASE("TasksWaitBeforeTheirFirstTrial") {
  const JobModel model({kConv, kMatmul}, 8);
  REQUIRE(model.tasks().size() == 2);
  CHECK(TaskState(model.tasks()[1].summary) == "waiting");
  CHECK(model.trials_planned() == 16);
  CHECK(model.trials_done() == 0);
}

TEST_CASE("TrialsCountOnceHoweverOftenTheStreamRepeatsThem") {
  JobModel model({kConv}, 8);
  const v1::JobEvent first = Trial(0, kConv, 0, 10);
  const v1::JobEvent failed = Trial(0, kConv, 1, 0, "crash");
  for (int i = 0; i < 3; ++i) {
    model.Apply(first);
    model.Apply(failed);
  }
  CHECK(model.tasks()[0].summary.trials() == 2);
  CHECK(model.tasks()[0].summary.failures() == 1);
  CHECK(model.tasks()[0].summary.best_gflops() == 10);
}

TEST_CASE("OnlyAFasterTrialIsAnImprovement") {
  JobModel model({kConv}, 8);
  model.Apply(Trial(0, kConv, 0, 10));
  CHECK(model.tasks()[0].improved);
  model.Apply(Trial(0, kConv, 1, 9));
  CHECK_FALSE(model.tasks()[0].improved);
  model.Apply(Trial(0, kConv, 2, 12));
  CHECK(model.tasks()[0].improved);
  CHECK(model.tasks()[0].summary.record() == 102);
}

TEST_CASE("ADaemonsSummaryDoesNotForgetTrialsThatCameAfterIt") {
  JobModel model({kConv}, 8);
  for (uint32_t i = 0; i < 5; ++i) model.Apply(Trial(0, kConv, i, 10 + i));
  model.Apply(TaskEvent(Summary(0, kConv, 3, 8, 10, 12)));
  CHECK(model.tasks()[0].summary.trials() == 5);
  CHECK(model.tasks()[0].summary.default_gflops() == 10);
}

TEST_CASE("AJobThatIsNotKnownIsLearnedFromItsEvents") {
  JobModel model;
  model.Apply(Trial(2, kMatmul, 0, 5));
  REQUIRE(model.tasks().size() == 3);
  CHECK(model.tasks()[2].summary.task() == kMatmul);
}

TEST_CASE("OldNoticesGiveWay") {
  JobModel model;
  for (const char* text : {"a", "b", "c", "d"}) model.Apply(NoticeEvent(v1::Notice::INFO, text));
  REQUIRE(model.notices().size() == JobModel::kNotices);
  CHECK(model.notices().front().text() == "b");
  CHECK(model.notices().back().text() == "d");
}

TEST_CASE("AResumedJobIsNotDone") {
  JobModel model;
  v1::JobEvent done;
  done.mutable_done()->set_state(v1::JOB_STATE_CANCELLED);
  model.Apply(done);
  CHECK(model.done().has_value());
  v1::JobEvent progress;
  progress.mutable_progress()->set_elapsed_s(1);
  model.Apply(progress);
  CHECK_FALSE(model.done().has_value());
}

}  // namespace tunefarm::cli
