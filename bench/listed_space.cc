#include "bench/listed_space.h"

#include <cstdint>
#include <cstdlib>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"

namespace tunefarm::bench {
namespace {

using schedules::Config;
using schedules::ConfigSpace;
using schedules::Knob;

constexpr uint16_t kNone = 0;

// An annotation, as strategies try out every value of an unordered choice.
Knob DrawKnob(std::size_t configs) {
  Knob knob{"draw", schedules::KnobKind::kAnnotate, {"none"}, {-1}, /*ordered=*/false};
  for (std::size_t i = 0; i < configs; ++i) {
    knob.values.push_back(absl::StrCat(i));
    knob.numbers.push_back(static_cast<int64_t>(i));
  }
  return knob;
}

}  // namespace

Config WithoutDraw(Config config) {
  config.choice.pop_back();
  return config;
}

Config WithDraw(Config config) {
  config.choice.push_back(kNone);
  return config;
}

ConfigList::ConfigList(const ConfigSpace& space, std::vector<Config> configs)
    : space_(space), configs_(std::move(configs)) {
  for (std::size_t i = 0; i < configs_.size(); ++i) positions_.emplace(configs_[i], i);
}

double ConfigList::Distance(const Config& a, const Config& b) const {
  double distance = 0;
  for (std::size_t k = 0; k < a.choice.size(); ++k) {
    if (a.choice[k] == b.choice[k]) continue;
    const Knob& knob = space_.knobs()[k];
    distance +=
        knob.ordered ? std::abs(a.choice[k] - b.choice[k]) / static_cast<double>(knob.values.size() - 1) : 1;
  }
  return distance;
}

std::size_t ConfigList::Snap(const Config& config) const {
  // By two knobs or more, then by distance.
  std::pair<bool, double> least{true, std::numeric_limits<double>::infinity()};
  std::size_t nearest = 0;
  for (std::size_t i = 0; i < configs_.size(); ++i) {
    int knobs = 0;
    for (std::size_t k = 0; k < config.choice.size(); ++k) knobs += config.choice[k] != configs_[i].choice[k];
    const std::pair<bool, double> rank{knobs < 2, Distance(config, configs_[i])};
    if (rank >= least) continue;
    least = rank;
    nearest = i;
  }
  return nearest;
}

ConfigSpace MakeListedSpace(const std::shared_ptr<const ConfigList>& list, std::size_t start) {
  std::vector<Knob> knobs = list->space().knobs();
  knobs.push_back(DrawKnob(list->configs().size()));
  const auto fast = [list](const ConfigSpace&, const Config& config) {
    return config.choice.back() == kNone && list->Contains(WithoutDraw(config));
  };
  const auto legal = [fast](const ConfigSpace& space, const Config& config) {
    return fast(space, config) ? absl::OkStatus() : absl::InvalidArgumentError("not recorded");
  };
  const auto canonical = [list](const ConfigSpace&, Config& config) {
    const uint16_t draw = config.choice.back();
    const Config plain = list->space().Canonical(WithoutDraw(config));
    const bool listed = draw == kNone && list->Contains(plain);
    config = WithDraw(listed          ? plain
                      : draw == kNone ? list->configs()[list->Snap(plain)]
                                      : list->configs()[draw - 1u]);
  };
  return {std::move(knobs), WithDraw(list->configs()[start]), legal, fast, canonical};
}

}  // namespace tunefarm::bench
