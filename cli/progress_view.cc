#include "cli/progress_view.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/format.h"
#include "cli/table.h"

namespace tunefarm::cli {
namespace {

// Which columns there is room for. The label needs about 24 columns to tell the layers of a network apart.
struct Columns {
  bool failures, model, speedup, state;
};
Columns ChooseColumns(std::size_t width) {
  return {.failures = width >= 72, .model = width >= 82, .speedup = width >= 52, .state = width >= 62};
}

Table TaskTable(const std::vector<const v1::TaskSummary*>& tasks, std::size_t width) {
  const Columns show = ChooseColumns(width);
  std::vector<std::string> workloads;
  workloads.reserve(tasks.size());
  for (const v1::TaskSummary* task : tasks) workloads.push_back(task->task());
  std::vector<Column> columns = {
      {"task", Align::kLeft, true}, {"trials", Align::kRight}, {SpeedUnit(workloads), Align::kRight}};
  if (show.speedup) columns.push_back({"speed-up", Align::kRight});
  if (show.failures) columns.push_back({"failed", Align::kRight});
  if (show.model) columns.push_back({"model", Align::kRight});
  if (show.state) columns.push_back({"state", Align::kLeft});
  Table table(columns);
  for (const v1::TaskSummary* task : tasks) {
    std::vector<std::string> row = {TaskLabel(task->task()),
                                    absl::StrCat(task->trials(), "/", task->trials_planned()),
                                    FormatGflops(task->best_gflops())};
    if (show.speedup) row.push_back(task->tie() ? "tie" : FormatSpeedup(task->speedup()));
    if (show.failures) row.push_back(absl::StrCat(task->failures()));
    if (show.model) {
      row.push_back(task->model_pairwise_accuracy() > 0
                        ? absl::StrFormat("%.2f", task->model_pairwise_accuracy())
                        : "-");
    }
    // Why a task ended can be a sentence; the table at the end has room for it, this one has not.
    if (show.state) row.push_back(task->finished() ? "done" : TaskState(*task));
    table.AddRow(std::move(row));
  }
  return table;
}

std::string Cut(const std::string& line, std::size_t width) {
  if (DisplayWidth(line) <= width) return line;
  // Unlike FitWidth, keeps the beginning: sentences are read from there.
  std::string shorter;
  std::size_t columns = 0;
  for (const char c : line) {
    if ((static_cast<unsigned char>(c) & 0xc0) != 0x80 && ++columns > width) break;
    shorter += c;
  }
  return shorter;
}

}  // namespace

std::vector<std::string> RenderProgress(const JobModel& model, const ProgressFrame& frame) {
  std::vector<std::string> below;
  const v1::JobProgress& progress = model.progress();
  const double elapsed = progress.elapsed_s() > 0 ? progress.elapsed_s() : frame.elapsed_s;
  std::string totals = absl::StrCat(model.trials_done(), "/", model.trials_planned(), " trials");
  if (progress.trials_per_second() > 0)
    absl::StrAppendFormat(&totals, "  %.1f/s", progress.trials_per_second());
  absl::StrAppend(&totals, "  device busy ", FormatShare(progress.device_busy()), "  elapsed ",
                  FormatSeconds(elapsed));
  if (progress.remaining_s() > 0)
    absl::StrAppend(&totals, "  left about ", FormatSeconds(progress.remaining_s()));
  below.push_back(totals);
  if (!progress.waiting_for().empty()) below.push_back(absl::StrCat("waiting: ", progress.waiting_for()));
  for (const v1::Notice& notice : model.notices()) {
    below.push_back(absl::StrCat(notice.severity() == v1::Notice::INFO ? "" : "! ", notice.text()));
  }

  // Title, heading, and what is below have their lines; the tasks get the rest.
  const std::size_t fixed = 2 + std::min(below.size(), frame.height > 4 ? frame.height - 3 : std::size_t{1});
  std::size_t room = frame.height > fixed ? frame.height - fixed : 1;
  std::vector<const v1::TaskSummary*> shown;
  std::string folded;
  if (model.tasks().size() <= room) {
    for (const TaskStatus& task : model.tasks()) shown.push_back(&task.summary);
  } else {
    room = room > 1 ? room - 1 : 1;  // A line for the folded ones.
    std::vector<const v1::TaskSummary*> waiting, ended;
    for (const TaskStatus& task : model.tasks()) {
      (task.summary.finished()      ? ended
       : task.summary.trials() == 0 ? waiting
                                    : shown)
          .push_back(&task.summary);
    }
    // Running ones first, then what ended last, then what waits.
    for (auto it = ended.rbegin(); it != ended.rend() && shown.size() < room; ++it) shown.push_back(*it);
    for (const v1::TaskSummary* task : waiting) {
      if (shown.size() < room) shown.push_back(task);
    }
    shown.resize(std::min(shown.size(), room));
    std::sort(shown.begin(), shown.end(),
              [](const auto* a, const auto* b) { return a->task_index() < b->task_index(); });
    folded = absl::StrCat(model.tasks().size() - shown.size(), " more tasks (", ended.size(), " of ",
                          model.tasks().size(), " done, ", waiting.size(), " waiting)");
  }

  std::vector<std::string> lines = {frame.title};
  for (std::string& line : TaskTable(shown, frame.width).Lines(frame.width)) lines.push_back(std::move(line));
  if (!folded.empty()) lines.push_back(folded);
  lines.insert(lines.end(), below.begin(), below.end());
  if (lines.size() > frame.height) lines.resize(std::max<std::size_t>(frame.height, 1));
  for (std::string& line : lines) line = Cut(line, frame.width);
  return lines;
}

}  // namespace tunefarm::cli
