#include "cli/summary_table.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/format.h"
#include "cli/table.h"

namespace tunefarm::cli {

std::string SummaryTable(const v1::JobSummary& summary, std::size_t width) {
  std::vector<std::string> workloads;
  for (const v1::TaskSummary& task : summary.tasks()) workloads.push_back(task.task());
  const std::string unit = SpeedUnit(workloads);
  Table table({{"task", Align::kLeft, true},
               {"trials", Align::kRight},
               {"failed", Align::kRight},
               {"default " + unit, Align::kRight},
               {"best " + unit, Align::kRight},
               {"speed-up", Align::kRight},
               {"record", Align::kRight}});
  uint64_t trials = 0;
  uint64_t failures = 0;
  for (const v1::TaskSummary& task : summary.tasks()) {
    trials += task.trials();
    failures += task.failures();
    table.AddRow({TaskLabel(task.task()), absl::StrCat(task.trials()), absl::StrCat(task.failures()),
                  FormatGflops(task.default_gflops()), FormatGflops(task.best_gflops()),
                  task.tie() ? "tie" : FormatSpeedup(task.speedup()),
                  task.record() > 0 ? absl::StrCat(task.record()) : "-"});
  }
  std::string text = table.ToString(width);
  absl::StrAppendFormat(&text,
                        "\n%d trials (%d failed) in %s, %.1f a second; the device was busy %s of the time\n",
                        trials, failures, FormatSeconds(summary.wall_s()), summary.trials_per_second(),
                        FormatShare(summary.device_busy()));
  return text;
}

std::string NextQuery(const v1::JobSummary& summary, const std::string& target, int threads,
                      const std::string& database_flag) {
  const v1::TaskSummary* best = nullptr;
  for (const v1::TaskSummary& task : summary.tasks()) {
    if (task.best_gflops() > 0 && (best == nullptr || task.speedup() > best->speedup())) best = &task;
  }
  if (best == nullptr) return "";
  return absl::StrCat("tunefarm query best --workload ", ShellQuote(best->task()), " --target ",
                      ShellQuote(target), threads > 1 ? absl::StrCat(" --threads ", threads) : "",
                      database_flag.empty() ? "" : " ", database_flag);
}

}  // namespace tunefarm::cli
