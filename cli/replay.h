// tunefarm replay RECORD...: builds and measures recorded configs again and compares.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "db/database.h"

namespace tunefarm::cli {

// The job that measures these records' configs again: a task for each workload and target, the configs in the
// records' order. All must have the same number of threads. `places[i]` is where record i went: task and
// trial. Pure.
struct ReplayPlan {
  v1::SubmitJobRequest request;
  struct Place {
    uint32_t task;
    uint32_t trial;
  };
  std::vector<Place> places;
};
ReplayPlan PlanReplay(const std::vector<db::Record>& records);

void AddReplay(CLI::App& app, Invocation& invocation);

}  // namespace tunefarm::cli
