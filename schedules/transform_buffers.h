// How the templates of minimal filtering lay out what they transform, in float32 elements.
#pragma once

#include <cstdint>

#include "base/divide.h"
#include "schedules/compute.h"

namespace tunefarm::schedules {

inline constexpr int64_t kMaxTransformedElements = int64_t{64} << 20;  // As the tiling rule's workspace.

// An odd number of cache lines: the points of a tile, which are written together, then fall into different
// sets of the first-level cache.
constexpr int64_t OddLines(int64_t elements) {
  constexpr int64_t kLine = 16;
  return (CeilDivide(elements, kLine) | 1) * kLine;
}

// Images in nchw are converted to nhwc, since vectors are of channels, and results back: both at the front of
// the workspace. Zeros of other layouts.
struct ConvertedImages {
  int64_t input = 0, output = 0;
  int64_t elements() const { return input + output; }
};
inline ConvertedImages ConvertedImagesOf(const Workload& workload, const ComputeDefinition& compute) {
  if (workload.layout() != Layout::kNchw) return {};
  const auto elements = [](const Tensor& tensor) {
    int64_t count = 1;
    for (const int64_t size : tensor.shape) count *= size;
    return OddLines(count);
  };
  return {elements(compute.tensors.front()), elements(compute.tensors.back())};
}

}  // namespace tunefarm::schedules
