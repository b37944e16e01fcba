#include "runner/timing/sampler.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "runner/timing/calibration.h"
#include "runner/timing/correction.h"
#include "runner/timing/robust_stats.h"
#include "runner/timing/stopping_criterion.h"

namespace tunefarm {
namespace {

// A kernel over the cutoff is not going to win: so many samples say how slow it is, roughly.
constexpr std::size_t kCensoredSamples = 3;

// An interrupted reading over the cutoff is taken again at most so often: where others compete for the core,
// it makes a short call seem many times as slow. Of trials on such a machine two thirds were cut by one.
constexpr int kCutReadings = 3;

// How many budgets to wait for calm samples. Bursts of neighbours last for tens of milliseconds; longer
// waiting would let one restless second cost many trials.
constexpr double kPatience = 1.25;

// A preempted or uneven reading of the reference kernel is repeated at most so often.
constexpr int kReferenceAttempts = 3;

// Two readings of the clock, 50 microseconds apart, differ by less where nothing came between.
constexpr double kSameClock = 1.03;

// Longer calls fill the caches themselves, in a small share of their time.
constexpr double kCallThatFillsCachesUs = 50e3;

// Bounds the memory and the message of one result; a thousand samples of 1 ms are beyond every budget.
constexpr std::size_t kMaxSamples = 2000;

// True when the kernel is slower than the cutoff.
bool Prepare(const TimingPolicy& policy, const Bench& bench, std::size_t kernel, std::uint64_t* iterations) {
  const auto over = [&](double call_us) { return policy.cutoff_us > 0 && call_us > policy.cutoff_us; };
  // A reading to be believed when it, or that share of it, is over the cutoff: one without an interruption,
  // or one so long that interruptions are short beside it, or the fastest of several.
  const auto read = [&](std::uint64_t calls, double share) {
    double fastest_us = std::numeric_limits<double>::max();
    for (int i = 0; i < kCutReadings; ++i) {
      const Reading reading = bench.run(kernel, calls);
      fastest_us = std::min(fastest_us, reading.us);
      const bool believed = !reading.disturbed || fastest_us >= policy.max_time_us;
      if (believed || !over(fastest_us * share / static_cast<double>(calls))) break;
    }
    return fastest_us;
  };
  Calibration calibration(policy.min_sample_us);
  while (!calibration.done()) {
    const std::uint64_t calls = calibration.iterations();
    const double us = read(calls, 0.5);
    // Far beyond the cutoff no longer reading is needed.
    if (over(us / 2 / static_cast<double>(calls))) {
      *iterations = 1;
      return true;
    }
    calibration.Add(us);
  }
  *iterations = calibration.iterations();
  if (over(calibration.call_us())) {
    const double us = read(*iterations, 1);
    if (over(us / static_cast<double>(*iterations))) return true;
  }
  WarmUp warm_up(policy.warm_up_agreement, policy.max_warm_up_us);
  while (!warm_up.done()) {
    const Reading reading = bench.run(kernel, *iterations);
    warm_up.Add(reading.us, reading.us);
  }
  return false;
}

struct Round {
  std::vector<double> call_us;  // Per kernel.
  double spent_us = 0;
  bool preempted = false;
  bool own_time = true;             // No reading includes what others did meanwhile.
  bool of_threads = false;          // All readings are.
  bool disturbed = false;           // Preempted, or the first after one that was: its caches are cold.
  std::size_t readings_before = 0;  // How many core readings had been taken.
};

// Sampling in progress: everything seen, and which of it counts.
class Rounds {
 public:
  Rounds(const TimingPolicy& policy, const Bench& bench) : policy_(policy), bench_(bench) {}

  void ReadCore() {
    if (policy_.reference_every == 0) return;
    CoreReading reading;
    for (int attempt = 0; attempt < kReferenceAttempts; ++attempt) {
      reading = bench_.reference();
      pending_us_ += reading.clock_us * (2 + reading.contention);
      if (reading.calm()) break;
    }
    readings_.push_back(reading);
  }

