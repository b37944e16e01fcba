#include "cli/job_model.h"

#include <algorithm>

namespace tunefarm::cli {

JobModel::JobModel(std::vector<std::string> workloads, uint32_t trials_planned) {
  for (std::size_t i = 0; i < workloads.size(); ++i) {
    v1::TaskSummary& summary = At(static_cast<uint32_t>(i), workloads[i]).summary;
    summary.set_trials_planned(trials_planned);
  }
}

TaskStatus& JobModel::At(uint32_t index, const std::string& workload) {
  while (tasks_.size() <= index) {
    tasks_.emplace_back();
    tasks_.back().summary.set_task_index(static_cast<uint32_t>(tasks_.size() - 1));
  }
  if (!workload.empty()) tasks_[index].summary.set_task(workload);
  return tasks_[index];
}

void JobModel::Merge(const v1::TaskSummary& summary) {
  TaskStatus& task = At(summary.task_index(), summary.task());
  const uint32_t planned = task.summary.trials_planned();
  task.summary = summary;
  task.summary.set_trials(std::max(summary.trials(), static_cast<uint32_t>(task.seen.size())));
  task.summary.set_failures(std::max(summary.failures(), task.seen_failures));
  if (summary.trials_planned() == 0) task.summary.set_trials_planned(planned);
}

void JobModel::Apply(const v1::JobEvent& event) {
  switch (event.event_case()) {
    case v1::JobEvent::kTrial: {
      const v1::TrialEvent& trial = event.trial();
      TaskStatus& task = At(trial.task_index(), trial.task());
      task.improved = false;
      if (!task.seen.insert(trial.trial()).second) break;
      const bool ok = trial.status() == "ok";
      task.seen_failures += ok ? 0 : 1;
      v1::TaskSummary& summary = task.summary;
      summary.set_trials(std::max(summary.trials(), static_cast<uint32_t>(task.seen.size())));
      summary.set_failures(std::max(summary.failures(), task.seen_failures));
      if (ok && trial.gflops() > summary.best_gflops()) {
        task.improved = true;
        summary.set_best_gflops(trial.gflops());
        summary.set_record(trial.record());
        summary.set_best_config(trial.config());
        if (summary.default_gflops() > 0) summary.set_speedup(trial.gflops() / summary.default_gflops());
      }
      break;
    }
    case v1::JobEvent::kTask:
      Merge(event.task());
      break;
    case v1::JobEvent::kNotice:
      notices_.push_back(event.notice());
      if (notices_.size() > kNotices) notices_.erase(notices_.begin());
      break;
    case v1::JobEvent::kProgress:
      progress_ = event.progress();
      for (const v1::TaskSummary& task : progress_.tasks()) Merge(task);
      done_.reset();
      break;
    case v1::JobEvent::kDone:
      done_ = event.done();
      for (const v1::TaskSummary& task : done_->tasks()) Merge(task);
      break;
    case v1::JobEvent::EVENT_NOT_SET:
      break;
  }
}

uint64_t JobModel::trials_done() const {
  uint64_t sum = 0;
  for (const TaskStatus& task : tasks_) sum += task.summary.trials();
  return sum;
}

uint64_t JobModel::trials_planned() const {
  uint64_t sum = 0;
  for (const TaskStatus& task : tasks_) sum += task.summary.trials_planned();
  return sum;
}

std::string TaskState(const v1::TaskSummary& task) {
  if (task.finished()) return task.finished_why().empty() ? "done" : task.finished_why();
  return task.trials() == 0 ? "waiting" : "tuning";
}

}  // namespace tunefarm::cli
