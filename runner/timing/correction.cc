#include "runner/timing/correction.h"

#include <algorithm>

#include "runner/timing/robust_stats.h"

namespace tunefarm {

std::vector<double> LocalReferences(std::size_t count, const std::vector<double>& references,
                                    const std::vector<std::uint32_t>& positions) {
  if (references.empty()) return {};
  std::vector<double> local;
  local.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    // The first reading taken after sample i.
    const auto after = std::upper_bound(positions.begin(), positions.end(), static_cast<std::uint32_t>(i));
    const auto split = static_cast<std::size_t>(after - positions.begin());
    const std::size_t begin = split >= 2 ? split - 2 : 0;
    const std::size_t end = std::min(split + 2, references.size());
    local.push_back(Median({references.begin() + static_cast<std::ptrdiff_t>(begin),
                            references.begin() + static_cast<std::ptrdiff_t>(end)}));
  }
  return local;
}

std::vector<double> CorrectSamples(const std::vector<double>& samples, const std::vector<double>& references,
                                   const std::vector<std::uint32_t>& positions, double baseline) {
  if (references.empty() || baseline <= 0) return samples;
  const std::vector<double> local = LocalReferences(samples.size(), references, positions);
  std::vector<double> corrected(samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i) corrected[i] = samples[i] / local[i] * baseline;
  return corrected;
}

}  // namespace tunefarm
