#include <algorithm>
#include <functional>
#include <set>
#include <vector>

#include "tests/catch.h"
#include "tests/tuner/fake_task.h"
#include "tuner/batch_picker.h"
#include "tuner/search_strategy.h"

namespace tunefarm::tuner {
namespace {

using schedules::Config;

// A predictor that knows the truth.
Predictor Oracle(const FakeTask& task) {
  return {[&task](const std::vector<Config>& configs) {
    std::vector<float> scores;
    for (const Config& config : configs) scores.push_back(static_cast<float>(-task.TimeUs(config)));
    return scores;
  }};
}

// Asks, measures and tells until `trials` are done; the best time after each.
std::vector<double> Search(const std::string& strategy, const FakeTask& task, int trials, uint64_t seed,
                           const Predictor& predict = {}) {
  auto search = *MakeStrategy(strategy);
  TaskHistory history(task.space());
  Rng rng(seed);
  std::vector<double> best;
  while (history.trials() < trials) {
    const std::vector<Config> asked = search->Ask(history, predict, search->batch(), rng);
    if (asked.empty()) break;
    for (const Config& config : asked) {
      REQUIRE(task.space().IsLegal(config));
      REQUIRE(history.Add(history.next_trial(), config));  // Never the same twice.
      history.Complete(history.next_trial() - 1, task.Measure(config));
      best.push_back(history.Best()->outcome.median_us);
    }
  }
  return best;
}

// 25 points, of which those exist that `is_legal`.
schedules::ConfigSpace FiveByFive(const std::function<bool(const Config&)>& is_legal) {
  using namespace schedules;
  const auto fast = [is_legal](const ConfigSpace&, const Config& c) { return is_legal(c); };
  const auto legal = [is_legal](const ConfigSpace&, const Config& c) {
    return is_legal(c) ? absl::OkStatus() : absl::InvalidArgumentError("odd one");
  };
  const std::vector<std::string> values = {"0", "1", "2", "3", "4"};
  return ConfigSpace({Knob{"a", KnobKind::kSplit, values, {0, 1, 2, 3, 4}},
                      Knob{"b", KnobKind::kSplit, values, {0, 1, 2, 3, 4}}},
                     Config{{0, 0}}, legal, fast);
}

}  // namespace

TEST_CASE("UnknownStrategyIsRefusedWithTheKnownOnes") {
  const absl::Status refused = MakeStrategy("annealing").status();
  REQUIRE(refused.code() == absl::StatusCode::kInvalidArgument);
  for (const std::string& name : StrategyNames()) {
    REQUIRE(std::string(refused.message()).find(name) != std::string::npos);
  }
}

TEST_CASE("EveryStrategyFindsEveryConfigOfASmallSpaceAndThenStops") {
  const schedules::ConfigSpace space =
      FiveByFive([](const Config& c) { return (c.choice[0] + c.choice[1]) % 3 != 1; });
  for (const std::string& name : StrategyNames()) {
    INFO(name);
    auto strategy = *MakeStrategy(name);
    TaskHistory history(space);
    Rng rng(7);
    for (;;) {
      const std::vector<Config> asked = strategy->Ask(history, Predictor(), 3, rng);
      if (asked.empty()) break;
      for (const Config& config : asked) {
        REQUIRE(space.IsLegal(config));
        REQUIRE(history.Add(history.next_trial(), config));
      }
    }
    REQUIRE(history.trials() == 16);  // 25 points; 2 + 5 + 2 of them have a sum of 1, 4 or 7.
  }
}

TEST_CASE("NoKernelIsProposedTwice") {
  const auto task = FakeTask::Make();
  // As if the order made no difference, and blocks of more than 8 none to each other.
  const auto kernel_of = [](const Config& config) {
    uint64_t id = 1;
    for (std::size_t k = 0; k + 1 < config.choice.size(); ++k)
      id = 100 * id + (k == 3 ? std::min<uint64_t>(config.choice[k], 3) : config.choice[k]);
    return id;
  };
  for (const std::string& name : StrategyNames()) {
    INFO(name);
    auto strategy = *MakeStrategy(name);
    TaskHistory history(task->space(), kernel_of);
    const Predictor predict = name == "xgb" ? Oracle(*task) : Predictor();
    Rng rng(3);
    std::set<uint64_t> kernels;
    while (history.trials() < 80) {
      history.IdentifyKernels();
      for (const Config& config : strategy->Ask(history, predict, strategy->batch(), rng)) {
        REQUIRE(history.Add(history.next_trial(), config));
        history.Complete(history.next_trial() - 1, task->Measure(config));
        REQUIRE(kernels.insert(kernel_of(config)).second);
      }
    }
  }
}

TEST_CASE("SearchStopsWhenAllKernelsAreMeasured") {
  const schedules::ConfigSpace space = FiveByFive([](const Config&) { return true; });
  for (const std::string& name : StrategyNames()) {
    INFO(name);
    auto strategy = *MakeStrategy(name);
    TaskHistory history(space, [](const Config& config) { return uint64_t{1} + config.choice[0]; });
    Rng rng(7);
    for (;;) {
      history.IdentifyKernels();
      const std::vector<Config> asked = strategy->Ask(history, Predictor(), 3, rng);
      if (asked.empty()) break;
      for (const Config& config : asked) REQUIRE(history.Add(history.next_trial(), config));
    }
    REQUIRE(history.trials() == 5);
  }
}

TEST_CASE("SameSeedGivesTheSameSearch") {
  const auto task = FakeTask::Make();
  for (const std::string& name : StrategyNames()) {
    INFO(name);
    const auto oracle = name == "xgb" ? Oracle(*task) : Predictor();
    REQUIRE(Search(name, *task, 40, 5, oracle) == Search(name, *task, 40, 5, oracle));
    if (name != "grid") REQUIRE(Search(name, *task, 40, 5) != Search(name, *task, 40, 6));
  }
}

TEST_CASE("GridSpreadsOverTheWholeSpaceBeforeItFillsIn") {
  const auto task = FakeTask::Make();
  auto grid = *MakeStrategy("grid");
  const TaskHistory history(task->space());
  Rng rng(1);
  std::vector<std::set<int>> seen(task->space().knobs().size());
  for (const Config& config : grid->Ask(history, {}, 60, rng)) {
    for (std::size_t k = 0; k < seen.size(); ++k) seen[k].insert(config.choice[k]);
  }
  for (std::size_t k = 0; k < seen.size(); ++k) {
    REQUIRE(seen[k].size() == task->space().knobs()[k].values.size());
  }
}

TEST_CASE("GeneticSearchBeatsRandomSearchOverManySeeds") {
  const auto task = FakeTask::Make();
  double ga = 0, random = 0;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    ga += Search("ga", *task, 100, seed).back();
    random += Search("random", *task, 100, seed).back();
  }
  REQUIRE(ga < 0.9 * random);
}

TEST_CASE("WalkOnATrueModelFindsTheOptimumAtOnce") {
  const auto task = FakeTask::Make();
  for (uint64_t seed = 0; seed < 5; ++seed) {
    REQUIRE(Search("xgb", *task, 8, seed, Oracle(*task)).back() == Approx(FakeTask::kBestUs));
  }
}

TEST_CASE("BatchTakesTheBestThatDifferEnough") {
  const std::vector<Scored> candidates = {
      {Config{{0, 0, 0}}, 9}, {Config{{0, 0, 1}}, 8}, {Config{{1, 1, 0}}, 7}, {Config{{0, 2, 2}}, 6}};
  REQUIRE(Distance(candidates[0].config, candidates[2].config) == 2);
  REQUIRE(PickBatch(candidates, 3, 2) == std::vector<int>{0, 2, 3});
  REQUIRE(PickBatch(candidates, 3, 1) == std::vector<int>{0, 1, 2});
  // Too few that differ: places go to those passed over.
  REQUIRE(PickBatch(candidates, 4, 2) == std::vector<int>{0, 2, 3, 1});
  REQUIRE(PickBatch(candidates, 9, 2).size() == 4);
}

}  // namespace tunefarm::tuner
