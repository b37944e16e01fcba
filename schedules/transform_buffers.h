// How the templates of minimal filtering lay out what they transform, in float32 elements.
#pragma once

#include <cstdint>

#include "base/divide.h"

namespace tunefarm::schedules {

inline constexpr int64_t kMaxTransformedElements = int64_t{64} << 20;  // As the tiling rule's workspace.

// An odd number of cache lines: the points of a tile, which are written together, then fall into different
// sets of the first-level cache.
constexpr int64_t OddLines(int64_t elements) {
  constexpr int64_t kLine = 16;
  return (CeilDivide(elements, kLine) | 1) * kLine;
}

}  // namespace tunefarm::schedules
