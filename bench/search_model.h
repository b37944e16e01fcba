// bench-search model: how well the cost model orders recorded trials that it was not trained on.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace tunefarm::bench {

struct ModelOptions {
  std::vector<std::string> databases;
  int train = 256;  // Trials of the task; the rest is held out.
  int splits = 5;
  bool json = false;
};

// For each task with enough records, medians over random splits: pairwise accuracy and recall of the analytic
// estimate, of a model trained on `train` trials of the task, of one trained on every other task of the same
// device class alone, and of one trained on both.
absl::Status JudgeModels(const ModelOptions& options);

}  // namespace tunefarm::bench
