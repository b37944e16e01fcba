// What the tensors of an int8 workload hold when a kernel is checked and measured: uniform over a range, from
// a seed (base/inputs.h). The ranges are chosen so that outputs spread over all of int8 and a few saturate,
// as those of a trained layer do: a kernel that rounds, clamps or saturates wrongly is found.
#pragma once

#include <cstdint>

#include "schedules/compute.h"

namespace tunefarm::schedules {

// Inclusive.
struct ContentRange {
  int32_t low, high;
};

// Of an input or constant of an int8 workload, by its number. Input: all of int8; weights: [-127, 127], as
// TFLite's are symmetric; multiplier: [2^30, 2^31); bias and shift from the standard deviation of a sum of
// that many products.
ContentRange ContentsOf(const ComputeDefinition& compute, int tensor);

}  // namespace tunefarm::schedules
