#include "tuner/choice_coverage.h"

#include <cstddef>
#include <cstdint>

namespace tunefarm::tuner {
namespace {

using schedules::Config;
using schedules::Knob;
using schedules::KnobKind;

// One may be spoilt by another knob or by noise; three are more than a budget of 64 has to spare.
constexpr int kTrialsPerChoice = 2;

struct Choice {
  std::size_t knob;
  uint16_t value;
};

bool Has(const Config& config, Choice choice) { return config.choice[choice.knob] == choice.value; }

int TrialsWith(Choice choice, const TaskHistory& history, const CandidateSet& picked) {
  int count = 0;
  for (const auto& [trial, entry] : history.entries()) count += Has(entry.config, choice);
  for (const Config& config : picked.configs()) count += Has(config, choice);
  return count;
}

bool AddOne(Choice choice, const TaskHistory& history, const std::vector<Scored>& candidates,
            CandidateSet& picked) {
  for (const Scored& candidate : candidates) {
    if (Has(candidate.config, choice) && picked.Add(candidate.config)) return true;
  }
  Config config = history.space().default_config();
  config.choice[choice.knob] = choice.value;
  config = history.space().Canonical(config);
  return Has(config, choice) && history.space().IsLegal(config) && picked.Add(config);
}

}  // namespace

void CoverChoices(const TaskHistory& history, const std::vector<Scored>& candidates, int most,
                  CandidateSet& picked) {
  const std::vector<Knob>& knobs = history.space().knobs();
  for (int wanted = 1; wanted <= kTrialsPerChoice; ++wanted) {
    for (std::size_t k = 0; k < knobs.size(); ++k) {
      if (knobs[k].ordered || knobs[k].kind != KnobKind::kChoice) continue;
      for (std::size_t v = 0; v < knobs[k].values.size(); ++v) {
        if (picked.size() >= most) return;
        const Choice choice{k, static_cast<uint16_t>(v)};
        if (TrialsWith(choice, history, picked) < wanted) AddOne(choice, history, candidates, picked);
      }
    }
  }
}

}  // namespace tunefarm::tuner
