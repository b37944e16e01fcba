#include "cost_model/cross_validation.h"

#include <algorithm>
#include <cstddef>

#include "cost_model/ranking_metrics.h"

namespace tunefarm::cost_model {
namespace {

// The fold of each row: the rows of a task take turns.
std::vector<int> Folds(const TrainingSet& data, int folds) {
  std::map<int32_t, int> next;
  std::vector<int> fold;
  fold.reserve(data.task.size());
  for (int32_t task : data.task) fold.push_back(next[task]++ % folds);
  return fold;
}

void AppendRow(const TrainingSet& from, int row, TrainingSet& to) {
  const auto begin = from.rows.begin() + static_cast<std::ptrdiff_t>(row) * from.features;
  to.rows.insert(to.rows.end(), begin, begin + from.features);
  to.scores.push_back(from.scores[row]);
  to.task.push_back(from.task[row]);
}

}  // namespace

absl::StatusOr<std::vector<float>> PredictHeldOut(const ModelFactory& make, const TrainingSet& data,
                                                  int folds) {
  const std::vector<int> fold = Folds(data, folds);
  std::vector<float> predicted(data.size());
  for (int f = 0; f < folds; ++f) {
    TrainingSet train, test;
    train.features = test.features = data.features;
    std::vector<int> held_out;
    for (int row = 0; row < data.size(); ++row) {
      AppendRow(data, row, fold[row] == f ? test : train);
      if (fold[row] == f) held_out.push_back(row);
    }
    if (held_out.empty() || train.size() == 0) continue;
    const std::unique_ptr<CostModel> model = make();
    TUNEFARM_RETURN_IF_ERROR(model->Fit(train));
    TUNEFARM_ASSIGN_OR_RETURN(const std::vector<float> scores, model->Predict(test.rows.data(), test.size()));
    for (std::size_t i = 0; i < held_out.size(); ++i) predicted[held_out[i]] = scores[i];
  }
  return predicted;
}

std::map<int32_t, ModelQuality> JudgeByTask(const TrainingSet& data, const std::vector<float>& held_out,
                                            int folds) {
  struct Rows {
    std::vector<float> predicted, truth;
  };
  const std::vector<int> fold = Folds(data, folds);
  std::map<int32_t, std::map<int, Rows>> groups;
  for (int row = 0; row < data.size(); ++row) {
    Rows& rows = groups[data.task[row]][fold[row]];
    rows.predicted.push_back(held_out[row]);
    rows.truth.push_back(data.scores[row]);
  }
  std::map<int32_t, ModelQuality> result;
  for (const auto& [task, by_fold] : groups) {
    ModelQuality quality;
    double right = 0, recall = 0;
    int64_t pairs = 0;
    for (const auto& [f, rows] : by_fold) {
      const PairwiseAccuracy accuracy = ComputePairwiseAccuracy(rows.predicted, rows.truth);
      const int size = static_cast<int>(rows.truth.size());
      right += accuracy.accuracy * static_cast<double>(accuracy.pairs);
      pairs += accuracy.pairs;
      recall += RecallAt(std::max(1, size / 4), rows.predicted, rows.truth);
      quality.rows += size;
    }
    if (pairs > 0) quality.pairwise_accuracy = right / static_cast<double>(pairs);
    quality.recall = recall / static_cast<double>(by_fold.size());
    quality.better_than_chance = BetterThanChance(quality.pairwise_accuracy, quality.rows);
    result[task] = quality;
  }
  return result;
}

}  // namespace tunefarm::cost_model
