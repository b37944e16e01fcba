#include "schedules/dot_space.h"

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>
#include <utility>

#include "base/divide.h"
#include "schedules/dot_windows.h"
#include "schedules/edge_window.h"
#include "schedules/knobs.h"

namespace tunefarm::schedules {
namespace {

// Micro-kernels written out in one body. Beyond a few hundred, compile time grows and the instruction cache
// suffers, without gain.
constexpr int64_t kMaxBody = 320;

// Copies made while the kernel runs: more would not fit beside a network's tensors on the boards this is for.
constexpr int64_t kMaxWorkspaceBytes = int64_t{256} << 20;

// With more rows, the weights' memory is no longer what they wait for, and widening them costs time.
constexpr int64_t kFewRows = 4;

DotRoles FindRoles(const ComputeFacts& facts) {
  DotRoles roles;
  const int axes = static_cast<int>(facts.compute.axes.size());
  for (int axis = facts.spatial_axes - 1; axis >= 0; --axis) {
    if (facts.multiplier.uses[axis] && facts.output.stride[axis] == 1) roles.channels = axis;
  }
  std::vector<int> rows;
  for (int axis = facts.spatial_axes - 1; axis >= 0; --axis) {
    if (axis != roles.channels && !facts.rhs.uses[axis] && !facts.multiplier.uses[axis]) rows.push_back(axis);
  }
  if (!rows.empty()) roles.rows = rows[0];
  if (rows.size() > 1) roles.rows2 = rows[1];
  for (int axis = 0; axis < facts.spatial_axes; ++axis) {
    if (axis != roles.channels && axis != roles.rows && axis != roles.rows2) roles.batch.push_back(axis);
  }
  for (int axis = facts.spatial_axes; axis < axes; ++axis) {
    // Neighbours stay so in a padded copy when they lie along the last dimension.
    const std::vector<AffineTerm>& last = facts.lhs.access.index.back().terms;
    const bool along_last =
        std::ranges::any_of(last, [&](const AffineTerm& term) { return term.axis == axis; });
    if (along_last && facts.lhs.stride[axis] == 1) roles.k = axis;
  }
  for (int axis = facts.spatial_axes; axis < axes; ++axis) {
    if (axis != roles.k) roles.taps.push_back(axis);
  }
  const std::vector<AffineIndex>& index = facts.lhs.access.index;
  roles.windows = roles.channels >= 0 && roles.rows >= 0 && index.size() >= 2 &&
                  index.back().terms.size() == 1 && index.back().terms[0].axis == roles.channels &&
                  index.back().terms[0].coefficient == 1;
  if (!roles.windows) return roles;
  bool along_rows = false;
  for (const AffineTerm& term : index[index.size() - 2].terms) {
    along_rows = along_rows || term.axis == roles.rows;
    if (term.axis < facts.spatial_axes) continue;
    roles.tap = term.axis;
    roles.windows = term.coefficient == 1;  // Else its taps are no neighbours.
  }
  roles.windows = roles.windows && along_rows;
  return roles;
}

}  // namespace

DotRule::DotRule(const ComputeFacts& facts, const Target& target, int threads)
    : facts_(&facts), target_(target), threads_(threads), roles_(FindRoles(facts)) {
  for (const DotKernel* kernel : DotKernelsOf(target)) {
    if (kernel->group > 1 && (roles_.k < 0 || Extent(roles_.k) < 2)) continue;
    if (kernel->planar && !roles_.windows) continue;
    if (kernel->lanes > 1) {
      if (roles_.channels < 0 || kernel->elementwise != facts.lhs.uses[roles_.channels]) continue;
      if (kernel->elementwise && facts.lhs.stride[roles_.channels] != 1) continue;
    }
    const bool widens = kernel->lhs == DotElement::kI16 && kernel->rhs == DotElement::kI8;
    if (kernel->lanes > 1 && widens && Extent(roles_.rows) * Extent(roles_.rows2) > kFewRows) continue;
    if (kernel->window_terms > 0 && (roles_.k >= 0 || roles_.taps.size() > 2)) continue;
    kernels_.push_back(kernel);
  }
  std::fill(std::begin(knob_), std::end(knob_), -1);
  const std::vector<Knob> knobs = MakeKnobs();
  static constexpr std::array<const char*, kKnobIds> kNames = {
      "kernel", "vectors", "rows", "block_r", "block_r2", "block_c", "inner", "unroll", "lhs", "tail_rows"};
  for (int id = 0; id < kKnobIds; ++id) {
    for (std::size_t k = 0; k < knobs.size(); ++k) {
      if (knobs[k].name == kNames[id]) knob_[id] = static_cast<int>(k);
    }
  }
}

std::vector<Knob> DotRule::MakeKnobs() const {
  std::vector<Knob> knobs;
  std::vector<std::pair<std::string, int>> kernels;
  int lanes = 64;
  for (std::size_t i = 0; i < kernels_.size(); ++i) {
    kernels.emplace_back(kernels_[i]->name, static_cast<int>(i));
    lanes = std::min(lanes, kernels_[i]->lanes);
  }
  knobs.push_back(ChoiceKnob("kernel", KnobKind::kChoice, kernels));
  knobs.push_back(
      SizeKnob("vectors", SizesUpTo({1, 2, 3, 4, 6, 8}, CeilDivide(Extent(roles_.channels), lanes))));
  // 32 registers hold more rows.
  std::vector<int64_t> row_sizes = {1, 2, 3, 4, 5, 6, 8, 12};
  if (target_.architecture == "x86_64") row_sizes = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14};
  if (Extent(roles_.rows) > 1) {
    knobs.push_back(SizeKnob("rows", SizesUpTo(row_sizes, Extent(roles_.rows))));
  }
  const auto add_blocks = [&](const char* name, std::vector<int64_t> sizes, int64_t extent) {
    if (threads_ > 1) AddSize(sizes, CeilDivide(extent, threads_));
    sizes = BlockSizes(std::move(sizes), extent);
    if (sizes.size() > 1) knobs.push_back(SizeKnob(name, sizes));
  };
  add_blocks("block_r", {2, 4, 8, 16, 32, 64, 128}, Extent(roles_.rows));
  add_blocks("block_r2", {1, 2, 4, 8, 16}, Extent(roles_.rows2));
  if (kernels_.back()->planar) add_blocks("block_c", {4, 8, 16, 32, 64}, Extent(roles_.channels));
  knobs.push_back(ChoiceKnob("inner", KnobKind::kReorder, {{"rows", 1}, {"channels", 0}}));
  knobs.push_back(SizeKnob("unroll", {1, 2, 4, 8, 0}));
  std::vector<std::pair<std::string, int>> forms;
  if (!facts_->lhs.reads_padding) forms.emplace_back("direct", static_cast<int>(ReadForm::kDirect));
  forms.emplace_back("copy", static_cast<int>(ReadForm::kPaddedCopy));
  if (facts_->lhs.reads_padding && std::ranges::any_of(kernels_, &DotKernel::uncopied))
    forms.emplace_back("edges", static_cast<int>(ReadForm::kEdges));
  knobs.push_back(ChoiceKnob("lhs", KnobKind::kChoice, forms));
  if (Extent(roles_.rows) > 1) {
    knobs.push_back(
        ChoiceKnob("tail_rows", KnobKind::kChoice,
                   {{"guard", static_cast<int>(Tail::kGuard)}, {"shift", static_cast<int>(Tail::kShift)}}));
  }
  return knobs;
}

