#include "bench/recorded_task.h"

#include <set>

#include "bench/search_replay.h"
#include "bench/thinned_space.h"
#include "schedules/loop_tree.h"
#include "tests/catch.h"

namespace tunefarm::bench {
namespace {

std::shared_ptr<const schedules::Task> Matmul() {
  const auto workload = schedules::Workload::Parse("matmul:m=64,n=64,k=64,dtype=f32");
  return *schedules::Task::Create(*workload, *schedules::FindTarget("x86-64-v3"));
}

// Every config of a thinned space, with times that follow from its knobs.
RecordedTable Table(int64_t most) {
  RecordedTable table;
  table.task = Matmul();
  Rng rng(3);
  const schedules::ConfigSpace& space = table.task->space();
  const auto kept = ThinSpace(space, space.default_config(), most, rng);
  table.configs = LegalConfigs(space, kept, most + 1);
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

TEST_CASE("RecordedTaskHasTheTablesConfigsAndNoOthers") {
  const RecordedTable table = Table(150);
  const auto task = RecordedTask::Create(table);
  CHECK(task->coverage() == 1);
  const schedules::ConfigSpace& space = task->space();
  std::set<std::string> texts;
  for (int64_t i = 0; i < space.size(); ++i) {
    const schedules::Config config = space.FromIndex(i);
    if (space.IsLegal(config)) texts.insert(space.ToText(config));
  }
  std::set<std::string> want;
  for (const schedules::Config& config : table.configs) want.insert(table.task->space().ToText(config));
  CHECK(texts == want);
  // The same config means the same nest and its recorded outcome.
  for (std::size_t i = 0; i < table.configs.size(); ++i) {
    const auto config = space.FromText(table.task->space().ToText(table.configs[i]));
    REQUIRE(config.ok());
    CHECK(task->OutcomeOf(*config).median_us == table.outcomes[i].median_us);
    CHECK(task->Lower(*config)->nodes.size() == table.task->Lower(table.configs[i])->nodes.size());
  }
}

TEST_CASE("EveryStrategyFindsTheBestOfATable") {
  const auto task = RecordedTask::Create(Table(150));
  for (const char* strategy : {"random", "grid", "ga", "xgb"}) {
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

}  // namespace tunefarm::bench
