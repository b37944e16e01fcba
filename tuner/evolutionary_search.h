// The "xgb" strategy: a population walks over the cost model with simulated-annealing moves and crossover;
// the best of all configs it met are measured, some random ones among them. Random without a model.
#pragma once

#include "tuner/search_strategy.h"

namespace tunefarm::tuner {

class EvolutionarySearch : public SearchStrategy {
 public:
  std::vector<schedules::Config> Ask(const TaskHistory& history, const Predictor& predict, int count,
                                     Rng& rng) override;
  int batch() const override { return 8; }
  bool uses_model() const override { return true; }
};

}  // namespace tunefarm::tuner
