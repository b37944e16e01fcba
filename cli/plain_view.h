// A running job as lines of text, for pipes and files: each improvement, each task's end, notices, and a sign
// of life. Pure: the time is passed in.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "cli/job_model.h"

namespace tunefarm::cli {

class PlainView {
 public:
  explicit PlainView(absl::Time start) : start_(start), last_line_(start) {}

  // What `event`, which `model` has just applied, is worth telling.
  std::vector<std::string> Event(const JobModel& model, const v1::JobEvent& event, absl::Time now);
  // A line of totals when nothing else was told for kHeartbeat.
  std::vector<std::string> Tick(const JobModel& model, absl::Time now);

  // Long enough not to fill a log, short enough that nobody takes a working job for a stuck one.
  static constexpr absl::Duration kHeartbeat = absl::Seconds(10);

 private:
  std::string Stamp(absl::Time now) const;

  absl::Time start_;
  absl::Time last_line_;
  std::vector<bool> told_end_;  // By task.
};

// "34/192 trials, 6.4 a second, device busy 87 %, about 3:10 left"; and why it waits, when it does.
std::string TotalsLine(const JobModel& model);

}  // namespace tunefarm::cli