DotPlan DotRule::Resolve(const std::vector<Knob>& knobs, const Config& config) const {
  const auto number = [&](KnobId id, int32_t otherwise) {
    return KnobNumber(knobs, config, knob_[id], otherwise);
  };
  DotPlan plan;
  plan.kernel = kernels_[number(kKernel, 0)];
  plan.vectors = number(kVectors, 1);
  plan.rows = number(kRows, 1);
  plan.lhs = static_cast<ReadForm>(number(kLhs, 0));
  // Blocks are whole register tiles, and none when one holds the axis or nothing is copied for them, nor
  // threads share them.
  const bool needless = plan.lhs != ReadForm::kPaddedCopy && threads_ == 1;
  const auto block = [&](KnobId id, int axis, int64_t tile) -> int32_t {
    const int64_t size = axis < 0 || needless ? 0 : number(id, 0);
    const int64_t rounded = RoundUp(size, tile);
    return rounded >= Extent(axis) ? 0 : static_cast<int32_t>(rounded);
  };
  plan.block_r = block(kBlockR, roles_.rows, plan.rows);
  plan.block_r2 = block(kBlockR2, roles_.rows2, 1);
  if (plan.kernel->planar) plan.block_c = block(kBlockC, roles_.channels, 1);
  plan.rows_inside = number(kInner, 1) != 0;
  plan.unroll = number(kUnroll, 1);
  plan.tail_rows = static_cast<Tail>(number(kTailRows, static_cast<int>(Tail::kGuard)));
  return plan;
}

