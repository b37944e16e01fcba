#include "bench/recorded_task.h"

#include <algorithm>
#include <set>
#include <utility>

#include "bench/thinned_space.h"
#include "schedules/loop_tree.h"

namespace tunefarm::bench {

using schedules::Config;
using schedules::ConfigSpace;

RecordedTask::RecordedTask(RecordedTable table)
    : Task(table.task->workload(), table.task->target(), table.task->threads()), table_(std::move(table)) {
  const std::vector<schedules::Knob>& knobs = real().space().knobs();
  std::vector<std::set<uint16_t>> values(knobs.size());
  for (std::size_t i = 0; i < table_.configs.size(); ++i) {
    recorded_.emplace(table_.configs[i], i);
    for (std::size_t k = 0; k < knobs.size(); ++k) values[k].insert(table_.configs[i].choice[k]);
  }
  for (const std::set<uint16_t>& kept : values) kept_.emplace_back(kept.begin(), kept.end());
  const auto limit = static_cast<int64_t>(table_.configs.size()) * 100;
  const auto legal = static_cast<double>(LegalConfigs(real().space(), kept_, limit).size());
  coverage_ = legal > 0 ? static_cast<double>(table_.configs.size()) / legal : 0;
}

std::shared_ptr<const RecordedTask> RecordedTask::Create(RecordedTable table) {
  std::shared_ptr<RecordedTask> task(new RecordedTask(std::move(table)));
  const ConfigSpace& real = task->real().space();
  std::vector<schedules::Knob> knobs;
  for (std::size_t k = 0; k < task->kept_.size(); ++k) {
    schedules::Knob knob = real.knobs()[k];
    std::vector<std::string> texts;
    std::vector<int64_t> numbers;
    for (const uint16_t choice : task->kept_[k]) {
      texts.push_back(knob.values[choice]);
      numbers.push_back(knob.numbers[choice]);
    }
    knob.values = std::move(texts);
    knob.numbers = std::move(numbers);
    knobs.push_back(std::move(knob));
  }
  Config start;
  task->FromReal(task->table_.configs.front(), start);
  const RecordedTask* self = task.get();
  const auto fast = [self](const ConfigSpace&, const Config& config) {
    return self->recorded_.contains(self->ToReal(config));
  };
  const auto legal = [fast](const ConfigSpace& space, const Config& config) {
    return fast(space, config) ? absl::OkStatus() : absl::InvalidArgumentError("not recorded");
  };
  const auto canonical = [self](const ConfigSpace&, Config& config) {
    Config into = config;
    if (self->FromReal(self->real().space().Canonical(self->ToReal(config)), into)) config = std::move(into);
  };
  task->space_ = std::make_unique<ConfigSpace>(std::move(knobs), std::move(start), legal, fast, canonical);
  return task;
}

Config RecordedTask::ToReal(const Config& config) const {
  Config real = config;
  for (std::size_t k = 0; k < kept_.size(); ++k) real.choice[k] = kept_[k][config.choice[k]];
  return real;
}

bool RecordedTask::FromReal(const Config& config, Config& into) const {
  into.choice.resize(kept_.size());
  for (std::size_t k = 0; k < kept_.size(); ++k) {
    const auto at = std::lower_bound(kept_[k].begin(), kept_[k].end(), config.choice[k]);
    if (at == kept_[k].end() || *at != config.choice[k]) return false;
    into.choice[k] = static_cast<uint16_t>(at - kept_[k].begin());
  }
  return true;
}

absl::StatusOr<schedules::LoopTree> RecordedTask::Lower(const Config& config) const {
  return real().Lower(ToReal(config));
}

absl::StatusOr<schedules::KernelSource> RecordedTask::Generate(const Config& config) const {
  return real().Generate(ToReal(config));
}

const tuner::Outcome& RecordedTask::OutcomeOf(const Config& config) const {
  return table_.outcomes[recorded_.at(ToReal(config))];
}

}  // namespace tunefarm::bench
