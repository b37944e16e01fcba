#include "schedules/dot_task.h"

#include <optional>
#include <utility>

#include "schedules/c_printer.h"
#include "schedules/compute_facts.h"
#include "schedules/dot_printing.h"
#include "schedules/dot_space.h"
#include "schedules/dot_windows.h"
#include "schedules/loop_tree.h"
#include "schedules/lower.h"
#include "schedules/window.h"

namespace tunefarm::schedules {
namespace {

class DotTask : public Task {
 public:
  DotTask(const Workload& workload, const Target& target, int threads)
      : Task(workload, target, threads),
        facts_(Analyze(FuseWindow(Simplify(compute())))),
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
  std::string template_version() const override { return "dot-2"; }

  absl::StatusOr<LoopTree> Lower(const Config& config) const override {
    DotPrinting dot;
    return Lower(config, dot);
  }

  absl::StatusOr<KernelSource> Generate(const Config& config) const override {
    DotPrinting dot;
    TUNEFARM_ASSIGN_OR_RETURN(const LoopTree tree, Lower(config, dot));
    PrintOptions options;
    options.title = absl::StrCat(workload().ToString(), " for ", target().name);
    options.config = absl::StrCat(template_version(), ": ", space_->ToText(config));
    options.threads = threads();
    options.dot = &dot;
    KernelSource source;
    source.c = PrintC(tree, facts_, options);
    source.flags = ThreadFlags();
    source.packed_bytes = static_cast<uint64_t>(tree.packed_bytes);
    source.workspace_bytes = static_cast<uint64_t>(tree.workspace_bytes);
    return source;
  }

 private:
  absl::StatusOr<LoopTree> Lower(const Config& config, DotPrinting& dot) const {
    const DotPlan plan = rule_.Resolve(space_->knobs(), config);
    if (const char* reason = rule_.Refusal(plan)) return absl::InvalidArgumentError(reason);
    TUNEFARM_ASSIGN_OR_RETURN(const Schedule schedule, rule_.MakeSchedule(plan));
    TUNEFARM_ASSIGN_OR_RETURN(LoopTree tree, schedules::Lower(schedule, threads()));
    dot.kernel = plan.kernel;
    dot.roles = rule_.roles();
    if (plan.kernel->planar) dot.taps = LayOutTaps(tree, facts_, rule_.roles(), plan);
    if (plan.kernel->paired) {
      dot.pair_sums = AddPairSums(tree, facts_, rule_.roles(), threads());
      dot.folds = rule_.Folds(plan);
    }
    if (plan.kernel->window_terms > 0) LayOutWindows(tree, facts_, rule_.roles(), *plan.kernel);
    dot.channels = AddChannelTable(tree, facts_, rule_.roles(), plan);
    return tree;
  }

  const ComputeFacts facts_;
  const DotRule rule_;
  std::optional<ConfigSpace> space_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<const Task>> CreateDotTask(const Workload& workload, const Target& target,
                                                          int threads) {
  auto task = std::make_shared<DotTask>(workload, target, threads);
  TUNEFARM_RETURN_IF_ERROR(task->MakeSpace());
  return task;
}

}  // namespace tunefarm::schedules
