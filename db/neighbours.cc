#include "db/neighbours.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tunefarm::db {

void NeighbourIndex::Add(const NeighbourGroup& group, Neighbour neighbour) {
  groups_[group].push_back(std::move(neighbour));
}

std::vector<Near> NeighbourIndex::Nearest(const NeighbourGroup& group, const Shape& shape,
                                          const std::string& device_class, float reach,
                                          std::size_t count) const {
  std::vector<Near> nearest;
  const auto found = groups_.find(group);
  if (found == groups_.end()) return nearest;
  for (const Neighbour& candidate : found->second) {
    if (!device_class.empty() && candidate.device_class != device_class) continue;
    const float distance = Distance(shape, candidate.shape);
    if (distance > reach) continue;
    if (nearest.size() == count && distance >= nearest.back().distance) continue;
    const auto at = std::upper_bound(nearest.begin(), nearest.end(), distance,
                                     [](float d, const Near& near) { return d < near.distance; });
    nearest.insert(at, Near{&candidate, distance});
    if (nearest.size() > count) nearest.pop_back();
  }
  return nearest;
}

double RuleOfThumbLoss(float distance) { return std::exp2(static_cast<double>(distance) / 8) - 1; }

double LossFromEvidence(std::vector<ObservedLoss> evidence, float distance) {
  std::vector<double> slopes;
  slopes.reserve(evidence.size());
  for (const ObservedLoss& seen : evidence) slopes.push_back(seen.loss / static_cast<double>(seen.distance));
  const auto middle = slopes.begin() + static_cast<std::ptrdiff_t>(slopes.size() / 2);
  std::nth_element(slopes.begin(), middle, slopes.end());
  return *middle * static_cast<double>(distance);
}

}  // namespace tunefarm::db
