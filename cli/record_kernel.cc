#include "cli/record_kernel.h"

#include "schedules/loop_tree.h"

namespace tunefarm::cli {

absl::StatusOr<RecordKernel> RebuildKernel(const db::Record& record) {
  const std::string name = absl::StrCat("record ", record.id);
  auto workload = schedules::Workload::Parse(record.workload);
  if (!workload.ok()) return WithContext(workload.status(), name);
  auto target = schedules::ParseTarget(record.target_json);
  if (!target.ok()) return WithContext(target.status(), absl::StrCat(name, ", its target"));
  auto task = schedules::Task::Create(*workload, *target, record.threads);
  if (!task.ok()) return WithContext(task.status(), name);
  RecordKernel kernel;
  kernel.task = *task;
  if (kernel.task->template_version() != record.template_version) {
    kernel.caution =
        absl::StrCat("the record was made by template ", record.template_version, ", this tunefarm has ",
                     kernel.task->template_version(), ": the code may differ from what was measured");
  }
  const std::string config_name = absl::StrCat(
      name, ", its config", kernel.caution.empty() ? "" : absl::StrCat(" (", kernel.caution, ")"));
  auto config = kernel.task->space().FromText(record.config);
  if (!config.ok()) return WithContext(config.status(), config_name);
  kernel.config = *config;
  auto tree = kernel.task->Lower(kernel.config);
  if (!tree.ok()) return WithContext(tree.status(), config_name);
  kernel.loop_nest = schedules::DumpLoopTree(*tree, kernel.task->compute());
  auto source = kernel.task->Generate(kernel.config);
  if (!source.ok()) return WithContext(source.status(), config_name);
  kernel.source = *std::move(source);
  return kernel;
}

}  // namespace tunefarm::cli
