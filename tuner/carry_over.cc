#include "tuner/carry_over.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace tunefarm::tuner {
namespace {

using schedules::Config;
using schedules::ConfigSpace;
using schedules::Knob;

// Tile sizes compare by their ratio; "all", which is 0, is beyond every size.
double Position(int64_t number) {
  return number == 0 ? 40 : std::log2(static_cast<double>(std::abs(number)));
}

// The choice of a value, or the nearest to it; -1: none is like it.
int ChoiceOf(const Knob& knob, absl::string_view value) {
  const auto same = std::find(knob.values.begin(), knob.values.end(), value);
  if (same != knob.values.end()) return static_cast<int>(same - knob.values.begin());
  int64_t number = 0;
  if (!knob.ordered || (value != "all" && !absl::SimpleAtoi(value, &number))) return -1;
  int nearest = 0;
  for (std::size_t i = 1; i < knob.numbers.size(); ++i) {
    const auto distance = [&](std::size_t c) {
      return std::abs(Position(knob.numbers[c]) - Position(number));
    };
    if (distance(i) < distance(static_cast<std::size_t>(nearest))) nearest = static_cast<int>(i);
  }
  return nearest;
}

}  // namespace

std::optional<Config> CarryOver(absl::string_view text, const ConfigSpace& to) {
  Config config = to.default_config();
  for (const absl::string_view part : absl::StrSplit(text, ',', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(part, absl::MaxSplits('=', 1));
    const int knob = to.FindKnob(pair.first);
    if (knob < 0) continue;
    const int choice = ChoiceOf(to.knobs()[knob], pair.second);
    if (choice >= 0) config.choice[knob] = static_cast<uint16_t>(choice);
  }
  config = to.Canonical(config);
  if (to.IsLegal(config)) return config;
  for (std::size_t k = 0; k < config.choice.size(); ++k) {
    Config other = config;
    other.choice[k] = to.default_config().choice[k];
    other = to.Canonical(other);
    if (to.IsLegal(other)) return other;
  }
  return std::nullopt;
}

}  // namespace tunefarm::tuner
