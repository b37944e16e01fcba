#include "runner/emulated/emulated_result.h"

namespace tunefarm {

v1::KernelResult ToKernelResult(const cycles::Estimate& estimate, std::uint64_t clock_hz) {
  const double us = estimate.cycles * 1e6 / static_cast<double>(clock_hz);
  v1::KernelResult result;
  result.add_samples_us(us);
  result.set_iterations(1);
  result.set_median_us(us);
  result.set_raw_median_us(us);
  result.set_low_us(us);
  result.set_high_us(us);
  result.set_estimated(true);
  result.set_cycles(estimate.cycles);
  result.set_instructions(estimate.instructions);
  result.set_cycle_model(estimate.model);
  result.set_error_band(estimate.error_band);
  result.set_cycle_breakdown(cycles::Describe(estimate));
  return result;
}

}  // namespace tunefarm
