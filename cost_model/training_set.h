// What a cost model is trained on: rows of features with scores, grouped by task.
#pragma once

#include <cstdint>
#include <vector>

namespace tunefarm::cost_model {

// Rows of one task are comparable with each other, those of different tasks are not. `score` is the
// throughput as a share of the task's best so far: 1 the best, 0 a candidate that failed. A censored trial
// has the score of its lower bound, which it certainly does not exceed.
struct TrainingSet {
  int features = 0;           // Per row.
  std::vector<float> rows;    // Row-major.
  std::vector<float> scores;  // One a row.
  std::vector<int32_t> task;  // One a row.

  int size() const { return static_cast<int>(scores.size()); }
};

}  // namespace tunefarm::cost_model
