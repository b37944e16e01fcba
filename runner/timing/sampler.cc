#include "runner/timing/sampler.h"

#include <utility>

#include "runner/timing/calibration.h"
#include "runner/timing/correction.h"
#include "runner/timing/stopping_criterion.h"

namespace tunefarm {
namespace {

// A kernel over the cutoff is not going to win: so many samples say how slow it is, roughly.
constexpr std::size_t kCensoredSamples = 3;

// A preempted reading of the reference kernel is repeated at most so often.
constexpr int kReferenceAttempts = 3;

// Bounds the memory and the message of one result; a thousand samples of 1 ms are beyond every budget.
constexpr std::size_t kMaxSamples = 2000;

// True when the kernel is slower than the cutoff.
bool Prepare(const TimingPolicy& policy, const Bench& bench, std::size_t kernel, std::uint64_t* iterations) {
  const auto over = [&](double call_us) { return policy.cutoff_us > 0 && call_us > policy.cutoff_us; };
  Calibration calibration(policy.min_sample_us);
  while (!calibration.done()) {
    const std::uint64_t calls = calibration.iterations();
    const Reading reading = bench.run(kernel, calls);
    // Far beyond the cutoff one warm reading is enough.
    if (over(reading.us / 2 / static_cast<double>(calls))) {
      *iterations = 1;
      return true;
    }
    calibration.Add(reading.us);
  }
  *iterations = calibration.iterations();
  if (over(calibration.call_us())) return true;
  WarmUp warm_up(policy.warm_up_agreement, policy.max_warm_up_us);
  while (!warm_up.done()) {
    const Reading reading = bench.run(kernel, *iterations);
    warm_up.Add(reading.us, reading.us);
  }
  return false;
}

}  // namespace

std::vector<KernelSamples> Sample(const TimingPolicy& policy, std::size_t kernels, const Bench& bench) {
  std::vector<KernelSamples> results(kernels);
  bool censored = kernels > 0;  // Only when all are: a pair is compared even if one of them is slow.
  for (std::size_t k = 0; k < kernels; ++k) {
    results[k].censored = Prepare(policy, bench, k, &results[k].iterations);
    censored = censored && results[k].censored;
  }
  if (bench.begin_sampling) bench.begin_sampling();

  double spent_us = 0;
  double since_last_us = 0;  // Cost of the reference readings, charged to the next round.
  const auto take_reference = [&] {
    Reading reading;
    for (int attempt = 0; attempt < kReferenceAttempts; ++attempt) {
      reading = bench.reference();
      since_last_us += reading.us;
      if (!reading.disturbed) break;
    }
    for (KernelSamples& result : results) {
      result.reference_us.push_back(reading.us);
      result.reference_positions.push_back(static_cast<std::uint32_t>(result.samples_us.size()));
    }
  };
  if (policy.reference_every > 0) {
    take_reference();
    take_reference();
  }

  std::vector<double> round(kernels);
  for (std::uint32_t rounds = 0;; ++rounds) {
    bool disturbed = false;
    double round_us = std::exchange(since_last_us, 0);
    for (std::size_t position = 0; position < kernels; ++position) {
      const std::size_t k = rounds % 2 == 0 ? position : kernels - 1 - position;
      const Reading reading = bench.run(k, results[k].iterations);
      round[k] = reading.us / static_cast<double>(results[k].iterations);
      round_us += reading.us;
      disturbed = disturbed || reading.disturbed;
    }
    spent_us += round_us;
    for (std::size_t k = 0; k < kernels; ++k) {
      if (disturbed) {
        ++results[k].dropped;
      } else {
        results[k].samples_us.push_back(round[k]);
      }
    }
    if (policy.reference_every > 0 && (rounds + 1) % policy.reference_every == 0) take_reference();

    const std::size_t count = results.empty() ? 0 : results[0].samples_us.size();
    if (censored && count >= kCensoredSamples) break;
    // The interval is judged on what the median will be taken of: ratios to the reference kernel.
    bool precise = true;
    bool stop = count >= kMaxSamples;
    for (KernelSamples& result : results) {
      StoppingCriterion criterion(policy);
      const std::vector<double> ratios =
          CorrectSamples(result.samples_us, result.reference_us, result.reference_positions, 1.0);
      for (const double ratio : ratios) criterion.Add(ratio, spent_us / static_cast<double>(ratios.size()));
      if (ratios.empty()) criterion.Spend(spent_us);
      const Sampling decision = criterion.Decide();
      result.noisy = decision != Sampling::kPrecise;
      precise = precise && decision == Sampling::kPrecise;
      stop = stop || decision == Sampling::kNoisy;
    }
    if (precise || stop) break;
  }
  if (policy.reference_every > 0) take_reference();
  for (KernelSamples& result : results) {
    result.censored = result.censored && censored;
  }
  return results;
}

}  // namespace tunefarm
