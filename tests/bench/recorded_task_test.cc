#include "bench/recorded_task.h"

#include <map>
#include <set>

#include "bench/listed_space.h"
#include "bench/search_replay.h"
#include "bench/thinned_space.h"
#include "schedules/loop_tree.h"
#include "tests/catch.h"

namespace tunefarm::bench {
namespace {

// As tables are recorded: of one algorithm, whose knobs all mean something.
std::shared_ptr<const schedules::Task> Matmul() {
  const auto workload = schedules::Workload::Parse("matmul:m=64,n=64,k=64,dtype=f32");
  return *schedules::Task::Create(*workload, *schedules::FindTarget("cortex-a53"));
}

// Times that follow from the knobs.
RecordedTable TableOf(std::vector<schedules::Config> configs) {
  RecordedTable table;
  table.task = Matmul();
  table.configs = std::move(configs);
  for (const schedules::Config& config : table.configs) {
    tuner::Outcome outcome;
    outcome.ok = true;
    outcome.median_us = 100;
    for (std::size_t k = 0; k < config.choice.size(); ++k) {
      outcome.median_us += static_cast<double>((config.choice[k] + k) % 4) * 10;
    }
    if (table.best_us == 0 || outcome.median_us < table.best_us) table.best_us = outcome.median_us;
    table.outcomes.push_back(outcome);
  }
  return table;
}

RecordedTable ExhaustiveTable() {
  const auto task = Matmul();
  Rng rng(3);
  const auto kept = ThinSpace(task->space(), task->space().default_config(), 150, rng);
  return TableOf(LegalConfigs(task->space(), kept, 151));
}

RecordedTable SampledTable() {
  Rng rng(4);
  return TableOf(RandomSample(Matmul()->space(), 150, rng));
}

void CheckSearches(const RecordedTable& table) {
  const auto task = RecordedTask::Create(table);
  for (const char* strategy : {"random", "ga", "xgb"}) {
    INFO(strategy);
    const auto run = RunSearch(task, {.strategy = strategy, .seed = 2}, 4);
    REQUIRE(run.ok());
    CHECK(run->to_95 <= run->to_98);
    CHECK(run->to_98 <= static_cast<int>(task->table().configs.size()));
    CHECK(run->after_16 <= run->after_32);
    CHECK(run->after_32 <= 1);
    // The same seed, the same search.
    CHECK(RunSearch(task, {.strategy = strategy, .seed = 2}, 4)->to_98 == run->to_98);
  }
}

}  // namespace

TEST_CASE("ThinnedSpacesFitAndHoldTheAnchorAndAllBetweenTheirValues") {
  const auto task = Matmul();
  const schedules::ConfigSpace& space = task->space();
  Rng rng(1);
  const schedules::Config anchor = space.Sample(rng);
  const auto kept = ThinSpace(space, anchor, 200, rng);
  const std::vector<schedules::Config> configs = LegalConfigs(space, kept, 1000);
  CHECK(configs.size() <= 200);
  CHECK(configs.size() >= 20);
  CHECK(std::find(configs.begin(), configs.end(), anchor) != configs.end());
  std::set<std::vector<uint16_t>> distinct;
  for (const schedules::Config& config : configs) {
    CHECK(space.IsLegal(config));
    distinct.insert(config.choice);
  }
  CHECK(distinct.size() == configs.size());
  CHECK(LegalConfigs(space, kept, 7).size() == 7);
}

TEST_CASE("RandomSamplesAreDistinctLegalAndWithoutTheDefault") {
  const auto task = Matmul();
  Rng rng(5);
  const std::vector<schedules::Config> sample = RandomSample(task->space(), 300, rng);
  std::set<std::vector<uint16_t>> distinct;
  for (const schedules::Config& config : sample) {
    CHECK(task->space().IsLegal(config));
    CHECK(config != task->space().default_config());
    distinct.insert(config.choice);
  }
  CHECK(distinct.size() == 300);
}

TEST_CASE("RecordedTaskHasTheTablesConfigsAndNoOthers") {
  const RecordedTable table = SampledTable();
  const auto task = RecordedTask::Create(table)->StartingAt(7);
  const schedules::ConfigSpace& space = task->space();
  CHECK(WithoutDraw(space.default_config()) == table.configs[7]);
  CHECK(!space.IsLegal(WithDraw(table.task->space().default_config())));
  // The same config means the same nest and its recorded outcome.
  for (std::size_t i = 0; i < table.configs.size(); ++i) {
    const schedules::Config config = WithDraw(table.configs[i]);
    REQUIRE(space.IsLegal(config));
    CHECK(space.FromText(space.ToText(config)).value() == config);
    CHECK(task->OutcomeOf(config).median_us == table.outcomes[i].median_us);
    CHECK(task->Lower(config)->nodes.size() == table.task->Lower(table.configs[i])->nodes.size());
  }
}

TEST_CASE("ListedConfigsAreDrawnAboutEquallyOften") {
  const RecordedTable table = SampledTable();
  const auto task = RecordedTask::Create(table);
  Rng rng(6);
  std::map<std::vector<uint16_t>, int> drawn;
  for (int i = 0; i < 15000; ++i) ++drawn[task->space().Sample(rng).choice];
  REQUIRE(drawn.size() == table.configs.size());
  for (const auto& [choice, times] : drawn) {
    CHECK(times > 50);  // 100 on average; five standard deviations.
    CHECK(times < 150);
  }
}

TEST_CASE("StepsInAListLeadToAnotherOfItsConfigsMostlyANearOne") {
  const RecordedTable table = SampledTable();
  const auto task = RecordedTask::Create(table);
  const schedules::ConfigSpace& space = task->space();
  const ConfigList list(table.task->space(), table.configs);
  Rng rng(6);
  const schedules::Config from = space.Sample(rng);
  double stepped = 0, anywhere = 0;
  for (int i = 0; i < 500; ++i) {
    const schedules::Config to = space.RandomNeighbour(from, rng);
    CHECK(space.IsLegal(to));
    CHECK(to != from);
    stepped += list.Distance(WithoutDraw(from), WithoutDraw(to));
    anywhere += list.Distance(WithoutDraw(from), WithoutDraw(space.Sample(rng)));
    CHECK(space.IsLegal(space.Crossover(from, space.Sample(rng), rng)));
  }
  CHECK(stepped < 0.8 * anywhere);
  // All others are a step away.
  std::set<std::vector<uint16_t>> reached;
  for (const schedules::Config& neighbour : space.Neighbours(from)) reached.insert(neighbour.choice);
  CHECK(reached.size() == table.configs.size() - 1);
}

TEST_CASE("EveryStrategyFindsTheBestOfAnExhaustiveTable") { CheckSearches(ExhaustiveTable()); }

TEST_CASE("EveryStrategyFindsTheBestOfASampleOfAWholeSpace") { CheckSearches(SampledTable()); }

}  // namespace tunefarm::bench
