// A config space cut down to so few points that every one of them can be measured: to a smaller space, in
// which every config has its neighbours, or to a random sample of the whole.
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

// Up to `count` distinct configs, each as likely as Sample() makes it; fewer where there are not so many. The
// default is never among them: a search that begins with it has often won.
std::vector<schedules::Config> RandomSample(const schedules::ConfigSpace& space, int64_t count, Rng& rng);

}  // namespace tunefarm::bench
