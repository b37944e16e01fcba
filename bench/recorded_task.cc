#include "bench/recorded_task.h"

#include <utility>

#include "schedules/loop_tree.h"

namespace tunefarm::bench {

RecordedTask::RecordedTask(std::shared_ptr<const RecordedTable> table, std::shared_ptr<const ConfigList> list,
                           std::size_t start)
    : Task(table->task->workload(), table->task->target(), table->task->threads()),
      table_(std::move(table)),
      list_(std::move(list)),
      space_(MakeListedSpace(list_, start)) {}

std::shared_ptr<const RecordedTask> RecordedTask::Create(RecordedTable table) {
  auto shared = std::make_shared<const RecordedTable>(std::move(table));
  auto list = std::make_shared<const ConfigList>(shared->task->space(), shared->configs);
  return std::shared_ptr<const RecordedTask>(new RecordedTask(std::move(shared), std::move(list), 0));
}

std::shared_ptr<const RecordedTask> RecordedTask::StartingAt(std::size_t start) const {
  return std::shared_ptr<const RecordedTask>(new RecordedTask(table_, list_, start));
}

absl::StatusOr<schedules::LoopTree> RecordedTask::Lower(const schedules::Config& config) const {
  return real().Lower(WithoutDraw(config));
}

absl::StatusOr<schedules::KernelSource> RecordedTask::Generate(const schedules::Config& config) const {
  return real().Generate(WithoutDraw(config));
}

const tuner::Outcome& RecordedTask::OutcomeOf(const schedules::Config& config) const {
  return table_->outcomes[list_->PositionOf(WithoutDraw(config))];
}

}  // namespace tunefarm::bench
