// A task whose space is what was recorded of it, so that strategies and session run on it unchanged and every
// trial is looked up.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "bench/recorded_table.h"

namespace tunefarm::bench {

// The space has the real one's knobs, each with the values that occur in the table, and only recorded configs
// are legal. Its default, where every search begins, is the first of the table: a good default would leave
// nothing to search for. Immutable, thread safe.
class RecordedTask : public schedules::Task {
 public:
  // The table must have configs.
  static std::shared_ptr<const RecordedTask> Create(RecordedTable table);

  const schedules::ComputeDefinition& loop_compute() const override { return real().loop_compute(); }
  const schedules::ConfigSpace& space() const override { return *space_; }
  std::string template_version() const override { return real().template_version(); }
  absl::StatusOr<schedules::LoopTree> Lower(const schedules::Config& config) const override;
  absl::StatusOr<schedules::KernelSource> Generate(const schedules::Config& config) const override;

  // What was recorded of a config of space().
  const tuner::Outcome& OutcomeOf(const schedules::Config& config) const;
  const RecordedTable& table() const { return table_; }
  // The share of the configs that are legal in the real space, of those with recorded values only, that are
  // recorded; near 1 when the table is exhaustive. Below, neighbours are missing.
  double coverage() const { return coverage_; }

 private:
  explicit RecordedTask(RecordedTable table);
  const schedules::Task& real() const { return *table_.task; }
  schedules::Config ToReal(const schedules::Config& config) const;
  bool FromReal(const schedules::Config& config, schedules::Config& into) const;

  const RecordedTable table_;
  std::vector<std::vector<uint16_t>> kept_;  // By knob, the real choices.
  std::unordered_map<schedules::Config, std::size_t, schedules::ConfigHash> recorded_;  // By real config.
  std::unique_ptr<schedules::ConfigSpace> space_;
  double coverage_ = 0;
};

}  // namespace tunefarm::bench
