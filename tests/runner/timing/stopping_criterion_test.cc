#include "runner/timing/stopping_criterion.h"

#include "tests/catch.h"

namespace tunefarm {
namespace {

TimingPolicy Policy() {
  TimingPolicy policy;
  policy.min_samples = 6;
  policy.min_time_us = 600;
  policy.max_time_us = 1000;
  policy.target_half_width = 0.01;
  return policy;
}

}  // namespace

TEST_CASE("SamplingGoesOnUntilCountAndTimeAreEnough") {
  StoppingCriterion criterion(Policy());
  for (int i = 0; i < 5; ++i) criterion.Add(10, 50);
  CHECK(criterion.Decide() == Sampling::kContinue);
  criterion.Add(10, 50);  // Six samples, but only 300 us.
  CHECK(criterion.Decide() == Sampling::kContinue);
  criterion.Add(10, 300);
  CHECK(criterion.Decide() == Sampling::kPrecise);
}

TEST_CASE("HalfWidthIsHalfTheIntervalOverTheMedian") {
  StoppingCriterion criterion(Policy());
  // Six values: the interval is their range, 98 to 102; the median is 100.
  for (const double value : {98., 99., 100., 100., 101., 102.}) criterion.Add(value, 100);
  CHECK(criterion.HalfWidth() == Approx(0.02));
  CHECK(criterion.Decide() == Sampling::kContinue);
}

TEST_CASE("WideSamplesAreNoisyOnceTheBudgetIsSpent") {
  StoppingCriterion criterion(Policy());
  for (int i = 0; i < 10; ++i) criterion.Add(i % 2 == 0 ? 100 : 150, 100);
  CHECK(criterion.Decide() == Sampling::kNoisy);
}

TEST_CASE("DroppingEverySampleEndsAtFourBudgets") {
  StoppingCriterion criterion(Policy());
  criterion.Spend(3999);
  CHECK(criterion.Decide() == Sampling::kContinue);
  criterion.Spend(1);
  CHECK(criterion.Decide() == Sampling::kNoisy);
}

}  // namespace tunefarm
