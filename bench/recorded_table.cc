#include "bench/recorded_table.h"

#include <cstddef>
#include <map>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "db/database.h"

namespace tunefarm::bench {
namespace {

using Key = std::tuple<std::string, std::string, int, std::string>;

struct Building {
  RecordedTable table;
  std::unordered_map<schedules::Config, std::size_t, schedules::ConfigHash> known;
};

// A limit of time that was passed says as much of how crowded the machine was as of the config.
bool RanOutOfTime(const tuner::Outcome& outcome) {
  return outcome.failure == v1::FAILURE_KIND_BUILD_TIMEOUT || outcome.failure == v1::FAILURE_KIND_TIMEOUT;
}

bool HasTime(const tuner::Outcome& outcome) { return outcome.ok && !outcome.censored; }

void AddRecord(const db::Record& record, Building& building) {
  RecordedTable& table = building.table;
  const schedules::ConfigSpace& space = table.task->space();
  tuner::Outcome outcome = tuner::OutcomeOf(record.measurement, record.kernel_digest);
  if (!outcome.ok && (!tuner::IsCandidateFailure(outcome.failure) || RanOutOfTime(outcome))) return;
  // Cut by an interruption: its samples lie below the cutoff.
  if (outcome.median_us <= record.policy.cutoff_us()) outcome.censored = false;
  const absl::StatusOr<schedules::Config> config = space.FromText(record.config);
  if (record.template_version != table.task->template_version() || !config.ok() || !space.IsLegal(*config)) {
    ++table.left_out;
    return;
  }
  if (HasTime(outcome) && (table.best_us == 0 || outcome.median_us < table.best_us)) {
    table.best_us = outcome.median_us;
  }
  const auto [at, fresh] = building.known.emplace(*config, table.configs.size());
  if (fresh) {
    table.configs.push_back(*config);
    table.outcomes.push_back(std::move(outcome));
  } else if (HasTime(outcome)) {
    tuner::Outcome& other = table.outcomes[at->second];
    if (!HasTime(other) || outcome.median_us < other.median_us) other = std::move(outcome);
  }
}

}  // namespace

absl::StatusOr<std::vector<RecordedTable>> LoadTables(const std::vector<std::string>& databases, int least) {
  std::vector<Building> buildings;
  std::map<Key, std::size_t> by_key;
  for (const std::string& path : databases) {
    TUNEFARM_ASSIGN_OR_RETURN(const auto database, db::Database::Open(path, db::Database::Mode::kReadOnly));
    TUNEFARM_ASSIGN_OR_RETURN(const std::vector<db::Job> jobs, database->Jobs());
    for (const db::Job& job : jobs) {
      for (int i = 0; i < job.request.tasks_size(); ++i) {
        TUNEFARM_ASSIGN_OR_RETURN(const std::vector<db::Record> records, database->JobRecords(job.id, i));
        for (const db::Record& record : records) {
          const Key key{record.workload, record.target_json, record.threads, record.device_class};
          const auto [at, fresh] = by_key.emplace(key, buildings.size());
          if (fresh) {
            Building building;
            TUNEFARM_ASSIGN_OR_RETURN(const schedules::Workload workload,
                                      schedules::Workload::Parse(record.workload));
            TUNEFARM_ASSIGN_OR_RETURN(const schedules::Target target,
                                      schedules::ParseTarget(record.target_json));
            TUNEFARM_ASSIGN_OR_RETURN(building.table.task,
                                      schedules::Task::Create(workload, target, record.threads));
            building.table.device_class = record.device_class;
            buildings.push_back(std::move(building));
          }
          AddRecord(record, buildings[at->second]);
        }
      }
    }
  }
  std::vector<RecordedTable> tables;
  for (Building& building : buildings) {
    if (static_cast<int>(building.table.configs.size()) >= least && building.table.best_us > 0) {
      tables.push_back(std::move(building.table));
    }
  }
  if (tables.empty())
    return absl::NotFoundError("no task has enough records; `bench-search record` makes them");
  return tables;
}

}  // namespace tunefarm::bench
