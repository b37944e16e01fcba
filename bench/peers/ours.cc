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

namespace {

struct Choice {
  Config config;
  std::string origin;
};

absl::StatusOr<Choice> BestRecorded(const Task& task, const std::string& db_path) {
  TUNEFARM_ASSIGN_OR_RETURN(const std::unique_ptr<db::Database> database,
                            db::Database::Open(db_path, db::Database::Mode::kReadOnly));
  db::LookupKey key;
  key.workload = task.workload().ToString();
  key.target_name = task.target().name;
  key.threads = task.threads();
  TUNEFARM_ASSIGN_OR_RETURN(const db::Lookup lookup, database->FindBest(key));
  if (lookup.match != db::Match::kExact || !lookup.record.has_value()) {
    return absl::NotFoundError(absl::StrCat("no record in ", db_path, " for ", key.workload, " on ",
                                            key.target_name, "; tune it first: tunefarm tune --workload ",
                                            key.workload, " --target ", key.target_name, " --db ", db_path));
  }
  if (lookup.record->template_version != task.template_version()) {
    return absl::FailedPreconditionError(absl::StrCat("record ", lookup.record->id, " is of template ",
                                                      lookup.record->template_version, ", this program has ",
                                                      task.template_version(), "; tune again"));
  }
  TUNEFARM_ASSIGN_OR_RETURN(Config config, task.space().FromText(lookup.record->config));
  return Choice{std::move(config), absl::StrCat("record ", lookup.record->id)};
}

absl::StatusOr<Choice> Choose(const Task& task, const OursOptions& options) {
  if (!options.config.empty()) {
    TUNEFARM_ASSIGN_OR_RETURN(Config config, task.space().FromText(options.config));
    return Choice{std::move(config), "given config"};
  }
  if (!options.db_path.empty()) return BestRecorded(task, options.db_path);
  return Choice{task.space().default_config(), "default config"};
}

}  // namespace

absl::StatusOr<Peer> MakeOurs(const Problem& problem, const OursOptions& options) {
  TUNEFARM_ASSIGN_OR_RETURN(const std::shared_ptr<const Task> task,
                            Task::Create(problem.workload(), problem.target(), /*threads=*/1));
  TUNEFARM_ASSIGN_OR_RETURN(const Choice choice, Choose(*task, options));
  TUNEFARM_RETURN_IF_ERROR(task->space().Check(choice.config));
  TUNEFARM_ASSIGN_OR_RETURN(const KernelSource source, task->Generate(choice.config));
  TUNEFARM_ASSIGN_OR_RETURN(const CompiledKernel kernel, CompileAndLoad(source, problem.target()));

  const std::size_t tensors = problem.compute().tensors.size();
  std::vector<void*> arguments(tensors);
  std::vector<const void*> constants(tensors);
  for (std::size_t i = 0; i + 1 < tensors; ++i) {
    arguments[i] = const_cast<float*>(problem.input(static_cast<int>(i)));
    if (problem.compute().tensors[i].role == TensorRole::kConstant) constants[i] = arguments[i];
  }
  const auto packed = std::make_shared<Buffer>(source.packed_bytes / sizeof(float) + 1);
  const auto workspace = std::make_shared<Buffer>(source.workspace_bytes / sizeof(float) + 1);
  if (kernel.prepare != nullptr) kernel.prepare(constants.data(), packed->data());

  Peer peer;
  peer.name = "tunefarm";
  peer.description = absl::StrCat(choice.origin, ": ", task->space().ToText(choice.config));
  peer.flop = problem.compute().flop;
  peer.run = [kernel, arguments, packed, workspace](Buffer& output) mutable {
    arguments.back() = output.data();
    kernel.run(arguments.data(), packed->data(), workspace->data());
  };
  return peer;
}

}  // namespace tunefarm::bench
