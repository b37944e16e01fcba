// The default config of int8 operators: what is shipped where nothing was tuned.
#include <algorithm>

#include "base/divide.h"
#include "schedules/dot_space.h"
#include "schedules/dot_windows.h"

namespace tunefarm::schedules {
namespace {

constexpr int64_t kShortBody = 128;  // Micro-kernels; about 1 KB of Thumb code with their loads.

bool IsX86(const DotKernel& kernel) { return kernel.isa == DotIsa::kAvx2 || kernel.isa == DotIsa::kAvx512; }

}  // namespace

// A group of the register tile on a core with vectors, which does several things at once: what takes longest.
double DotRule::VectorGroup(const DotPlan& plan) const {
  const DotKernel& kernel = *plan.kernel;
  constexpr double kStarts = 5;  // Instructions a cycle.
  constexpr double kLatency = 4;
  constexpr double kL2Bytes = 24;  // A cycle.
  const int cells = plan.vectors * plan.rows;
  // Multiplied and added by two instructions.
  const bool pairs = kernel.lhs == DotElement::kI16 || kernel.rhs == DotElement::kI16;
  const bool folds = Folds(plan);
  // A group's terms are two vectors where they are paired; of weights that are folded, one stays.
  const int rows = plan.rows * (kernel.paired ? 2 : 1);
  const int vectors = plan.vectors * (kernel.paired && !folds ? 2 : 1);
  // What is folded into another instruction starts with it, but is a load all the same.
  const double folded = folds ? 0.45 * cells : 0;
  const double operands = kernel.elementwise ? 2.0 * cells : rows + vectors + folded;
  const double loads = kernel.elementwise ? operands * kernel.lhs_load
                                          : rows * kernel.lhs_load + (operands - rows) * kernel.rhs_load;
  const double instructions = cells * (kernel.paired ? 4
                                       : pairs       ? 2
                                                     : 1) +
                              operands + 3.0 / std::max(1, plan.unroll);
  // Raising a row's terms takes a unit of the products on Intel's cores, which have two of that width; on
  // AMD's, which have four, it costs nothing.
  const double raised =
      kernel.lhs == DotElement::kRaised && kernel.isa == DotIsa::kAvx512 ? 0.2 * plan.rows : 0;
  double group =
      std::max({cells * double{kernel.dot} + raised, loads, instructions / kStarts, pairs ? 1 : kLatency});
  // What stays and what comes and goes; the rest is spilled.
  const int live =
      kernel.paired ? cells + vectors + 4 : cells + std::min(plan.rows, plan.vectors) + (pairs ? 2 : 1);
  group += 1.5 * std::max(0, live - target_.vector_registers);
  // Weights that L1 does not hold from one tile to the next.
  const int64_t weights = int64_t{plan.vectors} * kernel.lanes * kernel.group * BytesOf(kernel.rhs);
  if (weights * Terms(kernel) > target_.l1d_bytes * 3 / 4) {
    const double l2 = static_cast<double>(weights) / kL2Bytes;
    group = std::max(group, l2) + 0.1 * l2;
    // Of a single row everything waits for weights; with fewer instructions for a byte, more are asked for
    // ahead.
    if (plan.rows == 1) group += 0.3 * instructions / kStarts;
  }
  return group;
}

// The share of tiles whose windows cross an edge of the image, which copy them.
double DotRule::CrossingShare(const DotPlan& plan) const {
  double inside = 1;
  for (std::size_t d = 0; d < facts_->lhs.access.index.size(); ++d) {
    const AffineIndex& index = facts_->lhs.access.index[d];
    int64_t last = index.constant, tiles = 1;
    for (const AffineTerm& term : index.terms) {
      last += term.coefficient * (Extent(term.axis) - 1);
      if (term.axis == roles_.rows) tiles = CeilDivide(Extent(term.axis), plan.rows);
      if (term.axis == roles_.rows2) tiles = Extent(term.axis);
    }
    const int64_t size = facts_->compute.tensors[facts_->lhs.access.tensor].shape[d];
    const int crossing = (index.constant < 0 ? 1 : 0) + (last >= size ? 1 : 0);
    inside *= std::max(0.0, 1 - static_cast<double>(crossing) / static_cast<double>(tiles));
  }
  return 1 - inside;
}

// A register tile of windows: interleaving its columns, products and requantisation.
double DotRule::WindowTile(const DotPlan& plan) const {
  const DotKernel& kernel = *plan.kernel;
  const WindowPlan window = PlanWindow(*facts_, roles_, kernel);
  int64_t stride = 1;
  for (const AffineIndex& index : facts_->lhs.access.index) {
    for (const AffineTerm& term : index.terms) {
      if (term.axis == roles_.rows) stride = term.coefficient;
    }
  }
  const auto columns = static_cast<double>(
      std::min((plan.rows - 1) * stride + window.columns, int64_t{plan.rows} * window.columns));
  const double cells = plan.vectors * plan.rows;
  // Cycles of a vector. Of narrow ones, what goes with each counts more: they take 0.55 of the wide ones'
  // time on Zen 4, 0.67 on a core of Intel's that starts two of either width.
  const double vector = kernel.isa == DotIsa::kAvx2 && target_.vector_bytes > 32 ? 0.43 : kernel.lhs_load;
  const double edges = plan.lhs == ReadForm::kEdges ? CrossingShare(plan) * 0.05 * columns * window.height *
                                                          plan.vectors * kernel.lanes
                                                    : 0;
  const double read = (kernel.uncopied() ? 1.5 : 1.0) * window.terms;  // With what converts it.
  return plan.vectors * columns * window.groups * vector * (2 * kernel.window_vectors + read) +
         cells * static_cast<double>(Terms(kernel)) * kernel.dot * vector / kernel.lhs_load +
         cells * kernel.window_vectors * 8 * vector + edges + 10;
}

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
  // Element that is copied.
  const double each = kernel.isa == DotIsa::kArmDsp ? 3 : IsX86(kernel) ? 0.05 * BytesOf(kernel.lhs) : 0.5;
  double copied = each * static_cast<double>(CopyBytes(plan)) / BytesOf(kernel.lhs);
  // Of a row of the window each, 16 terms at a time.
  if (kernel.paired) {
    const auto groups_of_row = static_cast<double>(CeilDivide(Extent(roles_.k), kernel.group));
    copied += static_cast<double>(PairSums(plan)) * (5 + 0.3 * groups_of_row);
  }
  double batch = 1;
  for (const int axis : roles_.batch) batch *= static_cast<double>(Extent(axis));
  if (kernel.window_terms > 0) return batch * tiles * WindowTile(plan) + copied;
  if (IsX86(kernel)) {
    // Requantisation takes as long as some products.
    const double scaling = 8.0 * kernel.rhs_load;
    return batch * tiles * (groups * VectorGroup(plan) + scaling * cells + 10) + copied;
  }
  return batch * tiles * (groups * group + 12.0 * cells + 6.0 * plan.vectors) + copied;
}

