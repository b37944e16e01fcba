#include "tuner/evolutionary_search.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <unordered_map>

#include "tuner/batch_picker.h"
#include "tuner/candidate_set.h"
#include "tuner/choice_coverage.h"

namespace tunefarm::tuner {
namespace {

// Walkers times generations is the number of configs looked at, about 3,000 at some 15 us each: 50 ms. Half
// finds nearly as good ones in spaces of 10^5 points; double only costs time there.
constexpr std::size_t kWalkers = 192;
constexpr int kGenerations = 16;
// Share of the walkers that start at measured configs, the fastest first. With none the search forgets what
// it knows; with all of them it does not leave the first valley.
constexpr double kMeasuredShare = 0.3;
// Share of moves that cross two walkers instead of changing one.
constexpr double kCrossover = 0.2;
// Share of a batch that may go to hints.
constexpr double kHintShare = 0.5;
// Every so many trials, one goes to a choice that was not tried, as long as there are any. By the number of
// the trial and not by the place in the batch, since a new model drops what is left of a batch.
constexpr int kCoverEvery = 3;
// So many times the picks that a batch needs are chosen.
constexpr int kSpare = 8;
// Picks of a batch differ in at least this many knobs.
constexpr int kMinDistance = 2;

using Scores = std::unordered_map<schedules::Config, float, schedules::ConfigHash>;

// Predicts configs, each only once.
std::vector<float> Evaluate(const std::vector<schedules::Config>& configs, const Predictor& predict,
                            Scores& known) {
  std::vector<schedules::Config> fresh;
  for (const schedules::Config& config : configs) {
    if (known.emplace(config, 0.0f).second) fresh.push_back(config);
  }
  if (!fresh.empty()) {
    const std::vector<float> predicted = predict.scores(fresh);
    for (std::size_t i = 0; i < fresh.size(); ++i) known[fresh[i]] = predicted[i];
  }
  std::vector<float> scores;
  scores.reserve(configs.size());
  for (const schedules::Config& config : configs) scores.push_back(known[config]);
  return scores;
}

std::vector<schedules::Config> StartingPoints(const TaskHistory& history,
                                              const std::vector<schedules::Config>& hints, Rng& rng) {
  std::vector<schedules::Config> walkers = hints;
  const std::size_t measured = static_cast<std::size_t>(kWalkers * kMeasuredShare);
  for (const TaskHistory::Entry* entry : history.Ranked()) {
    if (walkers.size() == measured) break;
    walkers.push_back(entry->config);
  }
  while (walkers.size() < kWalkers) walkers.push_back(history.space().Sample(rng));
  return walkers;
}

float Spread(const std::vector<float>& scores) {
  const auto [low, high] = std::minmax_element(scores.begin(), scores.end());
  return *high - *low;
}

// All unseen configs that the walk met, best predicted first.
std::vector<Scored> Walk(const TaskHistory& history, const Predictor& predict,
                         const std::vector<schedules::Config>& hints, Rng& rng) {
  const schedules::ConfigSpace& space = history.space();
  Scores known;
  std::vector<schedules::Config> walkers = StartingPoints(history, hints, rng);
  std::vector<float> scores = Evaluate(walkers, predict, known);
  // Metropolis acceptance, from a temperature of a tenth of the first generation's spread down to 0,
  // linearly.
  const float hot = 0.1f * Spread(scores);
  for (int generation = 0; generation < kGenerations; ++generation) {
    const float temperature =
        hot * static_cast<float>(kGenerations - 1 - generation) / static_cast<float>(kGenerations);
    std::vector<schedules::Config> moved;
    moved.reserve(walkers.size());
    for (const schedules::Config& walker : walkers) {
      moved.push_back(rng.Bernoulli(kCrossover)
                          ? space.Crossover(walker, walkers[rng.Uniform(walkers.size())], rng)
                          : space.RandomNeighbour(walker, rng));
    }
    const std::vector<float> moved_scores = Evaluate(moved, predict, known);
    for (std::size_t i = 0; i < walkers.size(); ++i) {
      const float gain = moved_scores[i] - scores[i];
      if (gain >= 0 || (temperature > 0 && rng.UniformDouble() < std::exp(gain / temperature))) {
        walkers[i] = std::move(moved[i]);
        scores[i] = moved_scores[i];
      }
    }
  }
  std::vector<Scored> met;
  for (const auto& [config, score] : known) {
    if (!history.Seen(config)) met.push_back({config, score});
  }
  // Ties by the config itself, as the order of a hash map is nobody's promise.
  std::sort(met.begin(), met.end(), [](const Scored& a, const Scored& b) {
    return a.score != b.score ? a.score > b.score : a.config.choice < b.config.choice;
  });
  return met;
}

}  // namespace

std::vector<schedules::Config> EvolutionarySearch::Ask(const TaskHistory& history, const Predictor& predict,
                                                       int count, Rng& rng) {
  CandidateSet picked(history);
  for (const schedules::Config& start : history.space().starts()) {
    if (picked.size() < count) picked.Add(start);
  }
  if (predict.scores) {
    const std::vector<schedules::Config> hints =
        predict.hints ? predict.hints() : std::vector<schedules::Config>();
    for (const schedules::Config& hint : hints) {
      if (picked.size() < kHintShare * count) picked.Add(hint);
    }
    const std::vector<Scored> met = Walk(history, predict, hints, rng);
    // More than will be needed, as some of them may be picked by other ways, and some come to one kernel.
    const std::vector<int> promising = PickBatch(met, kSpare * count, kMinDistance);
    auto next = promising.begin();
    while (picked.size() < count) {
      const int before = picked.size();
      if (rng.Bernoulli(predict.random_share)) {
        picked.AddRandom(rng);
      } else if ((history.trials() + before) % kCoverEvery == 0) {
        CoverChoices(history, met, before + 1, picked);
      }
      while (picked.size() == before && next != promising.end()) picked.Add(met[*next++].config);
      if (picked.size() == before) break;
    }
  }
  while (picked.size() < count && picked.AddRandom(rng)) {
  }
  return picked.Take();
}

}  // namespace tunefarm::tuner
