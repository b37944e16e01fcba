#include "cli/summary_table.h"

#include "tests/catch.h"
#include "tests/cli/events.h"

namespace tunefarm::cli {
namespace {

v1::JobSummary TwoTasks() {
  v1::JobSummary summary;
  *summary.add_tasks() = Summary(0, kConv, 64, 64, 40, 100);
  summary.mutable_tasks(0)->set_record(17);
  summary.mutable_tasks(0)->set_failures(3);
  *summary.add_tasks() = Summary(1, kMatmul, 64, 64, 50, 50.5);
  summary.mutable_tasks(1)->set_record(80);
  summary.mutable_tasks(1)->set_tie(true);
  summary.set_wall_s(18.9);
  summary.set_trials_per_second(6.77);
  summary.set_device_busy(0.914);
  return summary;
}

}  // namespace

TEST_CASE("TheFinalTableHasARowForEachTaskAndTheTotals") {
  CHECK(SummaryTable(TwoTasks(), 0) ==
        "task                                       trials  failed  default GFLOP/s  best GFLOP/s  speed-up  "
        "record\n"
        "conv2d 56x56x64->64 3x3 p1 nhwc bias+relu      64       3             40.0           100     2.50x  "
        "    17\n"
        "matmul 128x128x128                             64       0             50.0          50.5       tie  "
        "    80\n"
        "\n"
        "128 trials (3 failed) in 19 s, 6.8 a second; the device was busy 91 % of the time\n");
}

TEST_CASE("TheNextQueryIsForTheTaskThatGainedMost") {
  CHECK(NextQuery(TwoTasks(), "--target x86-64-v3", 1, "--db '/tmp/a b.db'") ==
        std::string("tunefarm query best --workload ") + kConv + " --target x86-64-v3 --db '/tmp/a b.db'");
  CHECK(NextQuery(TwoTasks(), "--target host", 4, "") ==
        std::string("tunefarm query best --workload ") + kConv + " --target host --threads 4");
}

TEST_CASE("TasksOfBoardsAreShownInCyclesWithTheModelsError") {
  v1::JobSummary summary;
  v1::TaskSummary& task = *summary.add_tasks();
  task = Summary(0, kMatmul, 10, 10, 0.1, 0.2);  // 128^3 multiply-adds.
  task.set_default_cycles(4194304);
  task.set_best_cycles(2097152 * 1.25);
  task.set_estimated(true);
  task.set_cycle_model("cortex-m4/1");
  task.set_error_band(0.08);
  const std::string text = SummaryTable(summary, 0);
  INFO(text);
  CHECK(text.find("default cycles  best cycles  cycles/MAC") != std::string::npos);
  CHECK(text.find("4194304      2621440        1.25") != std::string::npos);
  CHECK(text.find("cycles are estimated, model cortex-m4/1, +-8 %") != std::string::npos);
  CHECK(text.find("GFLOP/s") == std::string::npos);
}

TEST_CASE("WithoutASuccessThereIsNothingToQuery") {
  v1::JobSummary summary;
  *summary.add_tasks() = Summary(0, kConv, 5, 64, 0, 0);
  CHECK(NextQuery(summary, "--target host", 1, "").empty());
}

}  // namespace tunefarm::cli
