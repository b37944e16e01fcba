#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "schedules/c_printer.h"
#include "schedules/compute_facts.h"
#include "schedules/dot_task.h"
#include "schedules/fast_product_rule.h"
#include "schedules/inner_product_rule.h"
#include "schedules/knobs.h"
#include "schedules/line_printer.h"
#include "schedules/line_rule.h"
#include "schedules/loop_tree.h"
#include "schedules/lower.h"
#include "schedules/schedule_template.h"
#include "schedules/small_task.h"
#include "schedules/tiling_space.h"
#include "schedules/winograd_printer.h"
#include "schedules/winograd_rule.h"

namespace tunefarm::schedules {
namespace {

// A template that a task can choose in place of the tiling rule, by the knob "algorithm". Of several, the
// knob has the values of all, and other knobs of one name are one knob.
class Alternative {
 public:
  virtual ~Alternative() = default;
  virtual const char* version() const = 0;
  // "algorithm", whose first value is the tiling rule and the others this template's, and what belongs to it.
  virtual std::vector<Knob> Knobs() const = 0;
  virtual bool Uses(const Knob& knob) const = 0;  // The others have no meaning for it.
  virtual void Prefer(const std::vector<Knob>& /*knobs*/, Config& /*config*/) const {}
  // Good starts that are worth a trial, of a default as preferred.
  virtual std::vector<Config> Starts(const std::vector<Knob>& knobs, const Config& preferred) const {
    const auto algorithm = std::ranges::find(knobs, "algorithm", &Knob::name);
    const std::vector<std::string> own = Knobs().front().values;
    std::vector<Config> starts;
    for (std::size_t v = 1; v < own.size(); ++v) {
      starts.push_back(preferred);
      starts.back().choice[algorithm - knobs.begin()] =
          static_cast<uint16_t>(std::ranges::find(algorithm->values, own[v]) - algorithm->values.begin());
    }
    return starts;
  }
  virtual const char* Refusal(const ConfigSpace& space, const Config& config) const = 0;
  virtual absl::StatusOr<LoopTree> Lower(const ConfigSpace& space, const Config& config) const = 0;
  // Sets `c` and `error_growth`.
  virtual absl::Status Print(const ConfigSpace& space, const Config& config, const PrintOptions& options,
                             KernelSource& source) const = 0;
};

// By WinogradRule or LineRule.
template <typename Rule>
class TransformAlternative final : public Alternative {
 public:
  TransformAlternative(const char* version, const Workload& workload, const ComputeDefinition& compute,
                       const ComputeFacts& facts, const Target& target, int threads)
      : version_(version),
        workload_(workload),
        compute_(compute),
        facts_(facts),
        rule_(workload, target, threads) {}
  const char* version() const override { return version_; }
  std::vector<Knob> Knobs() const override { return rule_.Knobs(); }
  bool Uses(const Knob& knob) const override { return Rule::Uses(knob); }
  std::vector<Config> Starts(const std::vector<Knob>& knobs, const Config& preferred) const override {
    return rule_.Starts(knobs, preferred);
  }
  const char* Refusal(const ConfigSpace& space, const Config& config) const override {
    return rule_.Refusal(rule_.Resolve(space, config));
  }
  absl::StatusOr<LoopTree> Lower(const ConfigSpace& space, const Config& config) const override {
    return rule_.Lower(rule_.Resolve(space, config), facts_);
  }
  absl::Status Print(const ConfigSpace& space, const Config& config, const PrintOptions& options,
                     KernelSource& source) const override {
    const auto plan = rule_.Resolve(space, config);
    TUNEFARM_ASSIGN_OR_RETURN(source.c, PrintTransformed(rule_, plan, workload_, compute_, options));
    source.error_growth = rule_.ErrorGrowth(plan);
    return absl::OkStatus();
  }

