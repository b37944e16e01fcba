// A config of one task in the terms of another task's space: what was found for one shape is where to look
// for the next.
#pragma once

#include <optional>

#include "absl/strings/string_view.h"
#include "schedules/config_space.h"

namespace tunefarm::tuner {

// `text` is as from ConfigSpace::ToText of any space. Knobs of the same name keep their value, ordered ones
// the nearest there is; others stand at the default's. Where that is illegal, one of the knobs goes back to
// the default's value. Nothing when that does not help either, or the text is no config.
std::optional<schedules::Config> CarryOver(absl::string_view text, const schedules::ConfigSpace& to);

}  // namespace tunefarm::tuner
