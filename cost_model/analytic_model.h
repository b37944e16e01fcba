// The estimate before any measurement: cycles from counting multiply-adds, loads, copies, loops and the
// traffic between caches (the feature estimate.total). It orders recorded trials as well as trees do that
// were trained on some forty of a task (docs/search.md), and knows nothing of what is odd about a machine.
#pragma once

#include "cost_model/cost_model.h"

namespace tunefarm::cost_model {

class AnalyticModel : public CostModel {
 public:
  absl::Status Fit(const TrainingSet&) override { return absl::OkStatus(); }
  absl::StatusOr<std::vector<float>> Predict(const float* rows, size_t count) const override;
  // kFailedPrecondition: there is nothing to save.
  absl::StatusOr<std::string> Save() const override;
};

}  // namespace tunefarm::cost_model
