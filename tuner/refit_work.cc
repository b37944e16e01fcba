#include "tuner/refit_work.h"

#include <utility>
#include <vector>

#include "cost_model/corrected_estimate.h"

namespace tunefarm::tuner {
namespace {

// Held out in turns: every trial is judged once, by a model of three quarters of the data. With two the
// judged models are much poorer than the used one; with eight judging costs twice as much.
constexpr int kFolds = 4;

}  // namespace

RefitWork::RefitWork(cost_model::TrainingSet data, std::string start_model)
    : data_(std::move(data)),
      start_model_(std::move(start_model)),
      status_(
          absl::FailedPreconditionError("the cost model was not trained: RefitWork::Run was not called")) {}

void RefitWork::Run() {
  status_ = [&]() -> absl::Status {
    TUNEFARM_ASSIGN_OR_RETURN(std::unique_ptr<cost_model::CostModel> model,
                              cost_model::CorrectedEstimate::Create(start_model_));
    TUNEFARM_RETURN_IF_ERROR(model->Fit(data_));
    const cost_model::ModelFactory make = [&] {
      return *cost_model::CorrectedEstimate::Create(start_model_);
    };
    TUNEFARM_ASSIGN_OR_RETURN(const std::vector<float> held_out,
                              cost_model::PredictHeldOut(make, data_, kFolds));
    quality_ = cost_model::JudgeByTask(data_, held_out, kFolds);
    model_ = std::move(model);
    return absl::OkStatus();
  }();
}

}  // namespace tunefarm::tuner
