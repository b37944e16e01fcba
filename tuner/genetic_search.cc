#include "tuner/genetic_search.h"

#include <algorithm>
#include <cstddef>

#include "tuner/candidate_set.h"

namespace tunefarm::tuner {
namespace {

// Random trials before the first children: fewer and the whole search descends from one lucky parent, twice
// as many and a quarter of a usual budget of 64 is spent before the search starts.
constexpr int kFirstGeneration = 12;
// Parents alive. Half makes the population inbred within 50 trials; double gives bad parents half of the
// offspring.
constexpr std::size_t kPopulation = 16;
// Chance that a child is mutated after crossing; children that equal a parent are mutated in any case.
constexpr double kMutation = 0.5;
// Share of random newcomers, which keeps the search from ending in a corner.
constexpr double kNewcomers = 0.05;
constexpr int kTries = 50;

// The better of two drawn at random: a tournament (Goldberg and Deb, 1991).
const schedules::Config& Parent(const std::vector<const TaskHistory::Entry*>& ranked, Rng& rng) {
  const std::size_t alive = std::min(kPopulation, ranked.size());
  return ranked[std::min(rng.Uniform(alive), rng.Uniform(alive))]->config;
}

}  // namespace

std::vector<schedules::Config> GeneticSearch::Ask(const TaskHistory& history, const Predictor&, int count,
                                                  Rng& rng) {
  const std::vector<const TaskHistory::Entry*> ranked = history.Ranked();
  const schedules::ConfigSpace& space = history.space();
  CandidateSet picked(history);
  while (picked.size() < count) {
    const bool newcomer =
        history.trials() + picked.size() < kFirstGeneration || ranked.size() < 2 || rng.Bernoulli(kNewcomers);
    bool added = false;
    for (int i = 0; !newcomer && !added && i < kTries; ++i) {
      schedules::Config child = space.Crossover(Parent(ranked, rng), Parent(ranked, rng), rng);
      if (rng.Bernoulli(kMutation) || history.Seen(child)) child = space.RandomNeighbour(child, rng);
      added = picked.Add(child);
    }
    if (!added && !picked.AddRandom(rng)) break;
  }
  return picked.Take();
}

}  // namespace tunefarm::tuner
