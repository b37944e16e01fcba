// A task whose space is what was recorded of it, so that strategies and session run on it unchanged and every
// trial is looked up.
#pragma once

#include <cstddef>
#include <memory>

#include "bench/listed_space.h"
#include "bench/recorded_table.h"

namespace tunefarm::bench {

// The space is the list of the table's configs (MakeListedSpace). Immutable, thread safe.
class RecordedTask : public schedules::Task {
 public:
  // The table must have configs.
  static std::shared_ptr<const RecordedTask> Create(RecordedTable table);
  // The same task with another config, by its position in the table, for a default: where a search begins. A
  // good default would leave nothing to search for.
  std::shared_ptr<const RecordedTask> StartingAt(std::size_t start) const;

  const schedules::ComputeDefinition& loop_compute() const override { return real().loop_compute(); }
  const schedules::ConfigSpace& space() const override { return space_; }
  std::string template_version() const override { return real().template_version(); }
  absl::StatusOr<schedules::LoopTree> Lower(const schedules::Config& config) const override;
  absl::StatusOr<schedules::KernelSource> Generate(const schedules::Config& config) const override;

  // What was recorded of a config of space().
  const tuner::Outcome& OutcomeOf(const schedules::Config& config) const;
  const RecordedTable& table() const { return *table_; }

 private:
  RecordedTask(std::shared_ptr<const RecordedTable> table, std::shared_ptr<const ConfigList> list,
               std::size_t start);
  const schedules::Task& real() const { return *table_->task; }

  const std::shared_ptr<const RecordedTable> table_;
  const std::shared_ptr<const ConfigList> list_;
  const schedules::ConfigSpace space_;
};

}  // namespace tunefarm::bench
