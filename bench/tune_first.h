// Records for the workloads that a database has none of: by the tunefarm command beside this program.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace tunefarm::bench {

struct TuneOptions {
  std::string db_path, target;
  int threads = 1;
  int trials = 64;
};

// Runs `tunefarm tune` once for all `workloads` (canonical texts); what it prints goes to stderr. An error
// when it cannot be started or fails.
absl::Status TuneFirst(const std::vector<std::string>& workloads, const TuneOptions& options);

}  // namespace tunefarm::bench
