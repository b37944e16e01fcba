// The geometry of workloads: how far two shapes are apart. Pure. Knows the text form of a workload
// (`op:key=value,...`) and nothing of operators.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace tunefarm::db {

// A zero point or clamp of an int8 workload: they change what is computed, and not how long it takes.
bool IsQuantisation(absl::string_view key);

// "GFLOP/s", or "GOP/s" where the workload computes with integers.
const char* SpeedUnit(absl::string_view workload);

struct Shape {
  // Operator, names of the numeric keys, and all other keys with their values but the epilogue:
  // "conv2d:ci,co,...;dtype=f32,layout=nhwc". A config of one workload makes sense for another of the same
  // family.
  std::string family;
  std::string epilogue;        // "" when there is none.
  std::vector<float> octaves;  // log2(1 + value) of the numeric keys, by name: pad=0 has a logarithm, too.
};

// Text that does not parse is a family of its own, without numbers.
Shape ParseShape(absl::string_view workload);

// Sum of the distances along each key, in octaves: a size that doubles is 1 away. A different epilogue counts
// kEpilogueOctaves. The families must be the same.
float Distance(const Shape& a, const Shape& b);

// An epilogue adds work to the store of a tile only, so the best tile hardly depends on it; but of two equal
// shapes, the one with the same epilogue must win. At 1 it would lose to a shape of twice the size.
inline constexpr float kEpilogueOctaves = 0.5f;

}  // namespace tunefarm::db
