// The default config of int8 operators: what is shipped where nothing was tuned.
#include <algorithm>

#include "schedules/dot_space.h"

namespace tunefarm::schedules {
namespace {

constexpr int64_t kShortBody = 128;  // Micro-kernels; about 1 KB of Thumb code with their loads.

}  // namespace

// Rough cycles: tiles times a load for each row and vector and a micro-kernel for each cell, and what stores
// and copies cost.
double DotRule::Cost(const DotPlan& plan) const {
  const DotKernel& kernel = *plan.kernel;
  const double tiles =
      static_cast<double>(CeilDivide(Extent(roles_.channels), int64_t{plan.vectors} * kernel.lanes) *
                          CeilDivide(Extent(roles_.rows), plan.rows) * Extent(roles_.rows2));
  const int cells = plan.vectors * plan.rows;
  const double groups = static_cast<double>(Terms(kernel));
  // The channels of windows share no inputs: a load for each cell.
  const bool elementwise = roles_.channels >= 0 && facts_->lhs.uses[roles_.channels];
  const double loop = plan.unroll == 0 ? 0 : 5.0 / plan.unroll;
  const double loads = kernel.planar ? 0.75 * plan.rows + 0.6
                       : elementwise ? cells * kernel.lhs_load + plan.vectors * kernel.rhs_load
                                     : plan.rows * kernel.lhs_load + plan.vectors * kernel.rhs_load;
  double group = cells * kernel.dot + loads + 1 + loop;
  if (kernel.isa == DotIsa::kArmDsp && !kernel.planar) {
    // The operands of the smaller side stay, two of the other come and go; what does not fit is spilled.
    const int words = kernel.group / 2;
    const int live = cells + (std::min(plan.rows, plan.vectors) + 2) * words + kAddressRegisters - 1;
    group += 2.0 * std::max(0, live - CoreRegisters(target_));
  }
  // Long bodies do not stay in the small instruction caches of flash memories.
  const int64_t body = cells * (plan.unroll == 0 ? Terms(kernel) : plan.unroll);
  if (body > kShortBody) group *= 1.03;
  const double each = kernel.isa == DotIsa::kArmDsp ? 3 : 0.5;  // Element that is copied.
  const double copied = each * static_cast<double>(CopyBytes(plan)) / BytesOf(kernel.lhs);
  double batch = 1;
  for (const int axis : roles_.batch) batch *= static_cast<double>(Extent(axis));
  return batch * tiles * (groups * group + 12.0 * cells + 6.0 * plan.vectors) + copied;
}

// The cheapest of all tiles, without blocks: the whole input is copied at once.
absl::StatusOr<Config> DotRule::DefaultConfig(const std::vector<Knob>& knobs) const {
  Config best;
  double best_cost = 1e300;
  Config config;
  config.choice.assign(knobs.size(), 0);
  const auto last = [&](KnobId id) {
    return knob_[id] < 0 ? std::size_t{1} : knobs[knob_[id]].numbers.size();
  };
  const auto set = [&](KnobId id, std::size_t choice) {
    if (knob_[id] >= 0) config.choice[knob_[id]] = static_cast<uint16_t>(choice);
  };
  set(kBlockR, last(kBlockR) - 1);
  set(kBlockR2, last(kBlockR2) - 1);
  set(kBlockC, 0);
  for (std::size_t kernel = 0; kernel < kernels_.size(); ++kernel) {
    for (std::size_t vectors = 0; vectors < last(kVectors); ++vectors) {
      for (std::size_t rows = 0; rows < last(kRows); ++rows) {
        for (std::size_t unroll = 0; unroll < last(kUnroll); ++unroll) {
          for (std::size_t lhs = 0; lhs < last(kLhs); ++lhs) {
            set(kKernel, kernel);
            set(kVectors, vectors);
            set(kRows, rows);
            set(kUnroll, unroll);
            set(kLhs, lhs);
            const DotPlan plan = Resolve(knobs, config);
            if (Refusal(plan) != nullptr) continue;
            const double cost = Cost(plan);
            if (cost >= best_cost) continue;
            best_cost = cost;
            best = config;
          }
        }
      }
    }
  }
  if (best.choice.empty()) {
    return absl::InvalidArgumentError("the int8 template finds no legal config; the tensors are too large");
  }
  return best;
}

}  // namespace tunefarm::schedules
