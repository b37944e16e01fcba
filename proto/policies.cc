#include "proto/policies.h"

namespace tunefarm {

v1::MeasurementPolicy ScreeningPolicy() {
  v1::MeasurementPolicy policy;
  policy.set_name("screening");
  policy.set_version(1);
  // The least number of samples with a meaningful 95 % interval is six; with twelve two bad ones cannot move
  // it.
  policy.set_min_samples(12);
  // Spreads the samples over more than the few milliseconds for which a neighbour typically holds the core.
  policy.set_min_time_us(20e3);
  // What a candidate may cost when the machine is restless; at half of it noisy machines rank by luck.
  policy.set_max_time_us(90e3);
  // Candidates closer than 1 % are a tie at this stage; half of it would spend the whole budget on every
  // candidate.
  policy.set_target_half_width(0.01);
  // A thousand times the clock's resolution and long against an interrupt; at half of it interrupts show, at
  // double a budget holds too few samples.
  policy.set_min_sample_us(1000);
  // Caches and branch predictors need a few calls, clocks some milliseconds.
  policy.set_max_warm_up_us(10e3);
  // The looser warm-up ends after nine samples on a calm machine; it need not be as narrow as the result.
  policy.set_warm_up_agreement(0.03);
  // No cut without a best to compare with: the session sets it.
  policy.set_cutoff_us(0);
  // The core's state is read between any two samples, at a tenth of their time: a sample whose neighbours on
  // both sides were calm was calm. At every second sample bursts of a few milliseconds slip through.
  policy.set_reference_every(1);
  // Calm readings agree within 1 %, a core whose units are shared reads 20 to 40 % more. Half of it would
  // drop calm samples, at double a neighbour that runs for a part of a sample would pass.
  policy.set_drift_limit(0.04);
  return policy;
}

v1::MeasurementPolicy ConfirmationPolicy(double round_us) {
  v1::MeasurementPolicy policy = ScreeningPolicy();
  policy.set_name("confirmation");
  // Paired differences need more samples than a median does: with 40 the interval skips 14 at each end.
  policy.set_min_samples(40);
  policy.set_min_time_us(150e3);
  // Of slow kernels so many rounds: eight pairs are the fewest that tell five candidates from the default,
  // and not every round counts. Each call that is timed follows one that is not.
  constexpr double kRounds = 12, kCalls = 2;
  policy.set_max_time_us(std::max(500e3, kRounds * kCalls * round_us));
  // Half of what screening asks for: winners differ by a few per cent.
  policy.set_target_half_width(0.005);
  policy.set_max_warm_up_us(20e3);
  policy.set_warm_up_agreement(0.02);
  return policy;
}

}  // namespace tunefarm
