#include "cost_model/analytic_model.h"

#include <algorithm>

#include "cost_model/features.h"
#include "tests/catch.h"

namespace tunefarm::cost_model {

TEST_CASE("EstimateOfFewerCyclesRanksHigher") {
  const auto& names = FeatureNames();
  const auto total = std::find(names.begin(), names.end(), "estimate.total") - names.begin();
  std::vector<float> rows(3 * NumFeatures(), 0.0f);
  for (int i = 0; i < 3; ++i) rows[i * NumFeatures() + total] = static_cast<float>(5 - i);
  const std::vector<float> scores = *AnalyticModel().Predict(rows.data(), 3);
  REQUIRE(scores[0] < scores[1]);
  REQUIRE(scores[1] < scores[2]);
}

TEST_CASE("EstimateKnowsThatARegisterTileBeatsNone") {
  using namespace schedules;
  const auto task =
      *Task::Create(*Workload::Parse("matmul:m=512,n=512,k=512,dtype=f32"), *FindTarget("x86-64-v3"));
  const auto worst = [&] {  // The legal config with the fewest accumulators among many.
    Rng rng(1);
    Config least = task->space().default_config();
    for (int i = 0; i < 2000; ++i) {
      const Config config = task->space().Sample(rng);
      if (task->Lower(config)->accumulators < task->Lower(least)->accumulators) least = config;
    }
    return least;
  }();
  REQUIRE(task->Lower(worst)->accumulators < task->Lower(task->space().default_config())->accumulators);
  const std::vector<float> rows = ExtractRows(*task, {worst, task->space().default_config()});
  const std::vector<float> scores = *AnalyticModel().Predict(rows.data(), 2);
  REQUIRE(scores[0] < scores[1]);
}

}  // namespace tunefarm::cost_model
