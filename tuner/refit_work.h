// Training the cost model beside the running session: a snapshot of the data goes in, a model comes out.
#pragma once

#include <memory>

#include "base/status.h"
#include "cost_model/cost_model.h"
#include "cost_model/training_set.h"

namespace tunefarm::tuner {

// Made by JobSession::StartRefit, given back to JobSession::FinishRefit. Run() may be called once, on any
// thread; it touches nothing of the session.
class RefitWork {
 public:
  RefitWork(cost_model::TrainingSet data, std::unique_ptr<cost_model::CostModel> model)
      : data_(std::move(data)), model_(std::move(model)) {}
  void Run() { status_ = model_->Fit(data_); }

  const absl::Status& status() const { return status_; }
  const cost_model::TrainingSet& data() const { return data_; }
  std::unique_ptr<cost_model::CostModel> TakeModel() { return std::move(model_); }

 private:
  cost_model::TrainingSet data_;
  std::unique_ptr<cost_model::CostModel> model_;
  absl::Status status_ = absl::FailedPreconditionError("the refit did not run");
};

}  // namespace tunefarm::tuner
