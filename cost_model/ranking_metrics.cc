#include "cost_model/ranking_metrics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

namespace tunefarm::cost_model {
namespace {

std::vector<std::size_t> Best(int k, const std::vector<float>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return values[a] > values[b]; });
  order.resize(k);
  return order;
}

}  // namespace

PairwiseAccuracy ComputePairwiseAccuracy(const std::vector<float>& predicted,
                                         const std::vector<float>& truth) {
  double right = 0;
  int64_t pairs = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    for (std::size_t j = i + 1; j < truth.size(); ++j) {
      if (truth[i] == truth[j]) continue;
      ++pairs;
      if (predicted[i] == predicted[j]) {
        right += 0.5;
      } else if ((predicted[i] > predicted[j]) == (truth[i] > truth[j])) {
        right += 1;
      }
    }
  }
  if (pairs == 0) return {};
  return {right / static_cast<double>(pairs), pairs};
}

double RecallAt(int k, const std::vector<float>& predicted, const std::vector<float>& truth) {
  k = std::min(k, static_cast<int>(truth.size()));
  if (k <= 0) return 0;
  const std::vector<std::size_t> want = Best(k, truth);
  const std::vector<std::size_t> got = Best(k, predicted);
  int found = 0;
  for (std::size_t i : want) found += std::find(got.begin(), got.end(), i) != got.end();
  return static_cast<double>(found) / k;
}

bool BetterThanChance(double accuracy, int64_t n, double sigmas) {
  if (n < 2) return false;
  const double count = static_cast<double>(n);
  const double deviation = std::sqrt(2 * (2 * count + 5) / (9 * count * (count - 1)));
  return 2 * accuracy - 1 > sigmas * deviation;
}

}  // namespace tunefarm::cost_model
