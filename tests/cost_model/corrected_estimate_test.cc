#include "cost_model/corrected_estimate.h"

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "cost_model/features.h"
#include "cost_model/ranking_metrics.h"
#include "tests/catch.h"

namespace tunefarm::cost_model {
namespace {

int Column(const std::string& name) {
  const std::vector<std::string>& names = FeatureNames();
  return static_cast<int>(std::find(names.begin(), names.end(), name) - names.begin());
}

// Speed falls with the estimate, and by as much again with another feature; the rest are noise.
TrainingSet Synthetic(int rows, uint64_t seed, float factor = 1, int32_t task = 0) {
  Rng rng(seed);
  TrainingSet data;
  data.features = NumFeatures();
  for (int i = 0; i < rows; ++i) {
    std::vector<float> row(NumFeatures());
    for (float& value : row) value = static_cast<float>(rng.UniformDouble());
    const double estimate = 4 * rng.UniformDouble(), other = 4 * rng.UniformDouble();
    row[Column("estimate.total")] = static_cast<float>(8 + estimate);
    row[Column("loop0.extent")] = static_cast<float>(other);
    data.rows.insert(data.rows.end(), row.begin(), row.end());
    data.scores.push_back(factor * static_cast<float>(std::exp2(-estimate / 2 - other / 2)));
    data.task.push_back(task);
  }
  return data;
}

double Accuracy(const CostModel& model, const TrainingSet& data) {
  return ComputePairwiseAccuracy(*model.Predict(data.rows.data(), data.size()), data.scores).accuracy;
}

}  // namespace

TEST_CASE("FewTrialsDoNotMakeTheEstimateWorse") {
  const TrainingSet test = Synthetic(200, 2);
  auto corrected = *CorrectedEstimate::Create();
  auto trees = *XgbModel::Create(NumFeatures());
  REQUIRE(corrected->Fit(Synthetic(4, 1)).ok());
  REQUIRE(trees->Fit(Synthetic(4, 1)).ok());
  REQUIRE(Accuracy(*corrected, test) > 0.7);
  REQUIRE(Accuracy(*corrected, test) > Accuracy(*trees, test) + 0.05);
}

TEST_CASE("ManyTrialsCorrectTheEstimate") {
  auto corrected = *CorrectedEstimate::Create();
  REQUIRE(corrected->Fit(Synthetic(300, 1)).ok());
  REQUIRE(Accuracy(*corrected, Synthetic(200, 2)) > 0.9);
}

TEST_CASE("ScoresOfTasksAreOfDifferentScale") {
  TrainingSet data = Synthetic(150, 1);
  const TrainingSet slow = Synthetic(150, 3, 0.1f, 1);
  data.rows.insert(data.rows.end(), slow.rows.begin(), slow.rows.end());
  data.scores.insert(data.scores.end(), slow.scores.begin(), slow.scores.end());
  data.task.insert(data.task.end(), slow.task.begin(), slow.task.end());
  auto corrected = *CorrectedEstimate::Create();
  REQUIRE(corrected->Fit(data).ok());
  REQUIRE(Accuracy(*corrected, Synthetic(200, 2)) > 0.9);
}

TEST_CASE("SavedCorrectionPredictsTheSameWhenLoaded") {
  auto corrected = *CorrectedEstimate::Create();
  REQUIRE(corrected->Fit(Synthetic(50, 1)).ok());
  const auto loaded = *CorrectedEstimate::Create(*corrected->Save());
  const TrainingSet test = Synthetic(20, 2);
  REQUIRE(*loaded->Predict(test.rows.data(), 20) == *corrected->Predict(test.rows.data(), 20));
}

TEST_CASE("CorrectionRefusesRowsOfAnotherWidth") {
  auto corrected = *CorrectedEstimate::Create();
  REQUIRE(corrected->Fit(TrainingSet{3, {1, 2, 3}, {1}, {0}}).code() == absl::StatusCode::kInvalidArgument);
}

}  // namespace tunefarm::cost_model
