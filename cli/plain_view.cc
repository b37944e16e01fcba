#include "cli/plain_view.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/format.h"

namespace tunefarm::cli {

std::string TotalsLine(const JobModel& model) {
  const v1::JobProgress& progress = model.progress();
  std::string line = absl::StrCat(model.trials_done(), "/", model.trials_planned(), " trials");
  if (progress.trials_per_second() > 0) {
    absl::StrAppendFormat(&line, ", %.1f a second, device busy %s", progress.trials_per_second(),
                          FormatShare(progress.device_busy()));
  }
  if (progress.remaining_s() > 0)
    absl::StrAppend(&line, ", about ", FormatSeconds(progress.remaining_s()), " left");
  if (!progress.waiting_for().empty()) absl::StrAppend(&line, "; waiting: ", progress.waiting_for());
  return line;
}

std::string PlainView::Stamp(absl::Time now) const {
  const int64_t s = absl::ToInt64Seconds(now - start_);
  return absl::StrFormat("[%d:%02d] ", s / 60, s % 60);
}

std::vector<std::string> PlainView::Event(const JobModel& model, const v1::JobEvent& event, absl::Time now) {
  std::vector<std::string> lines;
  if (event.has_trial()) {
    const TaskStatus& task = model.tasks()[event.trial().task_index()];
    if (task.improved) {
      const v1::TaskSummary& summary = task.summary;
      std::string line = absl::StrCat(Stamp(now), TaskLabel(summary.task()), ": trial ",
                                      event.trial().trial() + 1, "/", summary.trials_planned(), " gives ",
                                      FormatGflops(event.trial().gflops()), " ", SpeedUnit(summary.task()));
      if (event.trial().trial() > 0 && summary.speedup() > 0) {
        absl::StrAppend(&line, ", ", FormatSpeedup(summary.speedup()), " the default");
      }
      lines.push_back(absl::StrCat(line, " (record ", event.trial().record(), ")"));
    }
  }
  if (event.has_notice()) {
    static constexpr const char* kNames[] = {"note", "warning", "error"};
    const int severity = event.notice().severity();
    lines.push_back(absl::StrCat(Stamp(now), kNames[severity >= 0 && severity <= 2 ? severity : 1], ": ",
                                 event.notice().text()));
  }
  for (const TaskStatus& task : model.tasks()) {
    const std::size_t index = task.summary.task_index();
    if (told_end_.size() <= index) told_end_.resize(index + 1);
    if (told_end_[index] || !task.summary.finished()) continue;
    told_end_[index] = true;
    lines.push_back(absl::StrCat(Stamp(now), TaskLabel(task.summary.task()), ": ", TaskState(task.summary),
                                 " after ", task.summary.trials(), " trials (", task.summary.failures(),
                                 " failed): default ", FormatGflops(task.summary.default_gflops()), ", best ",
                                 FormatGflops(task.summary.best_gflops()), " ",
                                 SpeedUnit(task.summary.task()), ", ",
                                 task.summary.tie() ? "a tie" : FormatSpeedup(task.summary.speedup())));
  }
  if (!lines.empty()) last_line_ = now;
  return lines;
}

std::vector<std::string> PlainView::Tick(const JobModel& model, absl::Time now) {
  if (now - last_line_ < kHeartbeat) return {};
  last_line_ = now;
  return {absl::StrCat(Stamp(now), TotalsLine(model))};
}

}  // namespace tunefarm::cli
