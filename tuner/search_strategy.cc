#include "tuner/search_strategy.h"

#include "absl/strings/str_join.h"
#include "tuner/evolutionary_search.h"
#include "tuner/genetic_search.h"
#include "tuner/grid_search.h"
#include "tuner/random_search.h"

namespace tunefarm::tuner {
namespace {

struct Entry {
  const char* name;
  std::unique_ptr<SearchStrategy> (*make)();
};

template <typename T>
std::unique_ptr<SearchStrategy> Make() {
  return std::make_unique<T>();
}

constexpr Entry kStrategies[] = {
    {"random", Make<RandomSearch>},
    {"grid", Make<GridSearch>},
    {"ga", Make<GeneticSearch>},
    {"xgb", Make<EvolutionarySearch>},
};

}  // namespace

absl::StatusOr<std::unique_ptr<SearchStrategy>> MakeStrategy(absl::string_view name) {
  for (const Entry& entry : kStrategies) {
    if (name == entry.name) return entry.make();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("unknown strategy '", name, "'; known are ", absl::StrJoin(StrategyNames(), ", ")));
}

std::vector<std::string> StrategyNames() {
  std::vector<std::string> names;
  for (const Entry& entry : kStrategies) names.push_back(entry.name);
  return names;
}

}  // namespace tunefarm::tuner