  void Take(const std::vector<KernelSamples>& kernels) {
    Round round;
    round.call_us.resize(kernels.size());
    round.readings_before = readings_.size();
    round.spent_us = std::exchange(pending_us_, 0);
    // Whoever had the core in between has also had its caches.
    const bool cold = !rounds_.empty() && rounds_.back().preempted;
    for (std::size_t position = 0; position < kernels.size(); ++position) {
      const std::size_t k = rounds_.size() % 2 == 0 ? position : kernels.size() - 1 - position;
      // The kernel before has had the caches; a trial alone finds them as it left them.
      const bool fills = !rounds_.empty() && rounds_.back().call_us[k] >= kCallThatFillsCachesUs;
      if (kernels.size() > 1 && !fills) round.spent_us += bench_.run(k, 1).us;
      const Reading reading = bench_.run(k, kernels[k].iterations);
      round.call_us[k] = reading.us / static_cast<double>(kernels[k].iterations);
      round.spent_us += reading.us;
      round.preempted = round.preempted || reading.disturbed;
      round.own_time = round.own_time && (!reading.disturbed || reading.own_time);
      round.of_threads = reading.of_threads;
    }
    round.disturbed = round.preempted || cold;
    spent_us_ += round.spent_us;
    rounds_.push_back(std::move(round));
    if (policy_.reference_every > 0 && rounds_.size() % policy_.reference_every == 0) ReadCore();
  }

  std::size_t count() const { return rounds_.size(); }
  double spent_us() const { return spent_us_; }

  double CalmContention() const {
    std::vector<double> seen;
    seen.reserve(readings_.size());
    for (const CoreReading& reading : readings_) {
      if (reading.calm()) seen.push_back(reading.contention);
    }
    if (seen.empty() && !readings_.empty()) seen.push_back(readings_.front().contention);
    return Quantile(std::move(seen), 0.1);
  }

  // Indices of the rounds that count, in order. With `fill`, at least min_samples of them if there are so
  // many.
  std::vector<std::size_t> Accepted(bool fill) const {
    double calm = CalmContention();
    if (policy_.calm_contention > 0) calm = std::min(calm, policy_.calm_contention);
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < rounds_.size(); ++i) {
      if (!rounds_[i].disturbed) order.push_back(i);
    }
    std::stable_sort(order.begin(), order.end(),
                     [this](std::size_t a, std::size_t b) { return Contention(a) < Contention(b); });
    const double limit =
        policy_.drift_limit > 0 ? calm * (1 + policy_.drift_limit) : std::numeric_limits<double>::max();
    const auto above =
        std::find_if(order.begin(), order.end(), [&](std::size_t i) { return Contention(i) > limit; });
    auto keep = static_cast<std::size_t>(above - order.begin());
    if (fill) keep = std::max(keep, std::min<std::size_t>(policy_.min_samples, order.size()));
    order.resize(keep);
    // On a machine so busy that hardly any two rounds in a row are left alone, one with cold caches is better
    // than none, and one that was interrupted in between better still than that.
    for (const bool preempted : {false, true}) {
      for (std::size_t i = 0; fill && i < rounds_.size() && order.size() < policy_.min_samples; ++i) {
        const Round& round = rounds_[i];
        if (round.disturbed && round.preempted == preempted && round.own_time) order.push_back(i);
      }
    }
    // Of several threads, which wait for one another, processor time says nothing: of their interrupted
    // rounds those from which others took least.
    if (fill && order.size() < policy_.min_samples) AddShortest(policy_.min_samples - order.size(), order);
    std::sort(order.begin(), order.end());
    return order;
  }

  // Index of the round that took least.
  std::size_t Fastest() const {
    return static_cast<std::size_t>(
        std::min_element(rounds_.begin(), rounds_.end(),
                         [](const Round& a, const Round& b) { return a.spent_us < b.spent_us; }) -
        rounds_.begin());
  }
  double spent_us(std::size_t round) const { return rounds_[round].spent_us; }

  // Copies the accepted rounds into the kernels' results.
  void Fill(const std::vector<std::size_t>& accepted, std::vector<KernelSamples>& kernels) const {
    for (std::size_t k = 0; k < kernels.size(); ++k) {
      KernelSamples& kernel = kernels[k];
      kernel.samples_us.clear();
      kernel.reference_us.clear();
      kernel.reference_positions.clear();
      kernel.dropped = static_cast<std::uint32_t>(rounds_.size() - accepted.size());
      std::size_t next = 0;  // Of the readings.
      for (const std::size_t i : accepted) {
        for (; next < rounds_[i].readings_before; ++next) AddReading(next, kernel);
        kernel.samples_us.push_back(rounds_[i].call_us[k]);
      }
      for (; next < readings_.size(); ++next) AddReading(next, kernel);
    }
  }

