// From many predicted configs, the few to measure: the best, but not ten times the same.
#pragma once

#include <vector>

#include "schedules/config_space.h"

namespace tunefarm::tuner {

struct Scored {
  schedules::Config config;
  float score = 0;  // Larger is better.
};

// Knobs in which two configs of one space differ.
int Distance(const schedules::Config& a, const schedules::Config& b);

// Positions in `candidates` (sorted by score, best first) of up to `count` picks, best first. A candidate is
// passed over while it differs from an earlier pick in fewer than `min_distance` knobs; when that leaves
// places open, they go to those passed over, best first.
std::vector<int> PickBatch(const std::vector<Scored>& candidates, int count, int min_distance);

}  // namespace tunefarm::tuner
