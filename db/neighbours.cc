#include "db/neighbours.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tunefarm::db {

void NeighbourIndex::Add(const NeighbourGroup& group, Neighbour neighbour) {
  Members& members = groups_[group];
  const auto position = [&](const std::string& name) {
    return members.names.try_emplace(name, static_cast<int>(members.names.size())).first->second;
  };
  const Shape& shape = neighbour.shape;
  members.octaves.insert(members.octaves.end(), shape.octaves.begin(), shape.octaves.end());
  members.epilogues.push_back(position(shape.epilogue));
  members.classes.push_back(position(neighbour.device_class));
  members.neighbours.push_back(std::move(neighbour));
}

std::vector<Near> NeighbourIndex::Nearest(const NeighbourGroup& group, const Shape& shape,
                                          const std::string& device_class, float reach,
                                          std::size_t count) const {
  std::vector<Near> nearest;
  const auto found = groups_.find(group);
  if (found == groups_.end()) return nearest;
  const Members& members = found->second;
  const auto position = [&](const std::string& name) {
    const auto known = members.names.find(name);
    return known == members.names.end() ? -1 : known->second;
  };
  const int epilogue = position(shape.epilogue), wanted = position(device_class);
  const std::size_t keys = shape.octaves.size();
  const float* octaves = members.octaves.data();
  for (std::size_t i = 0; i < members.neighbours.size(); ++i, octaves += keys) {
    if (!device_class.empty() && members.classes[i] != wanted) continue;
    float distance = members.epilogues[i] == epilogue ? 0.0f : kEpilogueOctaves;
    for (std::size_t k = 0; k < keys; ++k) distance += std::fabs(octaves[k] - shape.octaves[k]);
    if (distance > reach) continue;
    if (nearest.size() == count && distance >= nearest.back().distance) continue;
    const auto at = std::upper_bound(nearest.begin(), nearest.end(), distance,
                                     [](float d, const Near& near) { return d < near.distance; });
    nearest.insert(at, Near{&members.neighbours[i], distance});
    if (nearest.size() > count) nearest.pop_back();
  }
  return nearest;
}

double RuleOfThumbLoss(float distance) { return std::exp2(static_cast<double>(distance) / 8) - 1; }

double LossFromEvidence(const std::vector<ObservedLoss>& evidence, float distance) {
  std::vector<double> slopes;
  slopes.reserve(evidence.size());
  for (const ObservedLoss& seen : evidence) slopes.push_back(seen.loss / static_cast<double>(seen.distance));
  const auto middle = slopes.begin() + static_cast<std::ptrdiff_t>(slopes.size() / 2);
  std::nth_element(slopes.begin(), middle, slopes.end());
  return *middle * static_cast<double>(distance);
}

}  // namespace tunefarm::db
