// What a database knows of tasks: their measured configs, each with its outcome.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "schedules/schedule_template.h"
#include "tuner/trial.h"

namespace tunefarm::bench {

struct RecordedTable {
  std::shared_ptr<const schedules::Task> task;
  std::string device_class;
  // As many; distinct configs that are legal in the task's space. Failures of the farm and passed limits of
  // time are left out.
  std::vector<schedules::Config> configs;
  std::vector<tuner::Outcome> outcomes;
  int left_out = 0;    // Records of another template version, or with a config that is not legal any more.
  double best_us = 0;  // 0: nothing succeeded.
};

// A table for each workload, target, number of threads and device class, in the order of their first records;
// those with fewer than `least` configs are left out. Of repeated configs the fastest counts.
absl::StatusOr<std::vector<RecordedTable>> LoadTables(const std::vector<std::string>& databases, int least);

}  // namespace tunefarm::bench
