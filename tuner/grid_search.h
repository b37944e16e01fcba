// Every legal config once, in an order that spreads: point number i is (i * step) modulo the size of the
// space, with the step near the golden ratio of the size and coprime to it (an additive recurrence; Knuth,
// The Art of Computer Programming 3, 6.4). So a search cut short has looked everywhere, and one that is not
// has seen all. Ignores the seed.
#pragma once

#include <cstdint>

#include "tuner/search_strategy.h"

namespace tunefarm::tuner {

class GridSearch : public SearchStrategy {
 public:
  std::vector<schedules::Config> Ask(const TaskHistory& history, const Predictor& predict, int count,
                                     Rng& rng) override;
  int batch() const override { return 1; }
  bool uses_model() const override { return false; }

 private:
  // Points before this one are seen or illegal. Only saves time: starting again from 0 gives the same
  // answers.
  int64_t position_ = 0;
};

}  // namespace tunefarm::tuner
