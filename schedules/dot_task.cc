#include "schedules/dot_task.h"

#include <optional>
#include <utility>
#include <vector>

#include "schedules/c_printer.h"
#include "schedules/compute_facts.h"
#include "schedules/dot_bilinear_forms.h"
#include "schedules/dot_bilinear_printer.h"
#include "schedules/dot_bilinear_rule.h"
#include "schedules/dot_printing.h"
#include "schedules/dot_space.h"
#include "schedules/dot_windows.h"
#include "schedules/knobs.h"
#include "schedules/loop_tree.h"
#include "schedules/lower.h"
#include "schedules/window.h"

namespace tunefarm::schedules {
namespace {

// The dot-product rule, and as a choice beside it an algorithm with fewer multiplications.
class DotTask : public Task {
 public:
  DotTask(const Workload& workload, const Target& target, int threads)
      : Task(workload, target, threads),
        facts_(Analyze(FuseWindow(Simplify(compute())))),
        rule_(facts_, target, threads) {
    std::vector<DotBilinearForm> forms = BilinearForms(workload, facts_, rule_.roles());
    if (forms.empty() || !DotBilinearRule::Serves(target)) return;
    version_ = forms[0].winograd != nullptr ? "dot-4+winograd-1" : "dot-4+strassen-1";
    bilinear_.emplace(std::move(forms), facts_, rule_.roles(), target, threads);
  }
  // Before anything else.
  absl::Status MakeSpace() {
    TUNEFARM_ASSIGN_OR_RETURN(ConfigSpace direct, rule_.MakeSpace());
    if (!bilinear_.has_value()) {
      space_.emplace(std::move(direct));
      return absl::OkStatus();
    }
    std::vector<Knob> knobs = direct.knobs();
    Config start = direct.default_config();
    direct_knobs_ = knobs.size();
    for (Knob& knob : bilinear_->Knobs()) {
      knobs.push_back(std::move(knob));
      start.choice.push_back(0);
    }
    bilinear_->Prefer(knobs, rule_.Cost(rule_.Resolve(knobs, start)), start);
    // What is not the default is worth a trial.
    std::vector<Config> starts;
    for (std::size_t v = 0; v < knobs[direct_knobs_].values.size(); ++v) {
      if (v == start.choice[direct_knobs_]) continue;
      starts.push_back(start);
      starts.back().choice[direct_knobs_] = static_cast<uint16_t>(v);
    }
    space_.emplace(SpaceOf(
        std::move(knobs), std::move(start),
        [this](const ConfigSpace& space, const Config& config) { return Refusal(space, config); },
        [this](const ConfigSpace& space, Config& config) { Canonicalize(space, config); },
        std::move(starts)));
    return absl::OkStatus();
  }

  const ComputeDefinition& loop_compute() const override { return facts_.compute; }
  const ConfigSpace& space() const override { return *space_; }
  // Count up when a config comes to mean another kernel.
  std::string template_version() const override { return version_; }

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
    if (IsDirect(*space_, config)) {
      source.c = PrintC(tree, facts_, options);
    } else {
      const DotBilinearPlan plan = bilinear_->Resolve(space_->knobs(), config);
      const DotBilinearShape shape = bilinear_->Shape(plan);
      const DotBilinearInput input{plan, shape, tree, facts_, options};
      source.c =
          plan.form->winograd != nullptr ? PrintDotWinograd(input, workload()) : PrintDotStrassen(input);
    }
    source.flags = ThreadFlags();
    source.packed_bytes = static_cast<uint64_t>(tree.packed_bytes);
    source.workspace_bytes = static_cast<uint64_t>(tree.workspace_bytes);
    return source;
  }

 private:
  absl::StatusOr<LoopTree> Lower(const Config& config, DotPrinting& dot) const {
    if (const char* reason = Refusal(*space_, config)) return absl::InvalidArgumentError(reason);
    dot.roles = rule_.roles();
    if (!IsDirect(*space_, config)) {
      const DotBilinearPlan plan = bilinear_->Resolve(space_->knobs(), config);
      dot.kernel = plan.kernel;
      LoopTree tree = bilinear_->Lower(plan);
      dot.channels = AddChannelTable(tree, facts_, rule_.roles(), DotPlan{.kernel = plan.kernel});
      return tree;
    }
    const DotPlan plan = rule_.Resolve(space_->knobs(), config);
    TUNEFARM_ASSIGN_OR_RETURN(const Schedule schedule, rule_.MakeSchedule(plan));
    TUNEFARM_ASSIGN_OR_RETURN(LoopTree tree, schedules::Lower(schedule, threads()));
    dot.kernel = plan.kernel;
    if (plan.kernel->planar) dot.taps = LayOutTaps(tree, facts_, rule_.roles(), plan);
    if (plan.kernel->paired) {
      dot.pair_sums = AddPairSums(tree, facts_, rule_.roles(), threads());
      dot.folds = rule_.Folds(plan);
    }
    if (plan.kernel->window_terms > 0) LayOutWindows(tree, facts_, rule_.roles(), *plan.kernel);
    dot.channels = AddChannelTable(tree, facts_, rule_.roles(), plan);
    return tree;
  }

  bool IsDirect(const ConfigSpace& space, const Config& config) const {
    return !bilinear_.has_value() || space.number(config, static_cast<int>(direct_knobs_)) == 0;
  }
  // Knobs that the algorithm does not look at stand at the default's values.
  void Canonicalize(const ConfigSpace& space, Config& config) const {
    const bool direct = IsDirect(space, config);
    for (std::size_t k = 0; k < space.knobs().size(); ++k) {
      const bool used = direct ? k <= direct_knobs_ : DotBilinearRule::Uses(space.knobs()[k]);
      if (!used) config.choice[k] = space.default_config().choice[k];
    }
  }
  const char* Refusal(const ConfigSpace& space, const Config& config) const {
    if (bilinear_.has_value()) {
      Config canonical = config;
      Canonicalize(space, canonical);
      if (canonical != config)
        return "a knob that the algorithm does not use stands at another value than the default";
    }
    return IsDirect(space, config) ? rule_.Refusal(rule_.Resolve(space.knobs(), config))
                                   : bilinear_->Refusal(bilinear_->Resolve(space.knobs(), config));
  }

  const ComputeFacts facts_;
  const DotRule rule_;
  std::optional<const DotBilinearRule> bilinear_;  // Where one serves.
  const char* version_ = "dot-4";
  std::size_t direct_knobs_ = 0;  // The rule's, before "algorithm" and what belongs to it.
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
