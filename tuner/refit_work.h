// Training the cost model beside the running session: a snapshot of the data goes in, a model and its
// judgement come out.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/status.h"
#include "cost_model/cost_model.h"
#include "cost_model/cross_validation.h"
#include "cost_model/training_set.h"

namespace tunefarm::tuner {

// Made by JobSession::StartRefit, given back to JobSession::FinishRefit. Run() is called once, on any thread;
// it touches nothing of the session.
class RefitWork {
 public:
  // `start_model`: as for CorrectedEstimate::Create.
  RefitWork(cost_model::TrainingSet data, std::string start_model);

  void Run();

  // After Run().
  const absl::Status& status() const { return status_; }
  std::shared_ptr<const cost_model::CostModel> model() const { return model_; }
  // On held-out rows, by task index.
  const std::map<int32_t, cost_model::ModelQuality>& quality() const { return quality_; }

 private:
  cost_model::TrainingSet data_;
  std::string start_model_;
  absl::Status status_;
  std::shared_ptr<const cost_model::CostModel> model_;
  std::map<int32_t, cost_model::ModelQuality> quality_;
};

}  // namespace tunefarm::tuner
