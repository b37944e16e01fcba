// What the records of earlier jobs teach a new one: a cost model to start from, and for each task the configs
// that did best on similar ones. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "db/database.h"
#include "tuner/session.h"

namespace tunefarm::tuner {

// Records that are looked at, the newest: training on more takes longer than the first trials of a job.
inline constexpr int kPriorRecords = 3000;

struct PriorKnowledge {
  std::string start_model;                      // For SessionOptions; empty when there are too few records.
  std::vector<std::vector<std::string>> hints;  // By task, for SessionTask.
};

// From records of the tasks' targets and numbers of threads that were made with today's templates; all
// others, and failures of the farm, are passed over. Times are compared within one workload and device class
// only. The same records in the same order give the same knowledge.
absl::StatusOr<PriorKnowledge> LearnFrom(const std::vector<db::Record>& records,
                                         const std::vector<SessionTask>& tasks);

}  // namespace tunefarm::tuner
