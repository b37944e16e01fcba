// What is known of a job while it runs, gathered from its events: what every view shows. Pure; not thread
// safe.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tunefarm/v1/tuner.pb.h"

namespace tunefarm::cli {

struct TaskStatus {
  v1::TaskSummary summary;     // Counts and bests include trials that came after the daemon's last summary.
  std::set<uint32_t> seen;     // Trials that arrived as events,
  uint32_t seen_failures = 0;  // and how many of them failed.
  bool improved = false;       // The last event of this task was a new best.
};

class JobModel {
 public:
  // The tasks as submitted, so that those that wait are shown too. Empty when unknown (watching somebody's
  // job).
  explicit JobModel(std::vector<std::string> workloads = {}, uint32_t trials_planned = 0);

  // Events may repeat (the stream was picked up again): each is counted once.
  void Apply(const v1::JobEvent& event);

  const std::vector<TaskStatus>& tasks() const { return tasks_; }
  const v1::JobProgress& progress() const { return progress_; }
  const std::vector<v1::Notice>& notices() const { return notices_; }  // The last kNotices.
  // The job's end, once it was told; a job that was resumed after that runs again.
  const std::optional<v1::JobSummary>& done() const { return done_; }

  uint64_t trials_done() const;
  uint64_t trials_planned() const;

  static constexpr std::size_t kNotices =
      3;  // As many as fit under the tasks without pushing them off a small screen.

 private:
  TaskStatus& At(uint32_t index, const std::string& workload);
  void Merge(const v1::TaskSummary& summary);

  std::vector<TaskStatus> tasks_;
  v1::JobProgress progress_;
  std::vector<v1::Notice> notices_;
  std::optional<v1::JobSummary> done_;
};

// "waiting", "tuning", or why it ended.
std::string TaskState(const v1::TaskSummary& task);

}  // namespace tunefarm::cli
