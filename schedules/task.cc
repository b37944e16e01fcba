#include <memory>
#include <optional>
#include <utility>

#include "schedules/c_printer.h"
#include "schedules/compute_facts.h"
#include "schedules/dot_task.h"
#include "schedules/inner_product_rule.h"
#include "schedules/knobs.h"
#include "schedules/loop_tree.h"
#include "schedules/lower.h"
#include "schedules/schedule_template.h"
#include "schedules/small_task.h"
#include "schedules/tiling_space.h"
#include "schedules/winograd_printer.h"
#include "schedules/winograd_rule.h"

namespace tunefarm::schedules {
namespace {

// Float operators: the tiling rule derived from the compute definition, and as a choice beside it Winograd's
// algorithm for the convolutions that it serves, or inner products for products with few columns.
class TiledTask : public Task {
 public:
  TiledTask(const Workload& workload, const Target& target, int threads)
      : Task(workload, target, threads),
        facts_(Analyze(Simplify(compute()))),
        rule_(facts_, target, threads) {
    if (WinogradRule::Serves(workload)) winograd_.emplace(workload, target, threads);
    if (InnerProductRule::Serves(facts_, target)) inner_.emplace(facts_, target, threads);
  }
  // Before anything else.
  absl::Status MakeSpace() {
    TUNEFARM_ASSIGN_OR_RETURN(ConfigSpace direct, rule_.MakeSpace());
    if (!winograd_.has_value() && !inner_.has_value()) {
      space_.emplace(std::move(direct));
      return absl::OkStatus();
    }
    std::vector<Knob> knobs = direct.knobs();
    Config start = direct.default_config();
    for (Knob& knob : winograd_.has_value() ? WinogradRule::Knobs() : inner_->Knobs()) {
      knobs.push_back(std::move(knob));
      start.choice.push_back(0);
    }
    if (inner_.has_value()) inner_->Prefer(knobs, start);
    space_.emplace(SpaceOf(
        std::move(knobs), std::move(start),
        [this](const ConfigSpace& space, const Config& config) { return Refusal(space, config); },
        [this](const ConfigSpace& space, Config& config) { Canonicalize(space, config); }));
    return absl::OkStatus();
  }

  const ComputeDefinition& loop_compute() const override { return facts_.compute; }
  const ConfigSpace& space() const override { return *space_; }
  // Count up when a config comes to mean another kernel.
  std::string template_version() const override {
    return winograd_.has_value() ? "tiled-4+winograd-1" : inner_.has_value() ? "tiled-4+inner-1" : "tiled-4";
  }

  absl::StatusOr<LoopTree> Lower(const Config& config) const override {
    if (const char* reason = Refusal(*space_, config)) return absl::InvalidArgumentError(reason);
    if (IsWinograd(*space_, config)) return winograd_->Lower(winograd_->Resolve(*space_, config), facts_);
    if (IsInner(*space_, config)) return inner_->Lower(inner_->Resolve(*space_, config));
    TUNEFARM_ASSIGN_OR_RETURN(const Schedule schedule,
                              rule_.MakeSchedule(rule_.Resolve(space_->knobs(), config)));
    return schedules::Lower(schedule, threads());
  }

  absl::StatusOr<KernelSource> Generate(const Config& config) const override {
    TUNEFARM_ASSIGN_OR_RETURN(const LoopTree tree, Lower(config));
    PrintOptions options;
    options.title = absl::StrCat(workload().ToString(), " for ", target().name);
    options.config = absl::StrCat(template_version(), ": ", space_->ToText(config));
    options.threads = threads();
    KernelSource source;
    if (IsWinograd(*space_, config)) {
      const WinogradPlan plan = winograd_->Resolve(*space_, config);
      TUNEFARM_ASSIGN_OR_RETURN(source.c, PrintWinograd(*winograd_, plan, workload(), compute(),
                                                        options.title, options.config, threads()));
      source.error_growth = WinogradErrorGrowth(*winograd_->shape(plan).form);
    } else if (IsInner(*space_, config)) {
      source.c = inner_->Print(inner_->Resolve(*space_, config), options.title, options.config);
    } else {
      source.c = PrintC(tree, facts_, options);
    }
    source.flags = ThreadFlags();
    source.packed_bytes = static_cast<uint64_t>(tree.packed_bytes);
    source.workspace_bytes = static_cast<uint64_t>(tree.workspace_bytes);
    return source;
  }

 private:
  static bool IsDirect(const ConfigSpace& space, const Config& config) {
    return space.number(config, space.FindKnob("algorithm")) == 0;
  }
  bool IsWinograd(const ConfigSpace& space, const Config& config) const {
    return winograd_.has_value() && !IsDirect(space, config);
  }
  bool IsInner(const ConfigSpace& space, const Config& config) const {
    return inner_.has_value() && !IsDirect(space, config);
  }
  // Knobs that the algorithm does not look at stand at the default's values.
  void Canonicalize(const ConfigSpace& space, Config& config) const {
    const bool direct = IsDirect(space, config);
    for (std::size_t k = 0; k < space.knobs().size(); ++k) {
      const Knob& knob = space.knobs()[k];
      const bool used = direct ? knob.name != "tiles" && knob.name != "columns" && knob.name != "chains"
                        : winograd_.has_value() ? WinogradRule::Uses(knob)
                                                : InnerProductRule::Uses(knob);
      if (!used) config.choice[k] = space.default_config().choice[k];
    }
  }
  const char* Refusal(const ConfigSpace& space, const Config& config) const {
    if (!winograd_.has_value() && !inner_.has_value())
      return rule_.Refusal(rule_.Resolve(space.knobs(), config));
    Config canonical = config;
    Canonicalize(space, canonical);
    if (canonical != config)
      return "a knob that the algorithm does not use stands at another value than the default";
    if (IsWinograd(space, config)) return winograd_->Refusal(winograd_->Resolve(space, config));
    if (IsInner(space, config)) return inner_->Refusal(inner_->Resolve(space, config));
    return rule_.Refusal(rule_.Resolve(space.knobs(), config));
  }

  const ComputeFacts facts_;
  const TilingRule rule_;
  std::optional<WinogradRule> winograd_;
  std::optional<InnerProductRule> inner_;
  std::optional<ConfigSpace> space_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<const Task>> Task::Create(const Workload& workload, const Target& target,
                                                         int threads) {
  if (threads < 1 || threads > 1024) {
    return absl::InvalidArgumentError(absl::StrCat("threads must be in 1 .. 1024, not ", threads));
  }
  switch (workload.op()) {
    case Operator::kAvgPool2d:
    case Operator::kMaxPool2d:
      return CreatePoolTask(workload, target, threads);
    case Operator::kAdd:
      return CreateAddTask(workload, target, threads);
    case Operator::kSoftmax:
      return CreateSoftmaxTask(workload, target, threads);
    default:
      break;
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
