// A steady-state genetic algorithm on measured times: parents are drawn from the fastest measured configs,
// children are crossed and mutated. Needs no model.
#pragma once

#include "tuner/search_strategy.h"

namespace tunefarm::tuner {

class GeneticSearch : public SearchStrategy {
 public:
  std::vector<schedules::Config> Ask(const TaskHistory& history, const Predictor& predict, int count,
                                     Rng& rng) override;
  int batch() const override { return 1; }
  bool uses_model() const override { return false; }
};

}  // namespace tunefarm::tuner
