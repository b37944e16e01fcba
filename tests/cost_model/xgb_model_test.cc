#include "cost_model/xgb_model.h"

#include <string>
#include <vector>

#include "base/rng.h"
#include "cost_model/cross_validation.h"
#include "cost_model/ranking_metrics.h"
#include "tests/catch.h"

namespace tunefarm::cost_model {
namespace {

// Score 1 / (1 + |x - 0.3| + |y - 0.7|) of two of four features; the others are noise.
TrainingSet Synthetic(int rows, uint64_t seed, int32_t task = 0) {
  Rng rng(seed);
  TrainingSet data;
  data.features = 4;
  for (int i = 0; i < rows; ++i) {
    float x[4];
    for (float& value : x) {
      value = static_cast<float>(rng.UniformDouble());
      data.rows.push_back(value);
    }
    data.scores.push_back(1 / (1 + std::abs(x[1] - 0.3f) + std::abs(x[2] - 0.7f)));
    data.task.push_back(task);
  }
  return data;
}

double Accuracy(const CostModel& model, const TrainingSet& data) {
  return ComputePairwiseAccuracy(*model.Predict(data.rows.data(), data.size()), data.scores).accuracy;
}

}  // namespace

TEST_CASE("TrainedModelRanksRowsItNeverSaw") {
  auto model = *XgbModel::Create(4);
  REQUIRE(model->Fit(Synthetic(300, 1)).ok());
  REQUIRE(Accuracy(*model, Synthetic(300, 2)) > 0.85);
}

TEST_CASE("SameDataGivesTheSameModel") {
  auto a = *XgbModel::Create(4);
  auto b = *XgbModel::Create(4);
  REQUIRE(a->Fit(Synthetic(200, 1)).ok());
  REQUIRE(b->Fit(Synthetic(200, 1)).ok());
  REQUIRE(*a->Save() == *b->Save());
}

TEST_CASE("SavedModelPredictsTheSameWhenLoaded") {
  const TrainingSet test = Synthetic(50, 3);
  auto model = *XgbModel::Create(4);
  REQUIRE(model->Fit(Synthetic(200, 1)).ok());
  auto loaded = *XgbModel::Create(4, *model->Save());
  REQUIRE(*loaded->Predict(test.rows.data(), 50) == *model->Predict(test.rows.data(), 50));
}

TEST_CASE("ModelOfOtherFeaturesIsRefusedByName") {
  auto model = *XgbModel::Create(4);
  REQUIRE(model->Fit(Synthetic(20, 1)).ok());
  std::string bytes = *model->Save();
  const std::string version = "features=";
  bytes[bytes.find(version) + version.size()] = '0';
  const absl::Status refused = XgbModel::Create(4, bytes).status();
  REQUIRE(refused.code() == absl::StatusCode::kInvalidArgument);
  REQUIRE(std::string(refused.message()).find("features=0") != std::string::npos);
  REQUIRE(XgbModel::Create(5, *model->Save()).status().code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("BytesThatAreNoModelAreRefused") {
  auto model = *XgbModel::Create(4);
  REQUIRE(model->Fit(Synthetic(20, 1)).ok());
  const std::string whole = *model->Save();
  for (const std::string& bytes :
       {std::string("rubbish"), whole.substr(0, whole.find('\n') + 1) + "rubbish"}) {
    REQUIRE(XgbModel::Create(4, bytes).status().code() == absl::StatusCode::kInvalidArgument);
  }
}

TEST_CASE("ModelOfOtherTasksIsAStart") {
  auto teacher = *XgbModel::Create(4);
  REQUIRE(teacher->Fit(Synthetic(400, 1)).ok());
  const TrainingSet few = Synthetic(12, 5), test = Synthetic(300, 2);
  auto fresh = *XgbModel::Create(4);
  auto started = *XgbModel::Create(4, *teacher->Save());
  REQUIRE(Accuracy(*started, test) == Approx(Accuracy(*teacher, test)));
  REQUIRE(fresh->Fit(few).ok());
  REQUIRE(started->Fit(few).ok());
  REQUIRE(Accuracy(*started, test) > Accuracy(*fresh, test) + 0.05);
  // Fitting again starts from the teacher again, not from the last fit.
  const std::string once = *started->Save();
  REQUIRE(started->Fit(few).ok());
  REQUIRE(*started->Save() == once);
}

TEST_CASE("UntrainedModelSaysSo") {
  auto model = *XgbModel::Create(4);
  const float row[4] = {};
  REQUIRE(model->Predict(row, 1).status().code() == absl::StatusCode::kFailedPrecondition);
  REQUIRE(model->Save().status().code() == absl::StatusCode::kFailedPrecondition);
  REQUIRE(model->Fit(TrainingSet{4, {}, {}, {}}).code() == absl::StatusCode::kInvalidArgument);
  REQUIRE(model->Fit(TrainingSet{3, {1, 2, 3}, {1}, {0}}).code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("HeldOutRowsAreJudgedByModelsThatDidNotSeeThem") {
  TrainingSet data = Synthetic(120, 1, 0);
  // A second task of pure noise: nothing can be known of rows that were not trained on.
  TrainingSet noise = Synthetic(120, 2, 1);
  Rng rng(3);
  for (float& score : noise.scores) score = static_cast<float>(rng.UniformDouble());
  data.rows.insert(data.rows.end(), noise.rows.begin(), noise.rows.end());
  data.scores.insert(data.scores.end(), noise.scores.begin(), noise.scores.end());
  data.task.insert(data.task.end(), noise.task.begin(), noise.task.end());
  // Tell the tasks apart by a feature that is otherwise unused.
  for (int i = 0; i < data.size(); ++i) data.rows[i * 4] = static_cast<float>(data.task[i]);
  const auto held_out = *PredictHeldOut([] { return *XgbModel::Create(4); }, data, 4);
  const auto quality = JudgeByTask(data, held_out, 4);
  REQUIRE(quality.at(0).rows == 120);
  REQUIRE(quality.at(0).pairwise_accuracy > 0.68);
  REQUIRE(quality.at(0).better_than_chance);
  REQUIRE(quality.at(0).recall > 0.5);
  REQUIRE(quality.at(1).pairwise_accuracy < 0.6);
  REQUIRE_FALSE(quality.at(1).better_than_chance);
}

}  // namespace tunefarm::cost_model