// Of a core with caches: for each thread a block of lines or rows, as long as they get about as much each;
// threads that share channels read each other's copies, and write parts of the same cache lines. And blocks
// of lines of an image whose copy stays in most of L2, where the whole input's would not. Not of a matrix'
// rows: reading all weights again for each block costs more than it saves.
DotPlan DotRule::FitCopies(const std::vector<Knob>& knobs, Config& config) const {
  const auto set_last = [&](KnobId id) {
    if (knob_[id] >= 0) {
      config.choice[knob_[id]] = static_cast<uint16_t>(knobs[knob_[id]].numbers.size() - 1);
    }
  };
  set_last(kBlockR);
  set_last(kBlockR2);
  DotPlan plan = Resolve(knobs, config);
  if (!IsX86(*plan.kernel)) return plan;
  const auto share = [&](KnobId id, int axis, int64_t tile) {
    if (threads_ == 1 || knob_[id] < 0) return false;
    const int64_t each = CeilDivide(Extent(axis), threads_);
    if (10 * RoundUp(each, tile) * threads_ > 12 * Extent(axis)) return false;
    const std::vector<int64_t>& sizes = knobs[knob_[id]].numbers;
    config.choice[knob_[id]] = static_cast<uint16_t>(std::ranges::find(sizes, each) - sizes.begin());
    return true;
  };
  if (share(kBlockR2, roles_.rows2, 1) || share(kBlockR, roles_.rows, plan.rows))
    plan = Resolve(knobs, config);
  if (knob_[kBlockR2] < 0) return plan;
  uint16_t& choice = config.choice[knob_[kBlockR2]];
  while (CopyBytes(plan) > target_.l2_bytes * 3 / 4 && choice > 0) {
    --choice;
    plan = Resolve(knobs, config);
  }
  return plan;
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
            const DotPlan plan = FitCopies(knobs, config);
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
