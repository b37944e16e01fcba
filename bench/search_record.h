// bench-search record: measures every config of a thinned space through the real path.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "cli/workload_list.h"

namespace tunefarm::bench {

struct RecordOptions {
  cli::WorkloadSelection selection;
  std::string target = "host", device;  // As of `tunefarm tune`.
  std::string database;
  int64_t configs = 1000;  // At most, of each task.
  uint64_t seed = 1;       // Of the thinning.
  int threads = 1;
};

// One job for all workloads, with its progress on stdout; the same call again goes on with it where it
// stopped.
absl::Status RecordTables(const RecordOptions& options);

}  // namespace tunefarm::bench
