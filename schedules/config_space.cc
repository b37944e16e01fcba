#include "schedules/config_space.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "schedules/text_error.h"

namespace tunefarm::schedules {
namespace {

// How often a random step is tried, per knob, before all neighbours are listed instead. Listing costs about
// twice the number of knobs in checks, so that more tries than this would cost more than they save.
constexpr int kNeighbourTriesPerKnob = 2;

// A space is made by our own templates: a malformed one is a defect of the program, not an input error.
void Require(bool condition, const std::string& what) {
  if (condition) return;
  std::fprintf(stderr, "malformed config space: %s\n", what.c_str());
  std::abort();
}

void CheckKnob(const Knob& knob) {
  Require(!knob.values.empty() && knob.values.size() <= 65536, knob.name + " needs 1 to 65536 values");
  Require(knob.numbers.size() == knob.values.size(), knob.name + " needs as many numbers as values");
  std::vector<std::string> sorted = knob.values;
  std::sort(sorted.begin(), sorted.end());
  Require(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end(), knob.name + " has a value twice");
  for (const std::string& value : knob.values) {
    Require(!value.empty() && value.find_first_of(",=") == std::string::npos,
            knob.name + " has the value " + value);
  }
}

// Another value of one knob: a step up or down, or any other. False when there is none that way.
bool Step(const Knob& knob, Rng& rng, uint16_t& choice) {
  const std::size_t count = knob.values.size();
  if (count < 2) return false;
  if (!knob.ordered) {
    choice = static_cast<uint16_t>((choice + 1 + rng.Uniform(count - 1)) % count);
    return true;
  }
  const bool up = choice == 0 || (choice + 1u < count && rng.Bernoulli(0.5));
  choice = static_cast<uint16_t>(up ? choice + 1 : choice - 1);
  return true;
}

}  // namespace

std::size_t ConfigHash::operator()(const Config& config) const {
  uint64_t hash = 0xcbf29ce484222325ull;  // FNV-1a, a value at a time.
  for (const uint16_t choice : config.choice) hash = (hash ^ choice) * 0x100000001b3ull;
  return hash ^ (hash >> 32);
}

ConfigSpace::ConfigSpace(std::vector<Knob> knobs, Config default_config, Constraint legal,
                         FastConstraint fast, Canonicalizer canonical, std::vector<Config> starts)
    : knobs_(std::move(knobs)),
      default_config_(std::move(default_config)),
      legal_(std::move(legal)),
      fast_(std::move(fast)),
      canonical_(std::move(canonical)),
      size_(1) {
  for (const Knob& knob : knobs_) {
    CheckKnob(knob);
    Require(std::count_if(knobs_.begin(), knobs_.end(),
                          [&](const Knob& other) { return other.name == knob.name; }) == 1,
            knob.name + " is there twice");
    const auto count = static_cast<int64_t>(knob.values.size());
    size_ = size_ > std::numeric_limits<int64_t>::max() / count ? std::numeric_limits<int64_t>::max()
                                                                : size_ * count;
  }
  const absl::Status status = Check(default_config_);
  Require(status.ok(), "the default config is illegal: " + std::string(status.message()));
  for (Config& config : starts) {
    config = Canonical(std::move(config));
    if (IsLegal(config)) starts_.push_back(std::move(config));
  }
}

int ConfigSpace::FindKnob(absl::string_view name) const {
  for (std::size_t i = 0; i < knobs_.size(); ++i) {
    if (knobs_[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

absl::Status ConfigSpace::Check(const Config& config) const {
  if (config.choice.size() != knobs_.size()) {
    return absl::InvalidArgumentError(absl::StrCat("the config has ", config.choice.size(),
                                                   " values, the space ", knobs_.size(), " knobs"));
  }
  for (std::size_t i = 0; i < knobs_.size(); ++i) {
    if (config.choice[i] >= knobs_[i].values.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("knob '", knobs_[i].name, "' has no value number ", config.choice[i]));
    }
  }
  return legal_(*this, config);
}

std::string ConfigSpace::ToText(const Config& config) const {
  std::string text;
  for (std::size_t i = 0; i < knobs_.size(); ++i) {
    absl::StrAppend(&text, i > 0 ? "," : "", knobs_[i].name, "=", knobs_[i].values[config.choice[i]]);
  }
  return text;
}

absl::StatusOr<Config> ConfigSpace::FromText(absl::string_view text) const {
  std::vector<std::string> names;
  names.reserve(knobs_.size());
  for (const Knob& knob : knobs_) names.push_back(knob.name);
  Config config{std::vector<uint16_t>(knobs_.size())};
  std::vector<bool> given(knobs_.size());
  for (const absl::string_view part : absl::StrSplit(text, ',', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(part, absl::MaxSplits('=', 1));
    const int i = FindKnob(pair.first);
    if (i < 0) {
      return absl::InvalidArgumentError(absl::StrCat("config: there is no knob ", Quoted(pair.first),
                                                     DidYouMean(pair.first, names),
                                                     " (knobs: ", absl::StrJoin(names, ", "), ")"));
    }
    const Knob& knob = knobs_[i];
    const auto value = std::find(knob.values.begin(), knob.values.end(), pair.second);
    if (value == knob.values.end()) {
      return absl::InvalidArgumentError(absl::StrCat("config: knob '", knob.name, "' cannot be ",
                                                     Quoted(pair.second), ", its values are ",
                                                     absl::StrJoin(knob.values, ", ")));
    }
    if (given[i])
      return absl::InvalidArgumentError(absl::StrCat("config: knob '", knob.name, "' is given twice"));
    given[i] = true;
    config.choice[i] = static_cast<uint16_t>(value - knob.values.begin());
  }
  for (std::size_t i = 0; i < knobs_.size(); ++i) {
    if (!given[i]) {
      return absl::InvalidArgumentError(absl::StrCat("config: knob '", knobs_[i].name,
                                                     "' is missing, its values are ",
                                                     absl::StrJoin(knobs_[i].values, ", ")));
    }
  }
  return config;
}

Config ConfigSpace::FromIndex(int64_t index) const {
  Config config{std::vector<uint16_t>(knobs_.size())};
  for (std::size_t i = knobs_.size(); i-- > 0;) {
    const auto count = static_cast<int64_t>(knobs_[i].values.size());
    config.choice[i] = static_cast<uint16_t>(index % count);
    index /= count;
  }
  return config;
}

int64_t ConfigSpace::ToIndex(const Config& config) const {
  int64_t index = 0;
  for (std::size_t i = 0; i < knobs_.size(); ++i) {
    index = index * static_cast<int64_t>(knobs_[i].values.size()) + config.choice[i];
  }
  return index;
}

Config ConfigSpace::Sample(Rng& rng) const {
  Config config{std::vector<uint16_t>(knobs_.size())};
  for (int attempt = 0; attempt < kSampleTries; ++attempt) {
    for (std::size_t i = 0; i < knobs_.size(); ++i) {
      config.choice[i] = static_cast<uint16_t>(rng.Uniform(knobs_[i].values.size()));
    }
    Canonicalize(config);
    if (IsLegal(config)) return config;
  }
  // Few points are legal. Enough steps to cross the space from the default in each knob.
  config = default_config_;
  std::size_t steps = 0;
  for (const Knob& knob : knobs_) steps += knob.ordered ? std::min<std::size_t>(knob.values.size(), 16) : 2;
  for (; steps > 0; --steps) config = RandomNeighbour(config, rng);
  return config;
}

Config ConfigSpace::RandomNeighbour(const Config& from, Rng& rng) const {
  if (knobs_.empty()) return from;
  const int tries = kNeighbourTriesPerKnob * static_cast<int>(knobs_.size());
  for (int attempt = 0; attempt < tries; ++attempt) {
    Config config = from;
    const std::size_t first = rng.Uniform(knobs_.size());
    if (!Step(knobs_[first], rng, config.choice[first])) continue;
    Canonicalize(config);
    if (config == from) continue;  // A knob without a meaning here.
    if (IsLegal(config)) return config;
    // A product of two knobs may sit on its limit: one up needs the other down.
    const std::size_t second = rng.Uniform(knobs_.size());
    if (second == first || !Step(knobs_[second], rng, config.choice[second])) continue;
    Canonicalize(config);
    if (IsLegal(config)) return config;
  }
  const std::vector<Config> all = Neighbours(from);
  return all.empty() ? from : all[rng.Uniform(all.size())];
}

std::vector<Config> ConfigSpace::Neighbours(const Config& from) const {
  std::vector<Config> result;
  for (std::size_t i = 0; i < knobs_.size(); ++i) {
    const int count = static_cast<int>(knobs_[i].values.size());
    const int low = knobs_[i].ordered ? std::max(from.choice[i] - 1, 0) : 0;
    const int high = knobs_[i].ordered ? std::min(from.choice[i] + 1, count - 1) : count - 1;
    for (int value = low; value <= high; ++value) {
      if (value == from.choice[i]) continue;
      Config config = from;
      config.choice[i] = static_cast<uint16_t>(value);
      Canonicalize(config);
      if (config != from && IsLegal(config)) result.push_back(std::move(config));
    }
  }
  return result;
}

Config ConfigSpace::Crossover(const Config& a, const Config& b, Rng& rng) const {
  Config child = a;
  uint64_t bits = 0;
  for (std::size_t i = 0; i < child.choice.size(); ++i) {
    if (i % 64 == 0) bits = rng();
    if (bits & 1) child.choice[i] = b.choice[i];
    bits >>= 1;
  }
  Canonicalize(child);
  return IsLegal(child) ? child : a;
}

int64_t ConfigSpace::EstimateLegal(Rng& rng, int64_t samples) const {
  int64_t legal = 0;
  if (size_ <= samples) {
    for (int64_t index = 0; index < size_; ++index) legal += IsLegal(FromIndex(index));
    return legal;
  }
  Config config{std::vector<uint16_t>(knobs_.size())};
  for (int64_t sample = 0; sample < samples; ++sample) {
    for (std::size_t i = 0; i < knobs_.size(); ++i) {
      config.choice[i] = static_cast<uint16_t>(rng.Uniform(knobs_[i].values.size()));
    }
    legal += IsLegal(config);
  }
  // The default is legal, so there is always one.
  const double share = static_cast<double>(legal) / static_cast<double>(samples);
  const double estimate = share * static_cast<double>(size_);
  if (estimate >= 0x1.0p63) return std::numeric_limits<int64_t>::max();
  return std::max<int64_t>(1, static_cast<int64_t>(estimate));
}

}  // namespace tunefarm::schedules
