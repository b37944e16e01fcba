// bench-search speed: configs a second from features to predictions.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "cli/workload_list.h"

namespace tunefarm::bench {

struct SpeedOptions {
  cli::WorkloadSelection selection;  // Empty: a matmul, convolutions with and without Winograd, and more.
  std::string target = "x86-64-v3";
  int configs = 100'000;
  bool json = false;
};

// On one core, for each workload: the time to sample distinct configs (not part of the promise), to extract
// their features and to predict with a model of the size that a job trains.
absl::Status MeasureSpeed(const SpeedOptions& options);

}  // namespace tunefarm::bench
