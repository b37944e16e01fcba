#include "cost_model/analytic_model.h"

#include <algorithm>

#include "cost_model/features.h"

namespace tunefarm::cost_model {
namespace {

int EstimateIndex() {
  static const int index = [] {
    const std::vector<std::string>& names = FeatureNames();
    return static_cast<int>(std::find(names.begin(), names.end(), "estimate.total") - names.begin());
  }();
  return index;
}

}  // namespace

absl::StatusOr<std::vector<float>> AnalyticModel::Predict(const float* rows, size_t count) const {
  std::vector<float> scores(count);
  const size_t width = NumFeatures();
  for (size_t i = 0; i < count; ++i) scores[i] = -rows[i * width + EstimateIndex()];
  return scores;
}

absl::StatusOr<std::string> AnalyticModel::Save() const {
  return absl::FailedPreconditionError("the cost model was not trained yet");
}

}  // namespace tunefarm::cost_model
