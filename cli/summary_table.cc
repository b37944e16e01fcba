#include "cli/summary_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/format.h"
#include "cli/table.h"
#include "schedules/workload.h"

namespace tunefarm::cli {

double CyclesPerMac(const std::string& task, double cycles) {
  const auto workload = schedules::Workload::Parse(task);
  return workload.ok() && workload->flop() > 0 ? cycles / (workload->flop() / 2) : 0;
}

namespace {

// Tasks whose cycles are known: boards, emulated or real.
bool HasCycles(const v1::JobSummary& summary) {
  return std::any_of(summary.tasks().begin(), summary.tasks().end(),
                     [](const v1::TaskSummary& task) { return task.best_cycles() > 0; });
}

std::string CyclesText(double cycles) {
  return cycles > 0 ? absl::StrFormat("%.0f", cycles) : std::string("-");
}

std::string PerMac(const v1::TaskSummary& task, double cycles) {
  const double per_mac = CyclesPerMac(task.task(), cycles);
  return per_mac > 0 ? absl::StrFormat("%.2f", per_mac) : std::string("-");
}

Table MakeTable(const v1::JobSummary& summary, bool cycles) {
  std::vector<std::string> workloads;
  for (const v1::TaskSummary& task : summary.tasks()) workloads.push_back(task.task());
  const std::string unit = cycles ? "cycles" : SpeedUnit(workloads);
  std::vector<Column> columns = {{"task", Align::kLeft, true},
                                 {"trials", Align::kRight},
                                 {"failed", Align::kRight},
                                 {absl::StrCat("default ", unit), Align::kRight},
                                 {absl::StrCat("best ", unit), Align::kRight}};
  if (cycles) columns.push_back({"cycles/MAC", Align::kRight});
  columns.push_back({"speed-up", Align::kRight});
  columns.push_back({"record", Align::kRight});
  Table table(std::move(columns));
  for (const v1::TaskSummary& task : summary.tasks()) {
    std::vector<std::string> row = {
        TaskLabel(task.task()), absl::StrCat(task.trials()), absl::StrCat(task.failures()),
        cycles ? CyclesText(task.default_cycles()) : FormatGflops(task.default_gflops()),
        cycles ? CyclesText(task.best_cycles()) : FormatGflops(task.best_gflops())};
    if (cycles) row.push_back(PerMac(task, task.best_cycles()));
    row.push_back(task.tie() ? "tie" : FormatSpeedup(task.speedup()));
    row.push_back(task.record() > 0 ? absl::StrCat(task.record()) : "-");
    table.AddRow(std::move(row));
  }
  return table;
}

}  // namespace

std::string EstimateText(const std::string& cycle_model, double error_band) {
  return absl::StrFormat("estimated, model %s, +-%.0f %%", cycle_model, 100 * error_band);
}

std::string SummaryTable(const v1::JobSummary& summary, std::size_t width) {
  const bool cycles = HasCycles(summary);
  uint64_t trials = 0;
  uint64_t failures = 0;
  std::string estimated;
  for (const v1::TaskSummary& task : summary.tasks()) {
    trials += task.trials();
    failures += task.failures();
    if (task.estimated()) estimated = EstimateText(task.cycle_model(), task.error_band());
  }
  std::string text = MakeTable(summary, cycles).ToString(width);
  if (!estimated.empty())
    absl::StrAppend(&text, "\ncycles are ", estimated, ": kernels closer than that are a tie");
  absl::StrAppendFormat(&text,
                        "\n%d trials (%d failed) in %s, %.1f a second; the device was busy %s of the time\n",
                        trials, failures, FormatSeconds(summary.wall_s()), summary.trials_per_second(),
                        FormatShare(summary.device_busy()));
  return text;
}

std::string NextQuery(const v1::JobSummary& summary, const std::string& where, int threads,
                      const std::string& database_flag) {
  const v1::TaskSummary* best = nullptr;
  for (const v1::TaskSummary& task : summary.tasks()) {
    if (task.best_gflops() > 0 && (best == nullptr || task.speedup() > best->speedup())) best = &task;
  }
  if (best == nullptr) return "";
  return absl::StrCat("tunefarm query best --workload ", ShellQuote(best->task()), " ", where,
                      threads > 1 ? absl::StrCat(" --threads ", threads) : "",
                      database_flag.empty() ? "" : " ", database_flag);
}

}  // namespace tunefarm::cli
