#include "tuner/random_search.h"

#include "tuner/candidate_set.h"

namespace tunefarm::tuner {

std::vector<schedules::Config> RandomSearch::Ask(const TaskHistory& history, const Predictor&, int count,
                                                 Rng& rng) {
  CandidateSet picked(history);
  while (picked.size() < count && picked.AddRandom(rng)) {
  }
  return picked.Take();
}

}  // namespace tunefarm::tuner
