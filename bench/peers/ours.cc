#include <memory>

#include "bench/peers/compiled_kernel.h"
#include "bench/peers/peer.h"
#include "db/database.h"
#include "schedules/schedule_template.h"

namespace tunefarm::bench {

using schedules::Config;
using schedules::KernelSource;
using schedules::Task;
using schedules::TensorRole;

absl::StatusOr<OursChoice> BestRecorded(const schedules::Workload& workload, const schedules::Target& target,
                                        int threads, db::Database& database) {
  TUNEFARM_ASSIGN_OR_RETURN(const std::shared_ptr<const Task> task, Task::Create(workload, target, threads));
  db::LookupKey key;
  key.workload = workload.ToString();
  key.target_name = target.name;
  key.threads = threads;
  TUNEFARM_ASSIGN_OR_RETURN(const db::Lookup lookup, database.FindBest(key));
  if (lookup.match != db::Match::kExact || !lookup.record.has_value()) {
    return absl::NotFoundError(absl::StrCat("no record of ", key.workload, " on ", key.target_name, " with ",
                                            key.threads, " threads"));
  }
  if (lookup.record->template_version != task->template_version()) {
    return absl::NotFoundError(absl::StrCat("record ", lookup.record->id, " is of template ",
                                            lookup.record->template_version, ", this program has ",
                                            task->template_version()));
  }
  return OursChoice{lookup.record->config, absl::StrCat("record ", lookup.record->id)};
}

absl::StatusOr<Peer> MakeOurs(const Problem& problem, const OursChoice& choice) {
  TUNEFARM_ASSIGN_OR_RETURN(const std::shared_ptr<const Task> task,
                            Task::Create(problem.workload(), problem.target(), problem.threads()));
  Config config = task->space().default_config();
  if (!choice.config.empty()) {
    TUNEFARM_ASSIGN_OR_RETURN(config, task->space().FromText(choice.config));
  }
  TUNEFARM_RETURN_IF_ERROR(task->space().Check(config));
  TUNEFARM_ASSIGN_OR_RETURN(const KernelSource source, task->Generate(config));
  TUNEFARM_ASSIGN_OR_RETURN(const CompiledKernel kernel, CompileAndLoad(source, problem.target()));

  const std::size_t tensors = problem.compute().tensors.size();
  std::vector<void*> arguments(tensors);
  std::vector<const void*> constants(tensors);
  for (std::size_t i = 0; i + 1 < tensors; ++i) {
    arguments[i] = const_cast<void*>(problem.argument(static_cast<int>(i)));
    if (problem.compute().tensors[i].role == TensorRole::kConstant) constants[i] = arguments[i];
  }
  const auto packed = std::make_shared<Buffer>(source.packed_bytes / sizeof(float) + 1);
  const auto workspace = std::make_shared<Buffer>(source.workspace_bytes / sizeof(float) + 1);
  if (kernel.prepare != nullptr) kernel.prepare(constants.data(), packed->data());

  Peer peer;
  peer.name = "tunefarm";
  peer.competes = false;
  peer.allowed_error = problem.is_int8() ? 0 : source.error_growth;
  peer.description = absl::StrCat(choice.origin, ": ", task->space().ToText(config));
  peer.flop = problem.compute().flop;
  peer.run = [kernel, arguments, packed, workspace](Buffer& output) mutable {
    arguments.back() = output.data();
    kernel.run(arguments.data(), packed->data(), workspace->data());
  };
  return peer;
}

}  // namespace tunefarm::bench
