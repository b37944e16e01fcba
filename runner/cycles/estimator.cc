#include "runner/cycles/estimator.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "runner/cycles/basic_blocks.h"
#include "runner/cycles/cortex_m4.h"
#include "runner/cycles/cycle_model.h"
#include "runner/cycles/mca_model.h"

namespace tunefarm::cycles {
namespace {

absl::StatusOr<std::unique_ptr<CycleModel>> MakeModel(const std::string& name,
                                                      const std::string& cache_directory) {
  if (name == "cortex-m4") return std::make_unique<CortexM4>();
  const std::vector<std::string> mca = McaModel::Names();
  if (std::find(mca.begin(), mca.end(), name) != mca.end()) return McaModel::Create(name, cache_directory);
  return absl::InvalidArgumentError(
      absl::StrCat("no cycle model '", name, "'; there are: ", absl::StrJoin(ModelNames(), ", ")));
}

absl::Status Check(const ModelSpec& spec) {
  const auto sane = [](double value) { return std::isfinite(value) && value >= 0 && value <= 1e6; };
  bool good = std::isfinite(spec.scale) && spec.scale > 0.01 && spec.scale < 100 &&
              sane(spec.taken_branch_cycles.value_or(0)) && sane(spec.mispredict_cycles.value_or(0)) &&
              sane(spec.error_band.value_or(0)) && spec.error_band.value_or(0) < 1;
  for (const CacheSpec& cache : spec.caches) {
    good = good && sane(cache.miss_cycles) && sane(cache.store_miss_cycles);
  }
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError("a correction of the cycle model is not a sensible number");
}

// Which blocks are to be analysed (ModelFacts::cold_share).
std::vector<bool> HotBlocks(const std::vector<CodeBlock>& blocks, double cold_share) {
  const auto executed = [&](std::size_t b) {
    return static_cast<double>(blocks[b].executions) * static_cast<double>(blocks[b].sizes.size());
  };
  double left = 0;
  std::vector<std::size_t> order;
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    left += executed(b);
    order.push_back(b);
  }
  left *= cold_share;
  // Stable: of two that ran alike, the one behind is hot.
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return executed(a) < executed(b); });
  std::vector<bool> hot(blocks.size(), true);
  for (const std::size_t b : order) {
    left -= executed(b);
    if (left < 0) break;
    hot[b] = false;
  }
  return hot;
}

}  // namespace

std::vector<std::string> ModelNames() {
  std::vector<std::string> names = McaModel::Names();
  names.insert(names.begin(), "cortex-m4");
  return names;
}

std::string Describe(const Estimate& estimate) {
  const auto cause = [](std::string* out, const std::pair<std::string, double>& part) {
    absl::StrAppendFormat(out, "%s %.0f", part.first, part.second);
  };
  return absl::StrFormat("%.0f cycles: %s", estimate.cycles, absl::StrJoin(estimate.breakdown, ", ", cause));
}

Estimator::Estimator(ModelSpec spec, std::unique_ptr<CycleModel> model)
    : spec_(std::move(spec)), model_(std::move(model)) {}
Estimator::Estimator(Estimator&&) noexcept = default;
Estimator& Estimator::operator=(Estimator&&) noexcept = default;
Estimator::~Estimator() = default;

absl::StatusOr<Estimator> Estimator::Create(const ModelSpec& spec, const std::string& cache_directory) {
  TUNEFARM_RETURN_IF_ERROR(Check(spec));
  TUNEFARM_ASSIGN_OR_RETURN(std::unique_ptr<CycleModel> model, MakeModel(spec.name, cache_directory));
  return Estimator(spec, std::move(model));
}

std::string Estimator::model() const {
  return absl::StrCat(model_->facts().name, "/", model_->facts().version);
}

double Estimator::error_band() const { return spec_.error_band.value_or(model_->facts().error_band); }

absl::StatusOr<std::vector<Estimate>> Estimator::Run(const std::vector<Region>& regions) {
  std::vector<std::vector<CodeBlock>> blocks;
  std::vector<const CodeBlock*> all;
  for (const Region& region : regions) {
    TUNEFARM_ASSIGN_OR_RETURN(blocks.emplace_back(), BasicBlocks(region));
    if (region.caches.size() != spec_.caches.size()) {
      return absl::InvalidArgumentError("the counts were taken with the caches of another board");
    }
  }
  const ModelFacts& facts = model_->facts();
  std::vector<std::vector<bool>> hot;
  for (const std::vector<CodeBlock>& of_region : blocks) {
    hot.push_back(HotBlocks(of_region, facts.cold_share));
    for (std::size_t b = 0; b < of_region.size(); ++b) {
      if (hot.back()[b]) all.push_back(&of_region[b]);
    }
  }
  TUNEFARM_ASSIGN_OR_RETURN(const std::vector<BlockCost> costs, model_->Costs(all));

  std::vector<Estimate> estimates;
  auto cost = costs.begin();
  for (std::size_t r = 0; r < regions.size(); ++r) {
    Estimate& estimate = estimates.emplace_back();
    double base = 0, cold = 0, unmodelled = 0, taken = 0, mispredicted = 0;
    for (std::size_t b = 0; b < blocks[r].size(); ++b) {
      const CodeBlock& block = blocks[r][b];
      const auto executions = static_cast<double>(block.executions);
      bool free_branch = false;
      if (hot[r][b]) {
        base += executions * cost->cycles;
        unmodelled += executions * cost->unmodelled;
        free_branch = cost->free_branch;
        ++cost;
      } else {
        cold += executions * static_cast<double>(block.sizes.size());
      }
      if (free_branch) continue;
      taken += static_cast<double>(block.taken);
      mispredicted += static_cast<double>(std::min(block.taken, block.executions - block.taken));
    }
    const auto add = [&estimate](std::string cause, double cycles) {
      estimate.cycles += cycles;
      estimate.breakdown.emplace_back(std::move(cause), cycles);
    };
    add("base", base);
    if (cold > 0) add("rare_blocks", cold);
    if (unmodelled > 0) add("unmodelled_instructions", unmodelled);
    add("taken_branches", taken * spec_.taken_branch_cycles.value_or(facts.taken_branch_cycles));
    if (const double each = spec_.mispredict_cycles.value_or(facts.mispredict_cycles); each > 0) {
      add("mispredictions", mispredicted * each);
    }
    for (std::size_t c = 0; c < spec_.caches.size(); ++c) {
      const CacheMisses& misses = regions[r].caches[c];
      const auto reads = static_cast<double>(misses.fetch + misses.load);
      add(spec_.caches[c].name, reads * spec_.caches[c].miss_cycles +
                                    static_cast<double>(misses.store) * spec_.caches[c].store_miss_cycles);
    }
    estimate.cycles *= spec_.scale;
    estimate.instructions = regions[r].instructions;
    estimate.model = model();
    estimate.error_band = error_band();
  }
  return estimates;
}

}  // namespace tunefarm::cycles