int64_t DotRule::Terms(const DotKernel& kernel) const {
  if (kernel.window_terms > 0) {
    const WindowPlan window = PlanWindow(*facts_, roles_, kernel);
    return int64_t{window.groups} * window.columns * kernel.window_vectors;
  }
  int64_t terms = roles_.k < 0 ? 1 : CeilDivide(Extent(roles_.k), kernel.group);
  for (const int tap : roles_.taps) terms *= Extent(tap);
  return terms;
}

std::vector<int64_t> DotRule::CopyShape(const DotPlan& plan) const {
  std::vector<int64_t> shape;
  for (const AffineIndex& index : facts_->lhs.access.index) {
    int64_t size = 1;
    for (const AffineTerm& term : index.terms) {
      int64_t covered = Extent(term.axis);
      if (term.axis == roles_.rows) covered = plan.block_r > 0 ? plan.block_r : RoundUp(covered, plan.rows);
      if (term.axis == roles_.rows2 && plan.block_r2 > 0) covered = plan.block_r2;
      if (term.axis == roles_.channels && plan.block_c > 0) covered = plan.block_c;
      if (term.axis == roles_.k && plan.kernel->paired) covered = RoundUp(covered, plan.kernel->group);
      size += term.coefficient * (covered - 1);
    }
    shape.push_back(size);
  }
  return shape;
}

