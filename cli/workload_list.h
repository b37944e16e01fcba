// Which workloads a command means: from texts, files and built-in sets. Pure but for ReadWorkloadFile.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "schedules/workload.h"

namespace tunefarm::cli {

struct WorkloadSelection {
  std::vector<std::string> texts;
  std::vector<std::string> files;
  std::vector<std::string> sets;
  std::string only;  // Keep those whose canonical text has this in it; empty: all.
  int limit = 0;     // Keep the first so many; 0: all.
};

// A workload a line, then, after white space, how often it occurs (default 1); `#` begins a comment. Errors
// name `file_name` and the line, and keep the exit status of the workload's own error.
absl::StatusOr<std::vector<schedules::WeightedWorkload>> ParseWorkloadFile(absl::string_view content,
                                                                           const std::string& file_name);

// In the order given, each once: the weights of equal ones are added. An error when nothing is selected.
absl::StatusOr<std::vector<schedules::WeightedWorkload>> SelectWorkloads(const WorkloadSelection& selection);

}  // namespace tunefarm::cli
