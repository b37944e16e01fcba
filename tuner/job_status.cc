// What JobPipeline tells people: events, progress, summaries, and why it waits.
#include <algorithm>

#include "tuner/job_pipeline.h"

namespace tunefarm::tuner {
namespace {

// A reason for waiting is worth a line only when it lasts: processes start in any order, and trackers restart
// in a second.
constexpr absl::Duration kWorthTelling = absl::Seconds(3);

double Gflops(double flop, double median_us) { return median_us > 0 ? flop / median_us * 1e-3 : 0; }

}  // namespace

void JobPipeline::AddTrialEvent(const db::Record& record) {
  v1::JobEvent event;
  v1::TrialEvent* trial = event.mutable_trial();
  trial->set_task(record.workload);
  trial->set_task_index(static_cast<uint32_t>(record.task_index));
  trial->set_trial(static_cast<uint32_t>(record.trial));
  trial->set_config(record.config);
  trial->set_record(record.id);
  if (record.ok()) {
    trial->set_status("ok");
    trial->set_median_us(record.median_us());
    trial->set_gflops(Gflops(record.flop, record.median_us()));
    trial->set_cycles(record.measurement.kernels(0).cycles());
  } else {
    trial->set_status(FailureName(record.measurement.failure().kind()));
    trial->set_message(record.measurement.failure().message());
  }
  new_events_.push_back(std::move(event));
}

void JobPipeline::AddSummaryEvent(int task_index) {
  v1::JobEvent event;
  *event.mutable_task() = SummaryOf(task_index);
  new_events_.push_back(std::move(event));
}

void JobPipeline::AddNotice(v1::Notice::Severity severity, const std::string& text) {
  v1::JobEvent event;
  event.mutable_notice()->set_severity(severity);
  event.mutable_notice()->set_text(text);
  new_events_.push_back(std::move(event));
}

std::string JobPipeline::WhyWaiting() const {
  if (!storage_trouble_.ok()) {
    return absl::StrCat("the database does not store: ", storage_trouble_.message(), "; trying again");
  }
  if (!build_trouble_.ok()) return absl::StrCat("cannot build kernels: ", build_trouble_.message());
  if (!tracker_trouble_.ok()) return std::string(tracker_trouble_.message());
  if (!no_device_.empty() && WantsDevices()) return no_device_;
  return tracker_waits_for_;
}

void JobPipeline::ExplainWaiting() {
  const absl::Time now = clock_.Now();
  std::string why = WhyWaiting();
  if (why != waiting_) {
    waiting_ = std::move(why);
    waiting_since_ = now;
  }
  if (waiting_ == explained_ || now - waiting_since_ < kWorthTelling) return;
  explained_ = waiting_;
  AddNotice(waiting_.empty() ? v1::Notice::INFO : v1::Notice::WARNING,
            waiting_.empty() ? "going on" : absl::StrCat("waiting: ", waiting_));
}

v1::TaskSummary JobPipeline::SummaryOf(int task_index) const {
  v1::TaskSummary summary = session_->Summary(task_index);
  const std::map<int, int64_t>& records = tasks_[static_cast<std::size_t>(task_index)].records;
  const auto best = records.find(session_->best_trial(task_index));
  if (best != records.end()) summary.set_record(best->second);
  return summary;
}

v1::JobProgress JobPipeline::Progress() const {
  v1::JobProgress progress;
  const absl::Time now = clock_.Now();
  double left = 0;
  for (int i = 0; i < num_tasks(); ++i) {
    v1::TaskSummary* task = progress.add_tasks();
    *task = SummaryOf(i);
    if (!task->finished())
      left += std::max(0.0, static_cast<double>(task->trials_planned()) - task->trials());
  }
  progress.set_trials_per_second(totals_.trials_per_second(now));
  progress.set_device_busy(totals_.device_busy(now));
  progress.set_elapsed_s(totals_.wall_s(now));
  if (progress.trials_per_second() > 0) progress.set_remaining_s(left / progress.trials_per_second());
  const auto out =
      std::count_if(works_.begin(), works_.end(), [](const auto& entry) { return entry.second.sent; });
  progress.set_measuring(static_cast<uint32_t>(out));
  progress.set_building(static_cast<uint32_t>(works_.size() - static_cast<std::size_t>(out)));
  progress.set_waiting_for(waiting_);
  return progress;
}

v1::JobSummary JobPipeline::Summary(v1::JobState state, const std::string& message) const {
  v1::JobSummary summary;
  const absl::Time now = clock_.Now();
  summary.set_state(state);
  summary.set_message(message);
  for (int i = 0; i < num_tasks(); ++i) *summary.add_tasks() = SummaryOf(i);
  summary.set_trials_per_second(totals_.trials_per_second(now));
  summary.set_device_busy(totals_.device_busy(now));
  summary.set_wall_s(totals_.wall_s(now));
  return summary;
}

bool JobPipeline::AllFailed() const {
  for (int i = 0; i < num_tasks(); ++i) {
    if (session_->best_trial(i) >= 0) return false;
  }
  return true;
}

}  // namespace tunefarm::tuner
