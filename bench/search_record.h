// bench-search record: measures every config of a thinned space, or a random sample of a whole one, through
// the real path.
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
  int64_t sample = 0;      // So many random configs of each whole space instead; 0: thin the space.
  uint64_t seed = 1;       // Of the thinning or the sample.
  int threads = 1;
};

// One job for all workloads, with its progress on stdout; the same call again goes on with it where it
// stopped.
absl::Status RecordTables(const RecordOptions& options);

}  // namespace tunefarm::bench