int64_t DotRule::PairSums(const DotPlan& plan) const {
  if (!plan.kernel->paired) return 0;
  std::vector<int64_t> shape = CopyShape(plan);
  int64_t windows = 1;  // Side by side.
  for (const AffineTerm& term : facts_->lhs.access.index.back().terms) {
    if (term.axis != roles_.k)
      windows = std::max(windows, (shape.back() - Extent(roles_.k)) / term.coefficient + 1);
  }
  shape.back() = windows;
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

int64_t DotRule::CopyBytes(const DotPlan& plan) const {
  if (plan.lhs != ReadForm::kPaddedCopy) return 0;
  const std::vector<int64_t> shape = CopyShape(plan);
  return std::accumulate(shape.begin(), shape.end(), int64_t{BytesOf(plan.kernel->lhs)},
                         std::multiplies<>()) +
         PairSums(plan) * static_cast<int64_t>(sizeof(int32_t));
}

const char* DotRule::PlanarRefusal(const DotPlan& plan) const {
  if (plan.vectors != 1) return "planes are computed a channel at a time";
  if (plan.unroll != 0) return "the taps of a plane are written out";
  if (plan.block_r != 0) return "rows of planes are copied whole";
  if (plan.tail_rows != Tail::kGuard) return "tiles of planes start at whole words";
  const std::vector<AffineTerm>& terms = facts_->lhs.access.index[facts_->lhs.access.index.size() - 2].terms;
  for (const AffineTerm& term : terms) {
    if (term.axis == roles_.rows && plan.rows < Extent(roles_.rows) && plan.rows * term.coefficient % 2 != 0)
      return "tiles of planes start at whole words";
  }
  return nullptr;
}

const char* DotRule::EdgesRefusal(const DotPlan& plan) const {
  if (!plan.kernel->uncopied()) return "the micro-kernel reads a converted input, which must be copied";
  if (plan.tail_rows != Tail::kGuard) return "tiles whose windows cross edges do not move inwards";
  const int64_t lanes = int64_t{plan.vectors} * plan.kernel->lanes;
  if (Extent(roles_.channels) < lanes)
    return "a vector of channels would reach over the end of its window's copy";
  const auto covered = [&](int axis) {
    if (axis >= facts_->spatial_axes) return Extent(axis);
    return std::min(Extent(axis), axis == roles_.channels ? lanes : axis == roles_.rows ? plan.rows : 1);
  };
  const std::vector<int64_t>& shape = facts_->compute.tensors[facts_->lhs.access.tensor].shape;
  return WindowFits(facts_->lhs, shape, covered) ? nullptr : "the window of a tile is longer than the tensor";
}

bool DotRule::Folds(const DotPlan& plan) const {
  const int others = plan.vectors * plan.rows + 4;  // The sums, a row's terms, and two sums of pairs.
  return plan.kernel->paired && others + 2 * plan.vectors > target_.vector_registers;
}

const char* DotRule::Refusal(const DotPlan& plan) const {
  const DotKernel& kernel = *plan.kernel;
  const int cells = plan.vectors * plan.rows;
  const int registers =
      kernel.lanes == 1 ? CoreRegisters(target_) - kAddressRegisters : target_.vector_registers;
  // Of windows: the sums, a column, and what is in between.
  const int live = kernel.window_terms > 0 ? (cells + 2) * kernel.window_vectors
                   : kernel.paired         ? cells + plan.vectors + 4
                                           : cells + 2;
  if (live > registers) return "the register tile needs too many registers";
  if (plan.rows > Extent(roles_.rows)) return "the register tile has more rows than there are";
  if ((int64_t{plan.vectors} - 1) * kernel.lanes >= Extent(roles_.channels))
    return "a vector of the register tile would be empty";
  if (plan.lhs == ReadForm::kPaddedCopy && kernel.uncopied())
    return "the micro-kernel is for an input that is not copied";
  if (plan.lhs == ReadForm::kEdges) {
    if (const char* reason = EdgesRefusal(plan)) return reason;
  }
  if (plan.lhs == ReadForm::kDirect) {
    if (kernel.lhs != DotElement::kI8 && kernel.lhs != DotElement::kRaised)
      return "the micro-kernel reads a converted input, which must be copied";
    if (roles_.k >= 0 && Extent(roles_.k) % kernel.group != 0)
      return "the last group of terms would reach over the end of the input";
    if (kernel.elementwise && Extent(roles_.channels) % (int64_t{plan.vectors} * kernel.lanes) != 0)
      return "the last vector of channels would reach over the end of the input";
  }
  const int innermost = roles_.k >= 0 ? roles_.k : roles_.taps.back();
  const int64_t groups =
      innermost == roles_.k ? CeilDivide(Extent(roles_.k), kernel.group) : Extent(innermost);
  if (plan.unroll > 1 && plan.unroll >= groups) return "the reduction is shorter than what is unrolled";
  if (cells * (plan.unroll == 0 ? Terms(kernel) : plan.unroll) > kMaxBody)
    return "the unrolled body would be too long";
  if (plan.tail_rows == Tail::kShift && Extent(roles_.rows) % plan.rows != 0 && plan.block_r > 0)
    return "a shifted tile would reach out of the copy of its block";
  if (kernel.window_terms > 0 && plan.unroll != 0) return "the taps of a window are written out";
  if (kernel.planar) {
    if (const char* reason = PlanarRefusal(plan)) return reason;
  }
  if (CopyBytes(plan) > kMaxWorkspaceBytes / threads_) return "the copies need too much workspace";
  return nullptr;
}

absl::StatusOr<Schedule> DotRule::MakeSchedule(const DotPlan& plan) const {
  const DotKernel& kernel = *plan.kernel;
  Schedule schedule(*facts_);
  const int axes = static_cast<int>(facts_->compute.axes.size());
  // From the last axis to the first, so that earlier loops keep their numbers.
  std::array<int, kMaxLoopDepth> pieces{};
  for (int axis = axes - 1; axis >= 0; --axis) {
    pieces[axis] = 1;
    const auto split = [&](int offset, int32_t factor) {
      ++pieces[axis];
      return schedule.Split(axis + offset, factor);
    };
    if (axis == roles_.k && kernel.group > 1) TUNEFARM_RETURN_IF_ERROR(split(0, kernel.group));
    if (axis == roles_.channels) {
      TUNEFARM_RETURN_IF_ERROR(split(0, plan.vectors * kernel.lanes));
      if (kernel.lanes > 1) TUNEFARM_RETURN_IF_ERROR(split(1, kernel.lanes));
      if (plan.block_c > 0) TUNEFARM_RETURN_IF_ERROR(split(0, plan.block_c / plan.vectors));
    }
    if (axis == roles_.rows) {
      TUNEFARM_RETURN_IF_ERROR(split(0, plan.rows));
      if (plan.block_r > 0) TUNEFARM_RETURN_IF_ERROR(split(0, plan.block_r / plan.rows));
    }
    if (axis == roles_.rows2 && plan.block_r2 > 0) TUNEFARM_RETURN_IF_ERROR(split(0, plan.block_r2));
  }
  std::array<int, kMaxLoopDepth> first{};
  for (int axis = 1; axis < axes; ++axis) first[axis] = first[axis - 1] + pieces[axis - 1];

  // Each axis gives its next piece each time it is named.
  std::vector<int> order;
  order.reserve(kMaxLoopDepth);
  std::array<int, kMaxLoopDepth> used{};
  const auto place = [&](int axis) {
    if (axis >= 0) order.push_back(first[axis] + used[axis]++);
  };
  for (const int axis : roles_.batch) place(axis);
  if (plan.block_c > 0) place(roles_.channels);
  if (plan.block_r2 > 0) place(roles_.rows2);
  if (plan.block_r > 0) place(roles_.rows);
  const int outer_loops = static_cast<int>(order.size());
  if (plan.rows_inside) place(roles_.channels);
  place(roles_.rows2);
  place(roles_.rows);
  if (!plan.rows_inside) place(roles_.channels);
  const int tile_position = static_cast<int>(order.size());
  for (const int tap : roles_.taps) place(tap);
  place(roles_.k);
  const int tile_loops = static_cast<int>(order.size());
  place(roles_.rows);
  place(roles_.channels);
  if (kernel.lanes > 1) place(roles_.channels);
  if (kernel.group > 1) place(roles_.k);
  TUNEFARM_RETURN_IF_ERROR(schedule.Reorder(order));

  int end = static_cast<int>(order.size());
  if (kernel.group > 1) {
    TUNEFARM_RETURN_IF_ERROR(schedule.TensorizeDot());
    --end;
  }
  if (kernel.lanes > 1) TUNEFARM_RETURN_IF_ERROR(schedule.Vectorize(--end));
  for (int loop = plan.unroll == 0 ? tile_position : tile_loops; loop < end; ++loop) {
    TUNEFARM_RETURN_IF_ERROR(schedule.Unroll(loop));
  }
  if (plan.unroll > 1) TUNEFARM_RETURN_IF_ERROR(schedule.UnrollBy(tile_loops - 1, plan.unroll));
  TUNEFARM_RETURN_IF_ERROR(schedule.CacheWrite(tile_position));
  if (roles_.rows >= 0) TUNEFARM_RETURN_IF_ERROR(schedule.SetTail(roles_.rows, plan.tail_rows));

  TUNEFARM_RETURN_IF_ERROR(schedule.CacheRead(Factor::kRhs, 0));
  TUNEFARM_RETURN_IF_ERROR(schedule.Widen(Factor::kRhs, BytesOf(kernel.rhs)));
  if (plan.lhs == ReadForm::kPaddedCopy) {
    const bool blocked = plan.block_c > 0 || plan.block_r > 0 || plan.block_r2 > 0;
    TUNEFARM_RETURN_IF_ERROR(schedule.Pad(Factor::kLhs, blocked ? outer_loops : 0));
    TUNEFARM_RETURN_IF_ERROR(schedule.Widen(Factor::kLhs, BytesOf(kernel.lhs)));
    if (kernel.paired) TUNEFARM_RETURN_IF_ERROR(schedule.WholeGroups(Factor::kLhs));
    if (kernel.window_terms > 0) TUNEFARM_RETURN_IF_ERROR(schedule.Overreach(Factor::kLhs));
    if (kernel.planar) {
      const int last = static_cast<int>(facts_->lhs.access.index.size()) - 1;
      TUNEFARM_RETURN_IF_ERROR(schedule.Planes(Factor::kLhs, last, 2));
    }
  }
  if (plan.lhs == ReadForm::kEdges) TUNEFARM_RETURN_IF_ERROR(schedule.CopyEdges(Factor::kLhs));
  if (threads_ > 1) {
    const int copies = plan.lhs == ReadForm::kPaddedCopy ? schedule.stage(Factor::kLhs).position : 0;
    const int parallel = copies > 0 ? copies : outer_loops > 0 ? outer_loops : tile_position;
    for (int loop = 0; loop < parallel; ++loop) {
      if (!schedule.Parallel(loop).ok()) break;
    }
  }
  return schedule;
}

absl::StatusOr<ConfigSpace> DotRule::MakeSpace() const {
  std::vector<Knob> knobs = MakeKnobs();
  TUNEFARM_ASSIGN_OR_RETURN(const Config start, DefaultConfig(knobs));
  return SpaceOf(std::move(knobs), start, [this](const ConfigSpace& space, const Config& config) {
    return Refusal(Resolve(space.knobs(), config));
  });
}

}  // namespace tunefarm::schedules
