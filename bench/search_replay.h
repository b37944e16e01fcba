// bench-search replay: strategies compared on recorded tasks, by the real session.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "bench/recorded_task.h"
#include "tuner/session.h"

namespace tunefarm::bench {

struct ReplayOptions {
  std::vector<std::string> databases;
  std::vector<std::string> strategies = {"random", "ga", "xgb"};
  int seeds = 20;
  int in_flight = 4;      // Trials that are under way at a time, as on a farm.
  bool transfer = false;  // Strategies that use a model also with one trained on the other tasks.
  bool json = false;
};

// What one search came to. Trials are counted from 1; of a target that was not reached, the table's size.
struct SearchRun {
  int to_95 = 0, to_98 = 0;           // Trials until this share of the fastest recorded speed.
  double after_16 = 0, after_32 = 0;  // Share reached.
};

// Searches until 98 % is reached or all is seen.
absl::StatusOr<SearchRun> RunSearch(const std::shared_ptr<const RecordedTask>& task,
                                    tuner::SessionOptions options, int in_flight);

absl::Status ReplayTables(const ReplayOptions& options);

}  // namespace tunefarm::bench