 private:
  const char* const version_;
  const Workload& workload_;
  const ComputeDefinition& compute_;
  const ComputeFacts& facts_;
  const Rule rule_;
};

// By InnerProductRule or FastProductRule.
template <typename Rule>
class ProductAlternative final : public Alternative {
 public:
  ProductAlternative(const char* version, const ComputeFacts& facts, const Target& target, int threads)
      : version_(version), rule_(facts, target, threads) {}
  const char* version() const override { return version_; }
  std::vector<Knob> Knobs() const override { return rule_.Knobs(); }
  bool Uses(const Knob& knob) const override { return Rule::Uses(knob); }
  void Prefer(const std::vector<Knob>& knobs, Config& config) const override { rule_.Prefer(knobs, config); }
  std::vector<Config> Starts(const std::vector<Knob>& knobs, const Config& preferred) const override {
    std::vector<Config> starts = Alternative::Starts(knobs, preferred);
    if constexpr (requires { rule_.OtherStarts(knobs, preferred); }) {
      for (Config& start : rule_.OtherStarts(knobs, starts.back())) starts.push_back(std::move(start));
    }
    return starts;
  }
  const char* Refusal(const ConfigSpace& space, const Config& config) const override {
    return rule_.Refusal(rule_.Resolve(space, config));
  }
  absl::StatusOr<LoopTree> Lower(const ConfigSpace& space, const Config& config) const override {
    return rule_.Lower(rule_.Resolve(space, config));
  }
  absl::Status Print(const ConfigSpace& space, const Config& config, const PrintOptions& options,
                     KernelSource& source) const override {
    const auto plan = rule_.Resolve(space, config);
    source.c = rule_.Print(plan, options.title, options.config);
    source.error_growth = Rule::ErrorGrowth(plan);
    return absl::OkStatus();
  }

