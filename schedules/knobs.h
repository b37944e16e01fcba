// How templates make their knobs.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "schedules/config_space.h"

namespace tunefarm::schedules {

// Tile sizes; 0 is shown as "all".
inline Knob SizeKnob(std::string name, const std::vector<int64_t>& sizes) {
  Knob knob{std::move(name), KnobKind::kSplit, {}, sizes, true};
  for (const int64_t size : sizes) knob.values.push_back(size == 0 ? "all" : absl::StrCat(size));
  return knob;
}

inline Knob ChoiceKnob(std::string name, KnobKind kind,
                       const std::vector<std::pair<std::string, int>>& values) {
  Knob knob{std::move(name), kind, {}, {}, false};
  for (const auto& [text, number] : values) {
    knob.values.push_back(text);
    knob.numbers.push_back(number);
  }
  return knob;
}

// Block sizes below the extent, and "all".
inline std::vector<int64_t> BlockSizes(std::vector<int64_t> sizes, int64_t extent) {
  std::erase_if(sizes, [&](int64_t size) { return size >= extent; });
  sizes.push_back(0);
  return sizes;
}

inline std::vector<int64_t> SizesUpTo(std::vector<int64_t> sizes, int64_t extent) {
  std::erase_if(sizes, [&](int64_t size) { return size > extent; });
  return sizes;
}

}  // namespace tunefarm::schedules
