// What each axis of a compute definition is to the tiling rule (schedules/tiling_space.h has the table).
#pragma once

#include <vector>

#include "schedules/compute_facts.h"

namespace tunefarm::schedules {

struct AxisRoles {
  int vector = -1;
  int rows = -1, rows2 = -1;  // -1: none.
  int k = -1;                 // The reduction that is split into cache blocks; -1: none is worth it.
  std::vector<int> taps;      // The other reductions, outermost first.
  bool blocks = false;        // rows2 counts blocks of the vector axis, and has its place beside it.
  std::vector<int> inner;     // Spatial axes inside of rows2's tiles.
  std::vector<int> batch;     // The other spatial axes, outermost first.
};

// One per choice of the vector axis, the preferred one first.
std::vector<AxisRoles> FindRoles(const ComputeFacts& facts);

}  // namespace tunefarm::schedules
