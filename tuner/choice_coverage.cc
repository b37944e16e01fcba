#include "tuner/choice_coverage.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace tunefarm::tuner {
namespace {

using schedules::Config;
using schedules::Knob;
using schedules::KnobKind;

// Candidates with a choice that makes no difference all come to kernels that are known.
constexpr int kMostRefused = 8;

struct Choice {
  std::size_t knob;
  uint16_t value;
};

bool Has(const Config& config, Choice choice) { return config.choice[choice.knob] == choice.value; }

bool Tried(Choice choice, const TaskHistory& history, const CandidateSet& picked) {
  for (const auto& [trial, entry] : history.entries()) {
    if (Has(entry.config, choice)) return true;
  }
  return std::any_of(picked.configs().begin(), picked.configs().end(),
                     [choice](const Config& config) { return Has(config, choice); });
}

// The default with the choice, if that is a config that has it.
bool AddToDefault(Choice choice, const TaskHistory& history, CandidateSet& picked) {
  Config config = history.space().default_config();
  config.choice[choice.knob] = choice.value;
  config = history.space().Canonical(config);
  return Has(config, choice) && history.space().IsLegal(config) && picked.Add(config);
}

void AddBest(Choice choice, const std::vector<Scored>& candidates, CandidateSet& picked) {
  int refused = 0;
  for (const Scored& candidate : candidates) {
    if (!Has(candidate.config, choice)) continue;
    if (picked.Add(candidate.config) || ++refused == kMostRefused) return;
  }
}

}  // namespace

void CoverChoices(const TaskHistory& history, const std::vector<Scored>& candidates, int most,
                  CandidateSet& picked) {
  const std::vector<Knob>& knobs = history.space().knobs();
  std::size_t most_values = 0;
  for (const Knob& knob : knobs) most_values = std::max(most_values, knob.values.size());
  std::vector<Choice> untried;
  // One value of each knob after the other, so that no knob with many values keeps the rest waiting.
  for (std::size_t v = 0; v < most_values; ++v) {
    for (std::size_t k = 0; k < knobs.size(); ++k) {
      if (knobs[k].ordered || knobs[k].kind != KnobKind::kChoice || v >= knobs[k].values.size()) continue;
      const Choice choice{k, static_cast<uint16_t>(v)};
      if (!Tried(choice, history, picked)) untried.push_back(choice);
    }
  }
  // First those that the default can take: an algorithm's own good start comes before the variants of it.
  for (const bool of_default : {true, false}) {
    for (const Choice choice : untried) {
      if (picked.size() >= most) return;
      if (Tried(choice, history, picked)) continue;
      if (of_default) {
        AddToDefault(choice, history, picked);
      } else {
        AddBest(choice, candidates, picked);
      }
    }
  }
}

}  // namespace tunefarm::tuner
