// How well predictions order what was measured. Only order counts, so any monotone prediction is perfect.
#pragma once

#include <cstdint>
#include <vector>

namespace tunefarm::cost_model {

// Of all pairs with different truth, the share that the prediction orders likewise; a pair of equal
// predictions counts half. 1 is perfect, 0.5 is chance. `pairs` says how many there were; without any the
// accuracy is 0.5.
struct PairwiseAccuracy {
  double accuracy = 0.5;
  int64_t pairs = 0;
};
PairwiseAccuracy ComputePairwiseAccuracy(const std::vector<float>& predicted,
                                         const std::vector<float>& truth);

// The share of the k truly best that are among the k predicted best; of equals the earlier is the better. k
// is cut to the number of elements; 0 when there are none.
double RecallAt(int k, const std::vector<float>& predicted, const std::vector<float>& truth);

// Whether an accuracy is beyond chance: above 0.5 by more than `sigmas` standard deviations of Kendall's
// statistic for n elements in random order, where tau = 2 * accuracy - 1 has the variance 2 (2n + 5) / (9 n
// (n - 1)) (Kendall, Rank Correlation Methods, 1948).
bool BetterThanChance(double accuracy, int64_t n, double sigmas = 2);

}  // namespace tunefarm::cost_model
