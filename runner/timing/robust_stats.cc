#include "runner/timing/robust_stats.h"

#include <algorithm>
#include <cmath>

namespace tunefarm {

double Median(std::vector<double> values) { return Quantile(std::move(values), 0.5); }

double Quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double position = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (position - static_cast<double>(below)) * (values[above] - values[below]);
}

std::size_t MedianIntervalRank(std::size_t n) {
  // Largest r with P(Binomial(n, 1/2) <= r - 1) <= 2.5 %: skipping r - 1 values at each end keeps 95 %.
  double term = -static_cast<double>(n) * std::log(2.0);  // log of P(count == 0).
  double below = 0;
  std::size_t skipped = 0;
  for (std::size_t count = 0; count < n; ++count) {
    below += std::exp(term);
    if (below > 0.025) break;
    skipped = count;  // x_(count + 1) is still outside with at most 2.5 %.
    term += std::log(static_cast<double>(n - count)) - std::log(static_cast<double>(count + 1));
  }
  return skipped;
}

Interval MedianInterval95(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const std::size_t skipped = MedianIntervalRank(values.size());
  return {values[skipped], values[values.size() - 1 - skipped]};
}

}  // namespace tunefarm
