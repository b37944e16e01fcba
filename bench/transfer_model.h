// A cost model for a task from what was recorded of others.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/status.h"
#include "bench/recorded_table.h"

namespace tunefarm::bench {

// Bytes for SessionOptions::start_model; empty when there is no other table of the device class and operator,
// as a job learns from its own operators' records only. Equal workloads count as the same task.
absl::StatusOr<std::string> TrainOnOthers(const std::vector<RecordedTable>& tables, std::size_t task);

}  // namespace tunefarm::bench
