#include "cost_model/corrected_estimate.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>

#include "cost_model/analytic_model.h"
#include "cost_model/features.h"

namespace tunefarm::cost_model {
namespace {

// Octaves of speed for an octave of estimated cycles. Below 1, as the estimate exaggerates: what it calls
// slowest is not that slow. Trees even out what is wrong with it: 0.5 and 1 order recorded trials as well.
constexpr float kTrust = 0.7f;
// A candidate that failed counts as so much slower than the best.
constexpr float kLeastScore = 1.0f / 64;

}  // namespace

absl::StatusOr<std::unique_ptr<CorrectedEstimate>> CorrectedEstimate::Create(const std::string& start) {
  TUNEFARM_ASSIGN_OR_RETURN(std::unique_ptr<XgbModel> trees, XgbModel::Create(NumFeatures(), start));
  return std::unique_ptr<CorrectedEstimate>(new CorrectedEstimate(std::move(trees)));
}

absl::Status CorrectedEstimate::Fit(const TrainingSet& data) {
  if (data.rows.size() != static_cast<size_t>(data.size()) * NumFeatures()) {
    return absl::InvalidArgumentError("a cost model was given rows of another width than features have");
  }
  TUNEFARM_ASSIGN_OR_RETURN(const std::vector<float> estimates,
                            AnalyticModel().Predict(data.rows.data(), data.size()));
  TrainingSet left_over = data;
  std::map<int32_t, std::pair<double, int>> sums;  // By task.
  for (int i = 0; i < data.size(); ++i) {
    left_over.scores[i] = std::log2(std::max(kLeastScore, data.scores[i])) - kTrust * estimates[i];
    auto& [sum, rows] = sums[data.task[i]];
    sum += left_over.scores[i];
    ++rows;
  }
  for (int i = 0; i < data.size(); ++i) {
    const auto& [sum, rows] = sums[data.task[i]];
    left_over.scores[i] -= static_cast<float>(sum / rows);
  }
  return trees_->Fit(left_over);
}

absl::StatusOr<std::vector<float>> CorrectedEstimate::Predict(const float* rows, size_t count) const {
  TUNEFARM_ASSIGN_OR_RETURN(std::vector<float> scores, trees_->Predict(rows, count));
  TUNEFARM_ASSIGN_OR_RETURN(const std::vector<float> estimates, AnalyticModel().Predict(rows, count));
  for (size_t i = 0; i < count; ++i) scores[i] += kTrust * estimates[i];
  return scores;
}

}  // namespace tunefarm::cost_model
