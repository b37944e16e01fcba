#include "bench/thinned_space.h"

#include <algorithm>
#include <cstddef>
#include <unordered_set>
#include <utility>

namespace tunefarm::bench {
namespace {

using schedules::Config;
using schedules::ConfigSpace;

// Values a knob is left with before whole knobs are frozen: with two, nothing between two ends could be
// found; with four, more knobs would have to be frozen.
constexpr std::size_t kFewValues = 3;
// Points that are walked through to count the legal ones: a second or so.
constexpr int64_t kMaxPoints = 4'000'000;
// Draws for each config of a sample, before a space counts as used up.
constexpr int64_t kDraws = 50;

int64_t Points(const std::vector<std::vector<uint16_t>>& kept) {
  int64_t points = 1;
  for (const std::vector<uint16_t>& values : kept) {
    points *= static_cast<int64_t>(values.size());
    if (points > kMaxPoints) return kMaxPoints + 1;
  }
  return points;
}

// Every second value, `wanted` among them.
void Halve(std::vector<uint16_t>& values, uint16_t wanted) {
  const auto at = std::find(values.begin(), values.end(), wanted) - values.begin();
  std::vector<uint16_t> half;
  for (std::size_t i = static_cast<std::size_t>(at) % 2; i < values.size(); i += 2) half.push_back(values[i]);
  values = std::move(half);
}

}  // namespace

std::vector<Config> LegalConfigs(const ConfigSpace& space, const std::vector<std::vector<uint16_t>>& kept,
                                 int64_t limit) {
  std::vector<Config> legal;
  Config config{std::vector<uint16_t>(kept.size())};
  for (int64_t index = 0; index < Points(kept) && static_cast<int64_t>(legal.size()) < limit; ++index) {
    int64_t rest = index;
    for (std::size_t k = kept.size(); k-- > 0;) {
      const auto count = static_cast<int64_t>(kept[k].size());
      config.choice[k] = kept[k][static_cast<std::size_t>(rest % count)];
      rest /= count;
    }
    if (space.IsLegal(config)) legal.push_back(config);
  }
  return legal;
}

std::vector<std::vector<uint16_t>> ThinSpace(const ConfigSpace& space, const Config& anchor, int64_t most,
                                             Rng& rng) {
  std::vector<std::vector<uint16_t>> kept(space.knobs().size());
  std::vector<std::size_t> order;
  for (std::size_t k = 0; k < kept.size(); ++k) {
    for (std::size_t v = 0; v < space.knobs()[k].values.size(); ++v)
      kept[k].push_back(static_cast<uint16_t>(v));
    order.push_back(k);
  }
  rng.Shuffle(order);
  const auto fits = [&] {
    return Points(kept) <= kMaxPoints &&
           static_cast<int64_t>(LegalConfigs(space, kept, most + 1).size()) <= most;
  };
  while (!fits()) {
    std::size_t chosen = order[0];
    for (const std::size_t k : order) {
      if (kept[k].size() > kept[chosen].size()) chosen = k;
    }
    if (kept[chosen].size() > kFewValues) {
      Halve(kept[chosen], anchor.choice[chosen]);
      continue;
    }
    const auto next =
        std::find_if(order.begin(), order.end(), [&](std::size_t k) { return kept[k].size() > 1; });
    if (next == order.end()) break;
    const std::size_t frozen = *next;
    kept[frozen] = {anchor.choice[frozen]};
  }
  return kept;
}

std::vector<Config> RandomSample(const ConfigSpace& space, int64_t count, Rng& rng) {
  std::vector<Config> sample;
  std::unordered_set<Config, schedules::ConfigHash> seen = {space.default_config()};
  for (int64_t draw = 0; draw < kDraws * count && std::ssize(sample) < count; ++draw) {
    Config config = space.Sample(rng);
    if (seen.insert(config).second) sample.push_back(std::move(config));
  }
  return sample;
}

}  // namespace tunefarm::bench
