// How templates make their knobs, read them, and make a space of them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
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

// Among sizes in ascending order.
inline void AddSize(std::vector<int64_t>& sizes, int64_t size) {
  const auto place = std::ranges::lower_bound(sizes, size);
  if (place == sizes.end() || *place != size) sizes.insert(place, size);
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

// What a knob says; `otherwise` where the space has no such knob (-1).
inline int32_t KnobNumber(const std::vector<Knob>& knobs, const Config& config, int knob, int32_t otherwise) {
  return knob < 0 ? otherwise : static_cast<int32_t>(knobs[knob].numbers[config.choice[knob]]);
}

// The number closest to `wanted` among a knob's, on a logarithmic scale; 0 means all of the axis.
inline uint16_t Nearest(const Knob& knob, int64_t wanted) {
  uint16_t best = 0;
  double best_distance = 1e300;
  for (std::size_t i = 0; i < knob.numbers.size(); ++i) {
    const double number = knob.numbers[i] == 0 ? 1e9 : static_cast<double>(knob.numbers[i]);
    const double distance = std::abs(std::log(number / (wanted == 0 ? 1e9 : static_cast<double>(wanted))));
    if (distance < best_distance) {
      best_distance = distance;
      best = static_cast<uint16_t>(i);
    }
  }
  return best;
}

// The first of the wishes that the knob knows; else its first value.
inline uint16_t Named(const Knob& knob, const std::vector<std::string>& wishes) {
  for (const std::string& wish : wishes) {
    const auto found = std::ranges::find(knob.values, wish);
    if (found != knob.values.end()) return static_cast<uint16_t>(found - knob.values.begin());
  }
  return 0;
}

// A space whose configs are legal when `refusal`(space, config) gives null, and not for the reason that it
// gives otherwise. What it captures must outlive the space.
template <typename Refusal>
ConfigSpace SpaceOf(std::vector<Knob> knobs, Config start, Refusal refusal,
                    ConfigSpace::Canonicalizer canonical = nullptr, std::vector<Config> starts = {}) {
  const auto legal = [refusal](const ConfigSpace& space, const Config& config) {
    const char* reason = refusal(space, config);
    return reason == nullptr ? absl::OkStatus() : absl::InvalidArgumentError(reason);
  };
  const auto fast = [refusal](const ConfigSpace& space, const Config& config) {
    return refusal(space, config) == nullptr;
  };
  return ConfigSpace(std::move(knobs), std::move(start), legal, fast, std::move(canonical),
                     std::move(starts));
}

}  // namespace tunefarm::schedules
