#include "cli/progress_view.h"

#include "absl/strings/str_join.h"
#include "cli/format.h"
#include "tests/catch.h"
#include "tests/cli/events.h"

namespace tunefarm::cli {
namespace {

JobModel RunningModel() {
  JobModel model({kConv, kMatmul}, 64);
  v1::JobEvent event;
  v1::JobProgress* progress = event.mutable_progress();
  *progress->add_tasks() = Summary(0, kConv, 12, 64, 29.6, 101.2);
  progress->mutable_tasks(0)->set_failures(1);
  progress->mutable_tasks(0)->set_model_pairwise_accuracy(0.82);
  progress->set_trials_per_second(6.4);
  progress->set_device_busy(0.87);
  progress->set_elapsed_s(42);
  progress->set_remaining_s(190);
  model.Apply(event);
  model.Apply(NoticeEvent(v1::Notice::WARNING, "builders are slower than the device"));
  return model;
}

}  // namespace

TEST_CASE("AWideTerminalShowsEverything") {
  const auto lines = RenderProgress(RunningModel(), {"job-1 on x86-64-v3", 0, 100, 24});
  CHECK(absl::StrJoin(lines, "\n") ==
        "job-1 on x86-64-v3\n"
        "task                                       trials  GFLOP/s  speed-up  failed  model  state\n"
        "conv2d 56x56x64->64 3x3 p1 nhwc bias+relu   12/64      101     3.42x       1   0.82  tuning\n"
        "matmul 128x128x128                           0/64        -         -       0      -  waiting\n"
        "12/128 trials  6.4/s  device busy 87 %  elapsed 42 s  left about 3:10\n"
        "! builders are slower than the device");
}

TEST_CASE("ANarrowTerminalKeepsWhatMattersMost") {
  const auto lines = RenderProgress(RunningModel(), {"job-1 on x86-64-v3", 0, 40, 24});
  CHECK(lines[1] == "task                     trials  GFLOP/s");
  for (const std::string& line : lines) CHECK(DisplayWidth(line) <= 40);
  CHECK(lines[2].find("101") != std::string::npos);
  CHECK(lines[4] == "12/128 trials  6.4/s  device busy 87 %  ");
}

TEST_CASE("NoLineIsEverWiderThanTheTerminalNorTheBlockHigher") {
  const JobModel model = RunningModel();
  for (std::size_t width = 1; width <= 120; ++width) {
    for (const std::size_t height : {1, 2, 3, 5, 24}) {
      const auto lines =
          RenderProgress(model, {"a title that is rather long for a narrow terminal", 0, width, height});
      CHECK(lines.size() <= height);
      for (const std::string& line : lines) CHECK(DisplayWidth(line) <= width);
    }
  }
}

TEST_CASE("ALowTerminalFoldsWhatEndedAndWhatWaits") {
  std::vector<std::string> workloads;
  for (int i = 1; i <= 20; ++i) workloads.push_back("matmul:m=" + std::to_string(i) + ",n=1,k=1,dtype=f32");
  JobModel model(workloads, 8);
  for (uint32_t i = 0; i < 6; ++i) {
    v1::TaskSummary ended = Summary(i, workloads[i], 8, 8, 1, 2);
    ended.set_finished(true);
    model.Apply(TaskEvent(ended));
  }
  model.Apply(Trial(6, workloads[6], 0, 3));
  const auto lines = RenderProgress(model, {"job-1", 5, 80, 10});
  REQUIRE(lines.size() == 10);
  // Title, heading, 6 tasks (the running one, and the ended ones before those that wait), the folded ones,
  // the totals.
  CHECK(lines[7].substr(0, 12) == "matmul 7x1x1");
  CHECK(lines[8] == "14 more tasks (6 of 20 done, 13 waiting)");
  CHECK(lines[9] == "49/160 trials  device busy 0 %  elapsed 5 s");
}

}  // namespace tunefarm::cli
