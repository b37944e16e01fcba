// Uniform over the legal configs, without repetition: the baseline that every other strategy has to beat.
#pragma once

#include "tuner/search_strategy.h"

namespace tunefarm::tuner {

class RandomSearch : public SearchStrategy {
 public:
  std::vector<schedules::Config> Ask(const TaskHistory& history, const Predictor& predict, int count,
                                     Rng& rng) override;
  int batch() const override { return 1; }
  bool uses_model() const override { return false; }
};

}  // namespace tunefarm::tuner
