// Names of pieces of work at the tracker. The same trial always has the same name, so that a daemon that
// restarts finds its work again: "job-7f3a2c/0/12" is trial 12 of task 0, "job-7f3a2c/0/confirm.1" its second
// confirmation run. A job that was cancelled and resumed adds how often ("~2"), because the tracker remembers
// the names it has cancelled.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace tunefarm::tuner {

struct WorkId {
  std::string job_id;
  int task_index = 0;
  bool confirmation = false;
  int number = 0;   // The trial, or the attempt at a confirmation.
  int resumed = 0;  // How often the job had been resumed after a cancellation.

  std::string ToString() const;
  static std::optional<WorkId> Parse(absl::string_view text);
  friend bool operator==(const WorkId&, const WorkId&) = default;
};

}  // namespace tunefarm::tuner
