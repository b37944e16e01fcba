#include "tuner/confirmation.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace tunefarm::tuner {
namespace {

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

// The largest r with P(Binomial(n, 1/2) < r) <= alpha / 2: the r-th smallest and r-th largest values bound
// the median with confidence 1 - alpha. 0: n is too small.
int OrderStatistic(int n, double alpha) {
  double below = 0;
  for (int r = 0; r < n; ++r) {
    below +=
        std::exp(std::lgamma(n + 1.0) - std::lgamma(r + 1.0) - std::lgamma(n - r + 1.0) - n * std::log(2.0));
    if (below > alpha / 2) return r;
  }
  return 0;
}

}  // namespace

ConfirmationOutcome ConfirmationOutcomeOf(const v1::Measurement& measurement) {
  ConfirmationOutcome outcome;
  outcome.failure = measurement.failure().kind();
  outcome.failed_kernel = static_cast<int>(measurement.failed_kernel());
  outcome.message = measurement.failure().message();
  if (outcome.failure != v1::FAILURE_KIND_UNSPECIFIED) return outcome;
  for (const v1::KernelResult& kernel : measurement.kernels()) {
    outcome.samples_us.emplace_back(kernel.samples_us().begin(), kernel.samples_us().end());
  }
  return outcome;
}

PairedRatio ComparePaired(const std::vector<double>& a, const std::vector<double>& b, double alpha) {
  std::vector<double> logs;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (a[i] > 0 && b[i] > 0) logs.push_back(std::log(b[i] / a[i]));
  }
  const int n = static_cast<int>(logs.size());
  const int r = OrderStatistic(n, alpha);
  PairedRatio result;
  result.high = std::numeric_limits<double>::infinity();
  if (n == 0) return result;
  result.ratio = std::exp(Median(logs));
  if (r == 0) return result;
  std::sort(logs.begin(), logs.end());
  result.low = std::exp(logs[r - 1]);
  result.high = std::exp(logs[n - r]);
  return result;
}

Verdict Judge(const Confirmation& confirmation, const std::vector<std::vector<double>>& samples_us) {
  const int count = static_cast<int>(confirmation.kernels.size());
  const double alpha = 0.05 / std::max(1, count - 1);
  std::vector<PairedRatio> against_first(count);
  Verdict verdict;
  verdict.decided = count == 1;
  int fastest = 0;
  for (int i = 1; i < count; ++i) {
    against_first[i] = ComparePaired(samples_us[0], samples_us[i], alpha);
    verdict.decided = verdict.decided || std::isfinite(against_first[i].high);
    if (against_first[i].high < 1 &&
        (fastest == 0 || against_first[i].ratio < against_first[fastest].ratio)) {
      fastest = i;
    }
  }
  verdict.winner = fastest;
  verdict.tie = fastest == 0;
  for (int i = 1; verdict.tie && i < count; ++i) {
    if (against_first[i].ratio < 1 - kWorthAnother) verdict.promising.push_back(i);
  }
  std::ranges::stable_sort(verdict.promising, {}, [&](int i) { return against_first[i].ratio; });
  for (int i = 1; fastest != 0 && i < count; ++i) {
    if (i == fastest || against_first[i].high >= 1) continue;
    const PairedRatio to_fastest = ComparePaired(samples_us[fastest], samples_us[i], alpha);
    if (to_fastest.low <= 1 && to_fastest.ratio <= 1 + kTieShare &&
        confirmation.kernels[i].trial < confirmation.kernels[verdict.winner].trial) {
      verdict.winner = i;
    }
  }
  if (verdict.winner != 0) verdict.speedup = 1 / against_first[verdict.winner].ratio;
  verdict.first_us = Median(samples_us[0]);
  verdict.winner_us = verdict.first_us / verdict.speedup;
  return verdict;
}

}  // namespace tunefarm::tuner