 private:
  // Of the interrupted rounds of several threads, so many that took least.
  void AddShortest(std::size_t count, std::vector<std::size_t>& order) const {
    std::vector<std::size_t> others;
    for (std::size_t i = 0; i < rounds_.size(); ++i) {
      if (rounds_[i].disturbed && !rounds_[i].own_time && rounds_[i].of_threads) others.push_back(i);
    }
    std::stable_sort(others.begin(), others.end(), [this](std::size_t a, std::size_t b) {
      return rounds_[a].spent_us < rounds_[b].spent_us;
    });
    order.insert(order.end(), others.begin(), others.begin() + std::min(count, others.size()));
  }

  // The worse of the readings on both sides of a round.
  double Contention(std::size_t round) const {
    const std::size_t after = rounds_[round].readings_before;
    double worst = 0;
    if (after > 0) worst = readings_[after - 1].contention;
    if (after < readings_.size()) worst = std::max(worst, readings_[after].contention);
    return worst;
  }

  void AddReading(std::size_t i, KernelSamples& kernel) const {
    kernel.reference_us.push_back(readings_[i].clock_us);
    kernel.reference_positions.push_back(static_cast<std::uint32_t>(kernel.samples_us.size()));
  }

  const TimingPolicy& policy_;
  const Bench& bench_;
  std::vector<CoreReading> readings_;
  std::vector<Round> rounds_;
  double pending_us_ = 0;  // Cost of core readings, charged to the next round.
  double spent_us_ = 0;
};

Sampling Judge(const TimingPolicy& policy, const KernelSamples& kernel, double spent_us) {
  StoppingCriterion criterion(policy);
  const std::vector<double> values =
      CorrectSamples(kernel.samples_us, kernel.reference_us, kernel.reference_positions, 1.0);
  for (const double value : values) criterion.Add(value, spent_us / static_cast<double>(values.size()));
  if (values.empty()) criterion.Spend(spent_us);
  return criterion.Decide();
}

}  // namespace

CoreReading Combine(const Reading& clock, const Reading& crowd, const Reading& clock_again) {
  const double clock_us = std::min(clock.us, clock_again.us);
  const bool agree = std::max(clock.us, clock_again.us) <= kSameClock * clock_us;
  return {clock_us, crowd.us / clock_us, clock.disturbed || crowd.disturbed || clock_again.disturbed, !agree};
}

std::vector<KernelSamples> Sample(const TimingPolicy& policy, std::size_t kernels, const Bench& bench,
                                  double* calm_contention) {
  std::vector<KernelSamples> results(kernels);
  bool censored = kernels > 0;  // Only when all are: a pair is compared even if one of them is slow.
  for (std::size_t k = 0; k < kernels; ++k) {
    results[k].censored = Prepare(policy, bench, k, &results[k].iterations);
    censored = censored && results[k].censored;
  }
  for (KernelSamples& result : results) result.censored = censored;
  if (bench.begin_sampling) bench.begin_sampling();

  Rounds rounds(policy, bench);
  rounds.ReadCore();
  for (;;) {
    rounds.Take(results);
    if (censored && (rounds.count() >= kCensoredSamples || rounds.spent_us() >= policy.max_time_us)) break;
    const bool budget_spent =
        rounds.spent_us() >=
        policy.max_time_us * (rounds.Accepted(false).size() < policy.min_samples ? kPatience : 1);
    const bool last = budget_spent || rounds.count() >= kMaxSamples;
    // Judging costs some microseconds on the core under test: not before it can matter.
    if (!last && rounds.count() < policy.min_samples) continue;
    rounds.Fill(rounds.Accepted(false), results);
    bool precise = true;
    for (const KernelSamples& result : results) {
      precise = precise && Judge(policy, result, rounds.spent_us()) == Sampling::kPrecise;
    }
    if (precise || last) break;
  }
  const bool calm = rounds.Accepted(false).size() >= policy.min_samples;
  std::vector<std::size_t> accepted = rounds.Accepted(true);
  // A call that lasts as long as the budget is interrupted every time. The interruption is short beside it,
  // and a slow kernel must not pass for a restless machine.
  const std::size_t fastest = rounds.Fastest();
  if (accepted.empty() && (censored || rounds.spent_us(fastest) >= policy.max_time_us)) accepted = {fastest};
  rounds.Fill(accepted, results);
  for (KernelSamples& result : results) {
    const bool precise = calm && Judge(policy, result, rounds.spent_us()) == Sampling::kPrecise;
    result.noisy = !result.censored && !precise;
  }
  *calm_contention = rounds.CalmContention();
  return results;
}

}  // namespace tunefarm
