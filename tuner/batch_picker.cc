#include "tuner/batch_picker.h"

#include <algorithm>
#include <cstddef>

namespace tunefarm::tuner {

int Distance(const schedules::Config& a, const schedules::Config& b) {
  int distance = 0;
  for (std::size_t i = 0; i < a.choice.size(); ++i) distance += a.choice[i] != b.choice[i];
  return distance;
}

std::vector<int> PickBatch(const std::vector<Scored>& candidates, int count, int min_distance) {
  std::vector<int> picked;
  std::vector<int> passed_over;
  const int size = static_cast<int>(candidates.size());
  for (int i = 0; i < size && static_cast<int>(picked.size()) < count; ++i) {
    const bool close = std::any_of(picked.begin(), picked.end(), [&](int other) {
      return Distance(candidates[i].config, candidates[other].config) < min_distance;
    });
    (close ? passed_over : picked).push_back(i);
  }
  for (int i : passed_over) {
    if (static_cast<int>(picked.size()) == count) break;
    picked.push_back(i);
  }
  return picked;
}

}  // namespace tunefarm::tuner
