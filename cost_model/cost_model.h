// A cost model ranks configs without running them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/status.h"
#include "cost_model/training_set.h"

namespace tunefarm::cost_model {

// Predicting is thread safe; fitting is not. Deterministic.
class CostModel {
 public:
  virtual ~CostModel() = default;
  // Trains from nothing on this data (and, where the model was made with a start model, from that).
  virtual absl::Status Fit(const TrainingSet& data) = 0;
  // A number per row, larger is faster; only the order within a task means something. `rows` is row-major.
  virtual absl::StatusOr<std::vector<float>> Predict(const float* rows, size_t count) const = 0;
  // Bytes that hold the model and its feature version.
  virtual absl::StatusOr<std::string> Save() const = 0;
};

}  // namespace tunefarm::cost_model
