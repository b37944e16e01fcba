#include "runner/timing/stopping_criterion.h"

#include "runner/timing/robust_stats.h"

namespace tunefarm {

void StoppingCriterion::Add(double value, double elapsed_us) {
  values_.push_back(value);
  sampled_us_ += elapsed_us;
  spent_us_ += elapsed_us;
}

double StoppingCriterion::HalfWidth() const {
  const double median = Median(values_);
  if (median <= 0) return 0;
  const Interval interval = MedianInterval95(values_);
  return (interval.high - interval.low) / 2 / median;
}

Sampling StoppingCriterion::Decide() const {
  const bool enough = values_.size() >= policy_.min_samples && sampled_us_ >= policy_.min_time_us;
  if (enough && HalfWidth() <= policy_.target_half_width) return Sampling::kPrecise;
  if (spent_us_ >= policy_.max_time_us && !values_.empty()) return Sampling::kNoisy;
  // A machine so busy that every sample is dropped must not hold us for ever.
  if (spent_us_ >= 4 * policy_.max_time_us) return Sampling::kNoisy;
  return Sampling::kContinue;
}

}  // namespace tunefarm
