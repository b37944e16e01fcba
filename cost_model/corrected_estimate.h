// The analytic estimate, with what trees learned of its error. Trees alone need some forty trials of a task
// before they order configs as well as the estimate does; trained on what it leaves over they begin there.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cost_model/xgb_model.h"

namespace tunefarm::cost_model {

// Rows are those of features.h. Scores may differ between tasks by a factor, which means nothing.
class CorrectedEstimate : public CostModel {
 public:
  // `start` and errors: as of XgbModel::Create.
  static absl::StatusOr<std::unique_ptr<CorrectedEstimate>> Create(const std::string& start = "");

  absl::Status Fit(const TrainingSet& data) override;
  // kFailedPrecondition: neither started nor trained.
  absl::StatusOr<std::vector<float>> Predict(const float* rows, size_t count) const override;
  absl::StatusOr<std::string> Save() const override { return trees_->Save(); }

 private:
  explicit CorrectedEstimate(std::unique_ptr<XgbModel> trees) : trees_(std::move(trees)) {}

  std::unique_ptr<XgbModel> trees_;
};

}  // namespace tunefarm::cost_model