 private:
  const char* const version_;
  const Rule rule_;
};

// Float operators: the tiling rule derived from the compute definition, and as choices beside it Winograd's
// convolution, inner products where there are few columns, or products with fewer multiplications.
class TiledTask : public Task {
 public:
  TiledTask(const Workload& workload, const Target& target, int threads)
      : Task(workload, target, threads),
        facts_(Analyze(Simplify(compute()))),
        rule_(facts_, target, threads) {
    if (WinogradRule::Serves(workload)) {
      others_.push_back(std::make_unique<TransformAlternative<WinogradRule>>(
          "winograd-5", this->workload(), compute(), facts_, target, threads));
      if (workload.dim("stride_h") == 1) return;  // It saves more than any other.
    }
    if (LineRule::Serves(workload)) {
      others_.push_back(std::make_unique<TransformAlternative<LineRule>>("lines-1", this->workload(),
                                                                         compute(), facts_, target, threads));
    }
    if (InnerProductRule::Serves(facts_, target)) {
      others_.push_back(
          std::make_unique<ProductAlternative<InnerProductRule>>("inner-1", facts_, target, threads));
    } else if (FastProductRule::Serves(facts_, target)) {
      others_.push_back(
          std::make_unique<ProductAlternative<FastProductRule>>("fast-7", facts_, target, threads));
    }
  }
  // Before anything else.
  absl::Status MakeSpace() {
    TUNEFARM_ASSIGN_OR_RETURN(ConfigSpace direct, rule_.MakeSpace());
    if (others_.empty()) {
      space_.emplace(std::move(direct));
      return absl::OkStatus();
    }
    std::vector<Knob> knobs = direct.knobs();
    Config start = direct.default_config();
    direct_knobs_ = knobs.size();
    for (const std::unique_ptr<Alternative>& other : others_) AddKnobs(*other, knobs);
    start.choice.resize(knobs.size(), 0);
    for (const std::unique_ptr<Alternative>& other : others_) other->Prefer(knobs, start);
    std::vector<Config> starts;
    for (const std::unique_ptr<Alternative>& other : others_)
      for (Config& config : other->Starts(knobs, start)) starts.push_back(std::move(config));
    for (const Config& direct_start : direct.starts()) {
      starts.push_back(start);
      std::ranges::copy(direct_start.choice, starts.back().choice.begin());
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
  std::string template_version() const override {
    std::string version = "tiled-6";
    for (const std::unique_ptr<Alternative>& other : others_)
      absl::StrAppend(&version, "+", other->version());
    return version;
  }

  absl::StatusOr<LoopTree> Lower(const Config& config) const override {
    if (const char* reason = Refusal(*space_, config)) return absl::InvalidArgumentError(reason);
    if (const Alternative* chosen = Chosen(config)) return chosen->Lower(*space_, config);
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
    options.fetch_output = FetchesOutput();
    if (const Alternative* chosen = Chosen(config)) {
      TUNEFARM_RETURN_IF_ERROR(chosen->Print(*space_, config, options, source));
    } else {
      source.c = PrintC(tree, facts_, options);
    }
    source.flags = ThreadFlags();
    source.packed_bytes = static_cast<uint64_t>(tree.packed_bytes);
    source.workspace_bytes = static_cast<uint64_t>(tree.workspace_bytes);
    return source;
  }

 private:
  // Pays where the output is too large for the near caches, and a tile's sums take longer than a line needs
  // to come.
  bool FetchesOutput() const {
    constexpr double kFewestTerms = 32;
    const Tensor& output = facts_.compute.tensors[facts_.output.access.tensor];
    int64_t bytes = BytesOf(output.dtype);
    for (const int64_t extent : output.shape) bytes *= extent;
    return target().architecture == "x86_64" && bytes > target().l2_bytes / 2 &&
           facts_.compute.terms() >= kFewestTerms;
  }
  // Behind the tiling rule's knobs, "algorithm" first.
  void AddKnobs(const Alternative& other, std::vector<Knob>& knobs) {
    std::vector<Knob> own = other.Knobs();
    if (chosen_.empty()) {
      knobs.push_back(own[0]);
      chosen_.resize(own[0].values.size(), &other);
      chosen_[0] = nullptr;
    } else {
      Knob& algorithm = knobs[direct_knobs_];
      for (std::size_t v = 1; v < own[0].values.size(); ++v) {
        algorithm.values.push_back(own[0].values[v]);
        algorithm.numbers.push_back(own[0].numbers[v]);
        chosen_.push_back(&other);
      }
    }
    for (Knob& knob : own) {
      if (std::ranges::find(knobs, knob.name, &Knob::name) == knobs.end()) knobs.push_back(std::move(knob));
    }
  }
  // Null: the tiling rule.
  const Alternative* Chosen(const Config& config) const {
    return others_.empty() ? nullptr : chosen_[config.choice[direct_knobs_]];
  }
  // Knobs that the algorithm does not look at stand at the default's values.
  void Canonicalize(const ConfigSpace& space, Config& config) const {
    const Alternative* chosen = Chosen(config);
    for (std::size_t k = 0; k < space.knobs().size(); ++k) {
      const bool used = chosen == nullptr ? k <= direct_knobs_ : chosen->Uses(space.knobs()[k]);
      if (!used) config.choice[k] = space.default_config().choice[k];
    }
  }
  const char* Refusal(const ConfigSpace& space, const Config& config) const {
    if (others_.empty()) return rule_.Refusal(rule_.Resolve(space.knobs(), config));
    Config canonical = config;
    Canonicalize(space, canonical);
    if (canonical != config)
      return "a knob that the algorithm does not use stands at another value than the default";
    const Alternative* chosen = Chosen(config);
    return chosen == nullptr ? rule_.Refusal(rule_.Resolve(space.knobs(), config))
                             : chosen->Refusal(space, config);
  }

  const ComputeFacts facts_;
  const TilingRule rule_;
  std::vector<std::unique_ptr<Alternative>> others_;
  std::vector<const Alternative*> chosen_;  // By "algorithm"; null for the tiling rule.
  std::size_t direct_knobs_ = 0;            // The tiling rule's, before "algorithm" and what belongs to it.
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
