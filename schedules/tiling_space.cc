#include "schedules/tiling_space.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/divide.h"
#include "schedules/edge_window.h"
#include "schedules/knobs.h"

namespace tunefarm::schedules {
namespace {

// Which of v (vector axis), r (row axes) and k stands outermost, in the middle, innermost among the cache
// blocks.
constexpr std::array<const char*, 6> kOrders = {"vrk", "vkr", "rvk", "rkv", "kvr", "krv"};

// Fused multiply-adds written out in one body. Beyond a few hundred, compile time grows (10 us each) and the
// instruction cache suffers, without gain.
constexpr int kMaxBody = 320;

// A reduction shorter than this is never split: a block must amortise loading and storing its partial sums.
constexpr int64_t kShortestBlockedReduction = 128;

// Copies made while the kernel runs: more would not fit beside a network's tensors on the boards this is for.
constexpr int64_t kMaxWorkspaceElements = int64_t{64} << 20;

int EncodeRead(ReadForm form, CopyLevel level) {
  return static_cast<int>(form) * 4 + static_cast<int>(level);
}

// The outer loops that run more than once, from the outermost.
struct OuterLoops {
  std::array<int, kMaxLoopDepth> axis;
  int size = 0;
  void Add(int a) { axis[size++] = a; }
};

OuterLoops OuterOf(const TilingPlan& plan, const ComputeFacts& facts) {
  OuterLoops outer;
  for (const int axis : plan.roles->batch) {
    if (facts.compute.axes[axis].extent > 1) outer.Add(axis);
  }
  for (const char* group = kOrders[plan.order]; *group != 0; ++group) {
    if (*group == 'v' && plan.block_v > 0) outer.Add(plan.roles->vector);
    if (*group == 'r' && plan.block_r2 > 0) outer.Add(plan.roles->rows2);
    if (*group == 'r' && plan.block_r > 0) outer.Add(plan.roles->rows);
    if (*group == 'k' && plan.block_k > 0) outer.Add(plan.roles->k);
  }
  return outer;
}

int CopyPosition(const OuterLoops& outer, const LinearAccess& access, CopyLevel level) {
  if (level == CopyLevel::kRoot) return 0;
  int inner = 0, middle = 0;
  for (int p = 1; p <= outer.size; ++p) {
    if (access.uses[outer.axis[p - 1]]) {
      middle = inner;
      inner = p;
    }
  }
  return level == CopyLevel::kInner ? inner : middle;
}

}  // namespace

TilingRule::TilingRule(const ComputeFacts& facts, const Target& target, int threads)
    : facts_(&facts),
      target_(target),
      threads_(threads),
      roles_(FindRoles(facts)),
      edges_(EdgeDimensionsOf(facts)) {
  std::fill(std::begin(knob_), std::end(knob_), -1);
  const std::vector<Knob> knobs = MakeKnobs();
  static constexpr std::array<const char*, kKnobIds> kNames = {
      "vector_axis", "lanes",    "vectors", "rows",      "rows2",       "block_v",
      "block_r",     "block_r2", "block_k", "order",     "inner",       "reduce",
      "unroll",      "lhs",      "rhs",     "tail_rows", "tail_vector", "parallel"};
  for (int id = 0; id < kKnobIds; ++id) {
    for (std::size_t k = 0; k < knobs.size(); ++k) {
      if (knobs[k].name == kNames[id]) knob_[id] = static_cast<int>(k);
    }
  }
}

std::vector<Knob> TilingRule::MakeKnobs() const {
  std::vector<Knob> knobs;
  const auto axis_name = [&](int axis) { return facts_->compute.axes[axis].name; };
  int64_t vector_extent = 0, rows_extent = 1, rows2_extent = 1;
  for (const AxisRoles& roles : roles_) {
    vector_extent = std::max(vector_extent, Extent(roles.vector));
    rows_extent = std::max(rows_extent, Extent(roles.rows));
    rows2_extent = std::max(rows2_extent, Extent(roles.rows2));
  }
  if (roles_.size() > 1) {
    std::vector<std::pair<std::string, int>> axes;
    axes.reserve(roles_.size());
    for (std::size_t r = 0; r < roles_.size(); ++r)
      axes.emplace_back(axis_name(roles_[r].vector), static_cast<int>(r));
    knobs.push_back(ChoiceKnob("vector_axis", KnobKind::kChoice, axes));
  }
  std::vector<int64_t> lanes;
  const int widest = std::max(2, target_.lanes(sizeof(float)));
  for (const int64_t l : {4, 8, 16, 32, 64}) {
    if (l <= widest && l * 2 >= widest) lanes.push_back(l);
  }
  if (lanes.empty()) lanes.push_back(widest);
  knobs.push_back(SizeKnob("lanes", lanes));
  // Sizes that leave the register tile no second row or vector are left out: they only make legal configs
  // rarer.
  const int64_t registers = target_.vector_registers;
  std::vector<int64_t> vectors = SizesUpTo({1, 2, 3, 4, 6}, RoundUp(vector_extent, lanes[0]) / lanes[0]);
  std::erase_if(vectors, [&](int64_t count) { return count > 1 && 3 * count + 1 > registers; });
  knobs.push_back(SizeKnob("vectors", vectors));
  std::vector<int64_t> rows = SizesUpTo({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14}, rows_extent);
  std::erase_if(rows, [&](int64_t count) { return count + 2 > registers; });
  if (rows_extent > 1) knobs.push_back(SizeKnob("rows", rows));
  if (rows2_extent > 1) {
    std::vector<int64_t> rows2 = {1, 2, 4};
    if (roles_[0].blocks) rows2 = {1, 2, 3, 4};
    knobs.push_back(SizeKnob("rows2", SizesUpTo(std::move(rows2), rows2_extent)));
  }
  const auto add_blocks = [&](const char* name, std::vector<int64_t> sizes, int64_t extent) {
    sizes = BlockSizes(std::move(sizes), extent);
    if (sizes.size() > 1) knobs.push_back(SizeKnob(name, sizes));
  };
  add_blocks("block_v", {32, 64, 96, 128, 192, 256, 384, 512, 1024}, vector_extent);
  add_blocks("block_r", {1, 8, 16, 32, 48, 64, 96, 128, 192, 256, 512}, rows_extent);
  add_blocks("block_r2", {1, 2, 4, 8, 16, 32}, rows2_extent);
  const int k = roles_[0].k;
  const bool blocked_k = k >= 0 && Extent(k) >= 2 * kShortestBlockedReduction;
  if (blocked_k) {
    knobs.push_back(SizeKnob(
        "block_k", BlockSizes({kShortestBlockedReduction, 192, 256, 320, 384, 512, 768, 1024}, Extent(k))));
  }
  std::vector<std::pair<std::string, int>> orders;
  for (std::size_t o = 0; o < kOrders.size(); ++o) {
    if (blocked_k) {
      orders.emplace_back(kOrders[o], static_cast<int>(o));
    } else if (kOrders[o][2] == 'k') {
      orders.emplace_back(std::string(kOrders[o], 2), static_cast<int>(o));
    }
  }
  knobs.push_back(ChoiceKnob("order", KnobKind::kReorder, orders));
  knobs.push_back(ChoiceKnob("inner", KnobKind::kReorder, {{"rows", 1}, {"vector", 0}}));
  const std::vector<int>& taps = roles_[0].taps;
  if (!taps.empty()) {
    std::vector<std::pair<std::string, int>> reduce = {{"taps_k", static_cast<int>(ReduceOrder::kTapsThenK)}};
    if (taps.size() > 1) reduce.emplace_back("inner_tap_out", static_cast<int>(ReduceOrder::kInnerTapOut));
    reduce.emplace_back("taps_out", static_cast<int>(ReduceOrder::kTapsOut));
    if (k >= 0 && Extent(k) <= 16) reduce.emplace_back("k_out", static_cast<int>(ReduceOrder::kKOut));
    knobs.push_back(ChoiceKnob("reduce", KnobKind::kReorder, reduce));
  }
  knobs.push_back(SizeKnob("unroll", {1, 2, 4}));
  const auto forms = [&](const char* name, const LinearAccess& access, bool copies) {
    std::vector<std::pair<std::string, int>> values;
    values.emplace_back(
        access.reads_padding ? "edges" : "direct",
        EncodeRead(access.reads_padding ? ReadForm::kEdges : ReadForm::kDirect, CopyLevel::kRoot));
    if (&access == &facts_->lhs && access.reads_padding && edges_.has_value())
      values.emplace_back("clipped", EncodeRead(ReadForm::kClipped, CopyLevel::kRoot));
    if (access.constant) {
      values.emplace_back("panel_root", EncodeRead(ReadForm::kPanel, CopyLevel::kRoot));
    } else {
      if (copies) {
        values.emplace_back("copy_root", EncodeRead(ReadForm::kPaddedCopy, CopyLevel::kRoot));
        values.emplace_back("copy_middle", EncodeRead(ReadForm::kPaddedCopy, CopyLevel::kMiddle));
        values.emplace_back("copy_inner", EncodeRead(ReadForm::kPaddedCopy, CopyLevel::kInner));
      }
      values.emplace_back("panel_root", EncodeRead(ReadForm::kPanel, CopyLevel::kRoot));
      values.emplace_back("panel_middle", EncodeRead(ReadForm::kPanel, CopyLevel::kMiddle));
      values.emplace_back("panel_inner", EncodeRead(ReadForm::kPanel, CopyLevel::kInner));
    }
    knobs.push_back(ChoiceKnob(name, KnobKind::kChoice, values));
  };
  forms("lhs", facts_->lhs, !taps.empty());
  forms("rhs", facts_->rhs, false);
  if (rows_extent > 1) {
    knobs.push_back(ChoiceKnob("tail_rows", KnobKind::kChoice,
                               {{"guard", static_cast<int>(Tail::kGuard)},
                                {"shift", static_cast<int>(Tail::kShift)},
                                {"pad", static_cast<int>(Tail::kPad)}}));
  }
  knobs.push_back(
      ChoiceKnob("tail_vector", KnobKind::kChoice,
                 {{"guard", static_cast<int>(Tail::kGuard)}, {"shift", static_cast<int>(Tail::kShift)}}));
  if (threads_ > 1) knobs.push_back(ChoiceKnob("parallel", KnobKind::kChoice, {{"yes", 1}, {"no", 0}}));
  return knobs;
}

TilingPlan TilingRule::Resolve(const std::vector<Knob>& knobs, const Config& config) const {
  const auto number = [&](KnobId id, int32_t otherwise) {
    return KnobNumber(knobs, config, knob_[id], otherwise);
  };
  TilingPlan plan;
  plan.roles = &roles_[number(kVector, 0)];
  plan.lanes = number(kLanes, 4);
  plan.vectors = number(kVectors, 1);
  plan.rows = plan.roles->rows < 0 ? 1 : number(kRows, 1);
  plan.rows2 = plan.roles->rows2 < 0 ? 1 : number(kRows2, 1);
  // Blocks are whole register tiles, and none when one holds the axis.
  const auto block = [&](KnobId id, int axis, int64_t tile) -> int32_t {
    const int64_t size = axis < 0 ? 0 : number(id, 0);
    if (size == 0) return 0;
    const int64_t rounded = RoundUp(size, tile);
    return rounded >= Extent(axis) ? 0 : static_cast<int32_t>(rounded);
  };
  plan.block_v = block(kBlockV, plan.roles->vector, int64_t{plan.vectors} * plan.lanes);
  plan.block_r = block(kBlockR, plan.roles->rows, plan.rows);
  plan.block_r2 = block(kBlockR2, plan.roles->rows2, plan.rows2);
  plan.block_k = block(kBlockK, plan.roles->k, 1);
  plan.order = number(kOrder, 0);
  plan.rows_inside = number(kInner, 1) != 0;
  plan.reduce = static_cast<ReduceOrder>(number(kReduce, 0));
  plan.unroll = number(kUnroll, 1);
  const int lhs = number(kLhs, 0), rhs = number(kRhs, 0);
  plan.lhs = static_cast<ReadForm>(lhs / 4);
  plan.lhs_level = static_cast<CopyLevel>(lhs % 4);
  plan.rhs = static_cast<ReadForm>(rhs / 4);
  plan.rhs_level = static_cast<CopyLevel>(rhs % 4);
  plan.tail_rows = static_cast<Tail>(number(kTailRows, static_cast<int>(Tail::kGuard)));
  plan.tail_vector = static_cast<Tail>(number(kTailVector, static_cast<int>(Tail::kGuard)));
  plan.parallel = number(kParallel, 0) != 0;
  return plan;
}

int64_t TilingRule::CopyElements(const TilingPlan& plan, const LinearAccess& access, ReadForm form,
                                 CopyLevel level) const {
  if (ReadsTensor(form) || access.constant) return 0;
  const OuterLoops outer = OuterOf(plan, *facts_);
  const int position = CopyPosition(outer, access, level);
  int64_t elements = 1;
  const AxisRoles& roles = *plan.roles;
  for (std::size_t a = 0; a < facts_->compute.axes.size(); ++a) {
    const int axis = static_cast<int>(a);
    if (!access.uses[a]) continue;
    bool outside = false;
    for (int p = 0; p < position; ++p) outside = outside || outer.axis[p] == axis;
    int64_t covered = Extent(axis);
    if (outside) {
      covered = axis == roles.vector  ? plan.block_v
                : axis == roles.rows  ? plan.block_r
                : axis == roles.rows2 ? plan.block_r2
                : axis == roles.k     ? plan.block_k
                                      : 1;
    } else if (axis == roles.vector) {
      covered = RoundUp(covered, int64_t{plan.vectors} * plan.lanes);
    } else if (axis == roles.rows) {
      covered = RoundUp(covered, plan.rows);
    } else if (axis == roles.rows2) {
      covered = RoundUp(covered, plan.rows2);
    }
    elements *= covered;
  }
  return elements;
}

const char* TilingRule::Refusal(const TilingPlan& plan) const {
  const AxisRoles& roles = *plan.roles;
  const int64_t tile_v = int64_t{plan.vectors} * plan.lanes;
  const int cells = plan.vectors * plan.rows * plan.rows2;
  // The vectors of one row are live together with one broadcast value.
  if (cells + plan.vectors + 1 > target_.vector_registers)
    return "the register tile needs too many vector registers";
  if (plan.rows > Extent(roles.rows) || plan.rows2 > Extent(roles.rows2))
    return "the register tile has more rows than there are";
  if ((int64_t{plan.vectors} - 1) * plan.lanes >= Extent(roles.vector))
    return "a vector of the register tile would be empty";
  int64_t written_out = plan.unroll;
  if (plan.reduce == ReduceOrder::kKOut) {
    if (roles.k < 0 || plan.block_k > 0) return "a reduction that is split cannot be written out";
    written_out *= Extent(roles.k);
  } else if (plan.reduce != ReduceOrder::kTapsThenK) {
    for (std::size_t t = plan.reduce == ReduceOrder::kTapsOut ? 0 : roles.taps.size() - 1;
         t < roles.taps.size(); ++t) {
      written_out *= Extent(roles.taps[t]);
    }
  }
  if (written_out > 1 && cells * written_out > kMaxBody) return "the unrolled body would be too long";
  const bool split = plan.block_k > 0;
  if (plan.parallel && split && roles.batch.empty() && kOrders[plan.order][0] == 'k') {
    return "threads need a spatial loop outermost";
  }
  const OuterLoops outer = OuterOf(plan, *facts_);
  const auto tail = [&](int axis, int64_t tile, Tail kind) -> const char* {
    if (axis < 0 || kind == Tail::kGuard || Extent(axis) % tile == 0) return nullptr;
    for (const bool rhs : {false, true}) {
      const LinearAccess& access = rhs ? facts_->rhs : facts_->lhs;
      if (!access.uses[axis]) continue;
      const ReadForm form = rhs ? plan.rhs : plan.lhs;
      if (kind == Tail::kPad && ReadsTensor(form)) return "a padded tile would read beyond a tensor";
      if (kind == Tail::kShift && form == ReadForm::kPaddedCopy) {
        const int position = CopyPosition(outer, access, rhs ? plan.rhs_level : plan.lhs_level);
        for (int p = 0; p < position; ++p) {
          if (outer.axis[p] == axis) return "a shifted tile would reach out of the copy of its block";
        }
      }
    }
    if (kind == Tail::kShift && Extent(axis) < tile) return "an axis shorter than its tile cannot shift";
    if (kind == Tail::kShift && split) return "a shifted tile would add twice to partial sums";
    return nullptr;
  };
  if (plan.lhs == ReadForm::kEdges &&
      !WindowFits(facts_->lhs, facts_->compute.tensors[facts_->lhs.access.tensor].shape, [&](int axis) {
        const int64_t tile = axis == roles.vector                  ? tile_v
                             : axis == roles.rows                  ? plan.rows
                             : axis == roles.rows2                 ? plan.rows2
                             : axis == roles.k && plan.block_k > 0 ? plan.block_k
                             : axis >= facts_->spatial_axes        ? Extent(axis)
                                                                   : 1;
        return std::min(Extent(axis), tile);
      })) {
    return "the window of a tile is longer than the tensor";
  }
  const auto tile_of = [&](int axis) {
    return axis == roles.vector  ? tile_v
           : axis == roles.rows  ? plan.rows
           : axis == roles.rows2 ? plan.rows2
                                 : 1;
  };
  if (plan.lhs == ReadForm::kClipped) {
    const auto clipped = [&](const EdgeDimension& dimension) {
      ClippedTile tile;
      tile.extent = Extent(dimension.spatial);
      tile.tile = tile_of(dimension.spatial);
      if (dimension.spatial == roles.rows || dimension.spatial == roles.rows2) tile.tail = plan.tail_rows;
      if (dimension.spatial == roles.vector) tile.tail = plan.tail_vector;
      tile.taps = Extent(dimension.tap);
      return tile;
    };
    const auto is_written_out = [&](const EdgeDimension& dimension) {
      if (Extent(dimension.tap) == 1) return true;
      if (dimension.tap == roles.k) return plan.reduce == ReduceOrder::kKOut;
      return plan.reduce == ReduceOrder::kTapsOut ||
             (plan.reduce == ReduceOrder::kInnerTapOut && dimension.tap == roles.taps.back());
    };
    if (const char* reason = ClipRefusal(
            *edges_, cells * (written_out / plan.unroll), clipped,
            [&](const EdgeDimension& d) { return d.spatial == roles.vector ? plan.lanes : 1; },
            is_written_out))
      return reason;
  }
  if (const char* reason = tail(roles.vector, tile_v, plan.tail_vector)) return reason;
  if (const char* reason = tail(roles.rows, plan.rows, plan.tail_rows)) return reason;
  if (const char* reason = tail(roles.rows2, plan.rows2, plan.tail_rows)) return reason;
  if (CopyElements(plan, facts_->lhs, plan.lhs, plan.lhs_level) +
          CopyElements(plan, facts_->rhs, plan.rhs, plan.rhs_level) >
      kMaxWorkspaceElements / threads_) {
    return "the copies need too much workspace";
  }
  return nullptr;
}

absl::StatusOr<Schedule> TilingRule::MakeSchedule(const TilingPlan& plan) const {
  const AxisRoles& roles = *plan.roles;
  Schedule schedule(*facts_);
  const int axes = static_cast<int>(facts_->compute.axes.size());
  const OuterLoops outer = OuterOf(plan, *facts_);

  // From the last axis to the first, so that earlier loops keep their numbers.
  std::array<int, kMaxLoopDepth> pieces{};
  for (int axis = axes - 1; axis >= 0; --axis) {
    int32_t tile = 1, block = 0;
    if (axis == roles.vector) tile = plan.vectors * plan.lanes, block = plan.block_v;
    if (axis == roles.rows) tile = plan.rows, block = plan.block_r;
    if (axis == roles.rows2) tile = plan.rows2, block = plan.block_r2;
    if (axis == roles.k) block = plan.block_k;
    pieces[axis] = 1;
    if (tile > 1) {
      TUNEFARM_RETURN_IF_ERROR(schedule.Split(axis, tile));
      ++pieces[axis];
    }
    if (axis == roles.vector) {
      TUNEFARM_RETURN_IF_ERROR(schedule.Split(axis + 1, plan.lanes));
      ++pieces[axis];
    }
    if (block > 0) {
      TUNEFARM_RETURN_IF_ERROR(schedule.Split(axis, block / tile));
      ++pieces[axis];
    }
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
  for (const int axis : roles.batch) {
    if (Extent(axis) == 1) place(axis);
  }
  for (int p = 0; p < outer.size; ++p) place(outer.axis[p]);
  const int outer_loops = static_cast<int>(order.size());
  if (plan.rows_inside) place(roles.vector);
  if (plan.rows_inside || !roles.blocks) place(roles.rows2);
  for (const int axis : roles.inner) place(axis);
  place(roles.rows);
  if (!plan.rows_inside && roles.blocks) place(roles.rows2);
  if (!plan.rows_inside) place(roles.vector);
  const int tile_position = static_cast<int>(order.size());

  std::size_t serial_taps = roles.taps.size();
  if (plan.reduce == ReduceOrder::kTapsOut) serial_taps = 0;
  if (plan.reduce == ReduceOrder::kInnerTapOut) --serial_taps;
  int unrolled = 0;
  for (std::size_t t = 0; t < serial_taps; ++t) place(roles.taps[t]);
  place(roles.k);
  int innermost_serial = static_cast<int>(order.size()) - 1;
  if (plan.reduce == ReduceOrder::kKOut) {
    unrolled = 1;
    --innermost_serial;
  }
  for (std::size_t t = serial_taps; t < roles.taps.size(); ++t) {
    place(roles.taps[t]);
    ++unrolled;
  }
  const int tile_loops = static_cast<int>(order.size());
  // Vectors of all blocks stay in registers while the scalars of the rows come and go.
  if (plan.rows2 > 1 && !roles.blocks) place(roles.rows2);
  if (plan.rows > 1) place(roles.rows);
  if (plan.rows2 > 1 && roles.blocks) place(roles.rows2);
  place(roles.vector);
  place(roles.vector);
  TUNEFARM_RETURN_IF_ERROR(schedule.Reorder(order));

  for (int loop = tile_loops - unrolled; loop + 1 < static_cast<int>(order.size()); ++loop) {
    TUNEFARM_RETURN_IF_ERROR(schedule.Unroll(loop));
  }
  TUNEFARM_RETURN_IF_ERROR(schedule.Vectorize(static_cast<int>(order.size()) - 1));
  if (plan.unroll > 1 && innermost_serial >= tile_position) {
    TUNEFARM_RETURN_IF_ERROR(schedule.UnrollBy(innermost_serial, plan.unroll));
  }
  TUNEFARM_RETURN_IF_ERROR(schedule.CacheWrite(tile_position));
  TUNEFARM_RETURN_IF_ERROR(schedule.TensorizeOuterProduct(target_.vector_registers));
  TUNEFARM_RETURN_IF_ERROR(schedule.SetTail(roles.vector, plan.tail_vector));
  if (roles.rows >= 0) TUNEFARM_RETURN_IF_ERROR(schedule.SetTail(roles.rows, plan.tail_rows));
  if (roles.rows2 >= 0) TUNEFARM_RETURN_IF_ERROR(schedule.SetTail(roles.rows2, plan.tail_rows));
  // Unit batch axes stand before the outer loops.
  const int unit_loops = outer_loops - outer.size;
  const auto stage = [&](Factor factor, ReadForm form, CopyLevel level) {
    if (form == ReadForm::kDirect) return absl::OkStatus();
    if (form == ReadForm::kEdges) return schedule.CopyEdges(factor);
    if (form == ReadForm::kClipped) return schedule.ClipTaps();
    int position = CopyPosition(outer, schedule.access(factor), level);
    if (position > 0) position += unit_loops;
    return form == ReadForm::kPanel ? schedule.CacheRead(factor, position) : schedule.Pad(factor, position);
  };
  TUNEFARM_RETURN_IF_ERROR(stage(Factor::kLhs, plan.lhs, plan.lhs_level));
  TUNEFARM_RETURN_IF_ERROR(stage(Factor::kRhs, plan.rhs, plan.rhs_level));
  if (plan.parallel) {
    // Blocks, down to the first copy that their inner loops share; register tiles only where there are no
    // blocks.
    int parallel = outer_loops > 0 ? outer_loops : tile_position;
    for (const Factor factor : {Factor::kLhs, Factor::kRhs}) {
      if (const int position = schedule.stage(factor).position; position > 0)
        parallel = std::min(parallel, position);
    }
    for (int loop = 0; loop < parallel; ++loop) {
      if (!schedule.Parallel(loop).ok()) break;
    }
  }
  return schedule;
}

}  // namespace tunefarm::schedules
