// When enough samples have been taken. A pure class fed with numbers.
#pragma once

#include <cstdint>
#include <vector>

#include "runner/timing/timing_policy.h"

namespace tunefarm {

enum class Sampling {
  kContinue,
  kPrecise,  // The 95 % interval of the median is as narrow as asked.
  kNoisy,    // The budget is spent and the interval is wider.
};

class StoppingCriterion {
 public:
  explicit StoppingCriterion(const TimingPolicy& policy) : policy_(policy) {}

  // A sample that counts. `value` is in any unit, the same for all (microseconds, or a ratio to the reference
  // kernel); `elapsed_us` is the time that taking it cost, the reference kernel's included.
  void Add(double value, double elapsed_us);

  // Time that passed without giving a sample: a dropped one.
  void Spend(double elapsed_us) { spent_us_ += elapsed_us; }

  Sampling Decide() const;

  // Half the width of the median's 95 % interval as a share of the median.
  double HalfWidth() const;

 private:
  TimingPolicy policy_;
  std::vector<double> values_;
  double sampled_us_ = 0;  // What min_time_us asks for.
  double spent_us_ = 0;    // What max_time_us bounds.
};

}  // namespace tunefarm
