// A config space that is a list of some space's configs, so that a search can run on what was measured of a
// space that is far too large to measure.
#pragma once

#include <cstddef>
#include <memory>
#include <unordered_map>
#include <vector>

#include "schedules/config_space.h"

namespace tunefarm::bench {

// Distinct configs of a space. Immutable, thread safe.
class ConfigList {
 public:
  // `space` must outlive the list.
  ConfigList(const schedules::ConfigSpace& space, std::vector<schedules::Config> configs);

  const schedules::ConfigSpace& space() const { return space_; }
  const std::vector<schedules::Config>& configs() const { return configs_; }
  bool Contains(const schedules::Config& config) const { return positions_.contains(config); }
  // Of a config of the list.
  std::size_t PositionOf(const schedules::Config& config) const { return positions_.at(config); }
  // Of those that differ from `config` in two knobs or more, the position of the nearest; of all, where there
  // is none.
  std::size_t Snap(const schedules::Config& config) const;
  // Sum over the knobs: how far apart two sizes are as a share of the knob's range, 1 for any two different
  // values without an order.
  double Distance(const schedules::Config& a, const schedules::Config& b) const;

 private:
  const schedules::ConfigSpace& space_;
  const std::vector<schedules::Config> configs_;
  std::unordered_map<schedules::Config, std::size_t, schedules::ConfigHash> positions_;
};

// The list as a space: the knobs of the list's space and a last one, "draw", that stands at "none" in every
// legal config. Any other value of it is canonically the config of the list with that number, so that
// sampling draws each as often and a step may lead anywhere. What a step or a crossing comes to beside the
// list is canonically the nearest of the list that is not just one knob away, so not where the step came
// from.
//
// `start` is the position of the config that stands for the default.
schedules::ConfigSpace MakeListedSpace(const std::shared_ptr<const ConfigList>& list, std::size_t start);

// A config of the listed space in the terms of the list's space, and back.
schedules::Config WithoutDraw(schedules::Config config);
schedules::Config WithDraw(schedules::Config config);

}  // namespace tunefarm::bench
