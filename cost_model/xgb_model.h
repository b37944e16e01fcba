// Gradient-boosted regression trees through XGBoost's C API, on one thread. Regression on
// TrainingSet::scores, whose mean should be near 0.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "cost_model/cost_model.h"

namespace tunefarm::cost_model {

class XgbModel : public CostModel {
 public:
  // A model to be trained on rows of `features` floats. `start`: bytes of Save(), whose trees come before
  // those trained here (transfer from other tasks); it predicts before the first Fit. Empty: none, and
  // Predict before Fit is an error. kInvalidArgument: the bytes are no model, or one of another feature
  // version, and the message says which. kInternal: XGBoost does not work here (SelfTest).
  static absl::StatusOr<std::unique_ptr<XgbModel>> Create(int features, const std::string& start = "");
  ~XgbModel() override;
  XgbModel(const XgbModel&) = delete;
  XgbModel& operator=(const XgbModel&) = delete;

  absl::Status Fit(const TrainingSet& data) override;
  absl::StatusOr<std::vector<float>> Predict(const float* rows, size_t count) const override;
  absl::StatusOr<std::string> Save() const override;

  // Trains four rows and looks whether the result orders them; some milliseconds. Done once per process by
  // Create: a broken or changed XGBoost must not be found out after a night of tuning.
  static absl::Status SelfTest();

 private:
  XgbModel(int features, std::string start) : features_(features), start_(std::move(start)) {}
  // A booster as it is before training, on the rows of `matrix` (null: only to predict with).
  absl::Status LoadStart(void* matrix);

  int features_;
  std::string start_;        // XGBoost's own bytes, without our header.
  void* booster_ = nullptr;  // Null: not trained.
};

}  // namespace tunefarm::cost_model
