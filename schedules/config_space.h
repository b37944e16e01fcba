// Config spaces: the open decisions of a schedule template, with constraints. Pure; knows nothing of loops.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/status.h"

namespace tunefarm::schedules {

enum class KnobKind { kSplit, kReorder, kAnnotate, kChoice };

// A decision with its possible values. `values` are shown and stored; `numbers` are what the template
// computes with (tile sizes for kSplit; the value's own index for other kinds unless it says otherwise).
struct Knob {
  std::string name;  // A C identifier: "tile_m".
  KnobKind kind;
  std::vector<std::string> values;  // Distinct, without ',' or '='.
  std::vector<int64_t> numbers;     // As many.
  bool ordered = true;  // Neighbouring values are similar (sizes); false: any other value is a neighbour.
};

// One point: the index of the chosen value, knob by knob. Means something only together with its space.
struct Config {
  std::vector<uint16_t> choice;
  friend bool operator==(const Config&, const Config&) = default;
};
struct ConfigHash {
  std::size_t operator()(const Config& config) const;
};

// Immutable after construction, so thread safe. Copies share nothing mutable.
class ConfigSpace {
 public:
  // `legal` is called often and must be cheap (well below a microsecond would be good): register pressure,
  // footprints, divisibility. OK or a reason. `default_config` must be legal.
  using Constraint = std::function<absl::Status(const ConfigSpace&, const Config&)>;
  // A cheaper yes or no for the hot paths; must agree with `legal`.
  using FastConstraint = std::function<bool(const ConfigSpace&, const Config&)>;
  // Where the value of one knob makes others meaningless: sets those to the one value that stands for all.
  // Only such configs are legal, which `legal` and `fast` check themselves; sampling and stepping apply it.
  using Canonicalizer = std::function<void(const ConfigSpace&, Config&)>;
  // Of `starts` those are kept that are legal.
  ConfigSpace(std::vector<Knob> knobs, Config default_config, Constraint legal, FastConstraint fast,
              Canonicalizer canonical = nullptr, std::vector<Config> starts = {});

  const std::vector<Knob>& knobs() const { return knobs_; }
  const Config& default_config() const { return default_config_; }
  // Other configs that are worth a trial before anything is known: the good start of each algorithm.
  const std::vector<Config>& starts() const { return starts_; }
  int64_t number(const Config& config, int knob) const { return knobs_[knob].numbers[config.choice[knob]]; }
  int FindKnob(absl::string_view name) const;  // -1 when there is none.

  absl::Status Check(const Config& config) const;  // kInvalidArgument with the reason.
  bool IsLegal(const Config& config) const { return fast_(*this, config); }

  // "tile_m=6,tile_n=32,order=mnk": every knob, in the space's order.
  std::string ToText(const Config& config) const;
  // Any order; all knobs must be there. kInvalidArgument names the knob and its values. Legality is not
  // checked.
  absl::StatusOr<Config> FromText(absl::string_view text) const;

  // Points without constraints (saturating at 2^63-1): those of index 0 .. size()-1 in mixed radix, last knob
  // fastest.
  int64_t size() const { return size_; }
  Config FromIndex(int64_t index) const;
  int64_t ToIndex(const Config& config) const;  // Only when size() did not saturate.

  // What a config comes to: knobs without a meaning in it stand at the value that stands for all.
  Config Canonical(Config config) const {
    Canonicalize(config);
    return config;
  }

  // A legal config, uniform over the legal ones as far as rejection reaches; after `kSampleTries` failures a
  // random walk from the default. Always legal.
  Config Sample(Rng& rng) const;
  // One legal config that differs from `from` in one knob (rarely two), or `from` itself when it has no legal
  // neighbour.
  Config RandomNeighbour(const Config& from, Rng& rng) const;
  // All legal configs that differ in one knob, ordered knobs by one step.
  std::vector<Config> Neighbours(const Config& from) const;
  // Each knob from one of the parents; legal, or `a`.
  Config Crossover(const Config& a, const Config& b, Rng& rng) const;
  // Legal configs, estimated from `samples` random points when the space is larger.
  int64_t EstimateLegal(Rng& rng, int64_t samples = 10000) const;

  static constexpr int kSampleTries = 1000;

 private:
  void Canonicalize(Config& config) const {
    if (canonical_ != nullptr) canonical_(*this, config);
  }
  std::vector<Knob> knobs_;
  Config default_config_;
  Constraint legal_;
  FastConstraint fast_;
  Canonicalizer canonical_;  // May be null.
  std::vector<Config> starts_;
  int64_t size_;
};

}  // namespace tunefarm::schedules
