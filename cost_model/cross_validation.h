// Judging a model honestly: every row is predicted by a model that was not trained on it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "cost_model/cost_model.h"

namespace tunefarm::cost_model {

using ModelFactory = std::function<std::unique_ptr<CostModel>()>;

// Row i is held out in fold i modulo `folds` of its task. Returns a prediction per row. 2 <= folds.
absl::StatusOr<std::vector<float>> PredictHeldOut(const ModelFactory& make, const TrainingSet& data,
                                                  int folds);

struct ModelQuality {
  double pairwise_accuracy = 0.5;  // Of held-out rows within one fold, as folds have different models.
  double recall = 0;               // At k = a quarter of a fold's rows, mean over folds.
  int rows = 0;
  bool better_than_chance = false;
};

// By task. `held_out` as from PredictHeldOut with as many folds.
std::map<int32_t, ModelQuality> JudgeByTask(const TrainingSet& data, const std::vector<float>& held_out,
                                            int folds);

}  // namespace tunefarm::cost_model
