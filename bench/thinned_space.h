// A config space cut down to so few points that every one of them can be measured: what strategies are
// compared on must hold the neighbours of all that it holds.
#pragma once

#include <cstdint>
#include <vector>

#include "base/rng.h"
#include "schedules/config_space.h"

namespace tunefarm::bench {

// By knob, the choices that are kept, ascending; those of `anchor`, a legal config, are among them. Knobs are
// thinned to at most three values, those with most values first, then frozen at the anchor's value in an
// order that `rng` decides, until at most `most` legal configs are left. Nothing measured or estimated has a
// say.
std::vector<std::vector<uint16_t>> ThinSpace(const schedules::ConfigSpace& space,
                                             const schedules::Config& anchor, int64_t most, Rng& rng);

// All legal configs that take one of the kept choices in every knob, in mixed-radix order; just the first
// `limit` of them.
std::vector<schedules::Config> LegalConfigs(const schedules::ConfigSpace& space,
                                            const std::vector<std::vector<uint16_t>>& kept, int64_t limit);

}  // namespace tunefarm::bench
