#include <memory>
#include <optional>
#include <utility>

#include "schedules/c_printer.h"
#include "schedules/compute_facts.h"
#include "schedules/dot_task.h"
#include "schedules/loop_tree.h"
#include "schedules/lower.h"
#include "schedules/schedule_template.h"
#include "schedules/tiling_space.h"

namespace tunefarm::schedules {
namespace {

// Float operators: the tiling rule derived from the compute definition.
class TiledTask : public Task {
 public:
  TiledTask(const Workload& workload, const Target& target, int threads)
      : Task(workload, target, threads),
        facts_(Analyze(Simplify(compute()))),
        rule_(facts_, target, threads) {}
  // Before anything else.
  absl::Status MakeSpace() {
    TUNEFARM_ASSIGN_OR_RETURN(ConfigSpace space, rule_.MakeSpace());
    space_.emplace(std::move(space));
    return absl::OkStatus();
  }

  const ComputeDefinition& loop_compute() const override { return facts_.compute; }
  const ConfigSpace& space() const override { return *space_; }
  // Count up when a config comes to mean another kernel.
  std::string template_version() const override { return "tiled-1"; }

  absl::StatusOr<LoopTree> Lower(const Config& config) const override {
    const TilingPlan plan = rule_.Resolve(space_->knobs(), config);
    if (const char* reason = rule_.Refusal(plan)) return absl::InvalidArgumentError(reason);
    TUNEFARM_ASSIGN_OR_RETURN(const Schedule schedule, rule_.MakeSchedule(plan));
    return schedules::Lower(schedule, threads());
  }

  absl::StatusOr<KernelSource> Generate(const Config& config) const override {
    TUNEFARM_ASSIGN_OR_RETURN(const LoopTree tree, Lower(config));
    PrintOptions options;
    options.title = absl::StrCat(workload().ToString(), " for ", target().name);
    options.config = absl::StrCat(template_version(), ": ", space_->ToText(config));
    options.threads = threads();
    KernelSource source;
    source.c = PrintC(tree, facts_, options);
    if (threads() > 1) source.flags.push_back("-fopenmp");
    source.packed_bytes = static_cast<uint64_t>(tree.packed_bytes);
    source.workspace_bytes = static_cast<uint64_t>(tree.workspace_bytes);
    return source;
  }

 private:
  const ComputeFacts facts_;
  const TilingRule rule_;
  std::optional<ConfigSpace> space_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<const Task>> Task::Create(const Workload& workload, const Target& target,
                                                         int threads) {
  if (threads < 1 || threads > 1024) {
    return absl::InvalidArgumentError(absl::StrCat("threads must be in 1 .. 1024, not ", threads));
  }
  if (workload.dtype() == DType::kI8) return CreateDotTask(workload, target, threads);
  if (target.vector_registers < 4 || target.vector_bytes < 8) {
    return absl::InvalidArgumentError(absl::StrCat(
        "target ", target.name, ": the tiled template needs at least 4 vector registers of 8 bytes"));
  }
  auto task = std::make_shared<TiledTask>(workload, target, threads);
  TUNEFARM_RETURN_IF_ERROR(task->MakeSpace());
  return task;
}

}  // namespace tunefarm::schedules
