#include "cli/plain_view.h"

#include "tests/catch.h"
#include "tests/cli/events.h"

namespace tunefarm::cli {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1000);

struct Viewer {
  JobModel model{{kConv, kMatmul}, 8};
  PlainView view{kStart};
  std::vector<std::string> Feed(const v1::JobEvent& event, int second) {
    model.Apply(event);
    return view.Event(model, event, kStart + absl::Seconds(second));
  }
};

}  // namespace

TEST_CASE("EachImprovementIsALine") {
  Viewer viewer;
  CHECK(viewer.Feed(Trial(0, kConv, 0, 10), 2) ==
        std::vector<std::string>{
            "[0:02] conv2d 56x56x64->64 3x3 p1 nhwc bias+relu: trial 1/8 gives 10.0 GFLOP/s (record 100)"});
  viewer.Feed(TaskEvent(Summary(0, kConv, 1, 8, 10, 10)), 3);
  CHECK(viewer.Feed(Trial(0, kConv, 1, 9), 3).empty());
  CHECK(viewer.Feed(Trial(0, kConv, 2, 0, "crash"), 3).empty());
  CHECK(viewer.Feed(Trial(0, kConv, 3, 25), 64) ==
        std::vector<std::string>{"[1:04] conv2d 56x56x64->64 3x3 p1 nhwc bias+relu: trial 4/8 gives 25.0 "
                                 "GFLOP/s, 2.50x the default (record 103)"});
}

TEST_CASE("ATasksEndIsToldOnce") {
  Viewer viewer;
  v1::TaskSummary ended = Summary(1, kMatmul, 8, 8, 20, 50);
  ended.set_failures(1);
  ended.set_finished(true);
  ended.set_finished_why("all trials done");
  CHECK(viewer.Feed(TaskEvent(ended), 5) ==
        std::vector<std::string>{"[0:05] matmul 128x128x128: all trials done after 8 trials (1 failed): "
                                 "default 20.0, best 50.0 GFLOP/s, 2.50x"});
  CHECK(viewer.Feed(TaskEvent(ended), 6).empty());
}

TEST_CASE("NoticesSayHowSeriousTheyAre") {
  Viewer viewer;
  CHECK(viewer.Feed(NoticeEvent(v1::Notice::WARNING, "the model is no better than chance"), 1) ==
        std::vector<std::string>{"[0:01] warning: the model is no better than chance"});
}

TEST_CASE("SilenceIsBrokenEveryTenSeconds") {
  Viewer viewer;
  viewer.Feed(Trial(0, kConv, 0, 10), 4);
  v1::JobEvent progress;
  progress.mutable_progress()->set_trials_per_second(6.4);
  progress.mutable_progress()->set_device_busy(0.87);
  progress.mutable_progress()->set_remaining_s(190);
  CHECK(viewer.Feed(progress, 5).empty());
  CHECK(viewer.view.Tick(viewer.model, kStart + absl::Seconds(13)).empty());
  CHECK(viewer.view.Tick(viewer.model, kStart + absl::Seconds(14)) ==
        std::vector<std::string>{"[0:14] 1/16 trials, 6.4 a second, device busy 87 %, about 3:10 left"});
  CHECK(viewer.view.Tick(viewer.model, kStart + absl::Seconds(15)).empty());
  CHECK(viewer.view.Tick(viewer.model, kStart + absl::Seconds(24)).size() == 1);
}

TEST_CASE("AWaitingJobSaysWhy") {
  Viewer viewer;
  v1::JobEvent progress;
  progress.mutable_progress()->set_waiting_for("no device has avx512f");
  viewer.Feed(progress, 1);
  CHECK(TotalsLine(viewer.model) == "0/16 trials; waiting: no device has avx512f");
}

}  // namespace tunefarm::cli
