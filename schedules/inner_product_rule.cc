#include "schedules/inner_product_rule.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/divide.h"
#include "schedules/knobs.h"
#include "schedules/sharing.h"
#include "schedules/tree_builder.h"

namespace tunefarm::schedules {
namespace {

constexpr std::array<int64_t, 10> kColumns = {1, 2, 3, 4, 5, 6, 7, 8, 10, 12};
constexpr std::array<int64_t, 4> kChains = {1, 2, 4, 8};
// An outer product with so many vectors of results keeps the multipliers busy.
constexpr int64_t kEnoughResults = 8;
// A result costs about as much as adding up four vectors.
constexpr int64_t kLeastSteps = 4;
constexpr double kSumCycles = 8;  // Of the lanes of a vector, among others.

std::optional<InnerProductAxes> FindAxes(const ComputeFacts& facts) {
  InnerProductAxes axes;
  const int count = static_cast<int>(facts.compute.axes.size());
  if (facts.compute.formula != Formula::kMultiplyAdd || facts.spatial_axes != count - 1) return std::nullopt;
  axes.k = count - 1;
  for (int axis = 0; axis < facts.spatial_axes; ++axis) {
    const bool lhs = facts.lhs.uses[axis], rhs = facts.rhs.uses[axis];
    int* const single = lhs && !rhs ? &axes.row : rhs && !lhs ? &axes.column : nullptr;
    if (single == nullptr) {
      axes.batch.push_back(axis);
    } else if (*single >= 0) {
      return std::nullopt;
    } else {
      *single = axis;
    }
  }
  return axes;
}

}  // namespace

bool InnerProductRule::Serves(const ComputeFacts& facts, const Target& target) {
  const std::optional<InnerProductAxes> axes = FindAxes(facts);
  const int64_t lanes = target.lanes(sizeof(float));
  if (!axes.has_value() || lanes < 4) return false;
  const auto extent = [&](int axis) { return axis < 0 ? 1 : facts.compute.axes[axis].extent; };
  if (facts.lhs.reads_padding || facts.rhs.reads_padding || facts.lhs.stride[axes->k] != 1) return false;
  return extent(axes->k) >= kLeastSteps * lanes &&
         (extent(axes->column) < lanes ||
          extent(axes->row) * CeilDivide(extent(axes->column), lanes) < kEnoughResults);
}

InnerProductRule::InnerProductRule(const ComputeFacts& facts, const Target& target, int threads)
    : facts_(&facts), target_(target), threads_(threads), axes_(*FindAxes(facts)) {}

std::vector<Knob> InnerProductRule::Knobs() const {
  return {
      ChoiceKnob("algorithm", KnobKind::kChoice, {{"direct", 0}, {"inner_product", 1}}),
      SizeKnob("columns", SizesUpTo({kColumns.begin(), kColumns.end()}, Extent(axes_.column))),
      SizeKnob("chains", {kChains.begin(), kChains.end()}),
  };
}

bool InnerProductRule::Uses(const Knob& knob) {
  for (const char* name : {"algorithm", "columns", "chains", "lanes", "rows"}) {
    if (knob.name == name) return true;
  }
  return false;
}

InnerProductPlan InnerProductRule::Resolve(const ConfigSpace& space, const Config& config) const {
  const auto number = [&](const char* name, int64_t otherwise) {
    const int knob = space.FindKnob(name);
    return static_cast<int>(knob < 0 ? otherwise : space.number(config, knob));
  };
  InnerProductPlan plan;
  plan.lanes = number("lanes", 4);
  plan.rows = axes_.row < 0 ? 1 : number("rows", 1);
  plan.columns = number("columns", 1);
  plan.chains = number("chains", 1);
  return plan;
}

const char* InnerProductRule::Refusal(const InnerProductPlan& plan) const {
  if (plan.lanes < 4) return "inner products need vectors of four lanes at least";
  const int live = plan.rows * plan.columns * plan.chains + std::min(plan.rows, plan.columns) + 1;
  if (live > target_.vector_registers) return "the register tile needs too many registers";
  if (plan.rows > Extent(axes_.row)) return "the register tile has more rows than there are";
  if (plan.columns > Extent(axes_.column)) return "the register tile has more columns than there are";
  if (plan.chains > Extent(axes_.k) / plan.lanes) return "there are more chains than vectors of terms";
  return nullptr;
}

int64_t InnerProductRule::Batches(const LinearAccess& access) const {
  int64_t batches = 1;
  for (const int axis : axes_.batch) {
    if (access.uses[axis]) batches *= Extent(axis);
  }
  return batches;
}

int64_t InnerProductRule::PanelElements(int lanes) const {
  return Extent(axes_.column) * Steps(lanes) * lanes;
}

bool InnerProductRule::Shares() const {
  return threads_ > 1 && axes_.row >= 0 && PaysToShare(*facts_, target_);
}

double InnerProductRule::Cycles(const InnerProductPlan& plan) const {
  const double starts = std::max(1, target_.fma_per_cycle);
  const double cells = plan.rows * plan.columns;
  const double step = std::max({cells / starts, (plan.rows + plan.columns) / 2.0,
                                static_cast<double>(target_.fma_latency) / plan.chains});
  const double tiles = static_cast<double>(CeilDivide(Extent(axes_.row), plan.rows) *
                                           CeilDivide(Extent(axes_.column), plan.columns));
  const double tile = static_cast<double>(Steps(plan.lanes)) * step + cells * (kSumCycles + plan.chains) + 10;
  double cycles = tiles * tile;
  if (!facts_->rhs.constant && !ReadsColumns(plan.lanes))
    cycles += static_cast<double>(PanelElements(plan.lanes));
  for (const int axis : axes_.batch) cycles *= static_cast<double>(Extent(axis));
  return cycles;
}

double InnerProductRule::OuterProductCycles() const {
  const double lanes = target_.lanes(sizeof(float)), starts = std::max(1, target_.fma_per_cycle);
  const double vectors = static_cast<double>(Extent(axes_.row)) *
                         static_cast<double>(CeilDivide(Extent(axes_.column), static_cast<int64_t>(lanes)));
  double cycles = static_cast<double>(Extent(axes_.k)) *
                  std::max(vectors / starts, static_cast<double>(target_.fma_latency));
  for (const int axis : axes_.batch) cycles *= static_cast<double>(Extent(axis));
  return cycles;
}

void InnerProductRule::Prefer(const std::vector<Knob>& knobs, Config& config) const {
  const auto find = [&](const char* name) {
    const auto knob = std::ranges::find(knobs, name, &Knob::name);
    return knob == knobs.end() ? -1 : static_cast<int>(knob - knobs.begin());
  };
  const int algorithm = find("algorithm"), columns = find("columns"), chains = find("chains"),
            lanes = find("lanes"), rows = find("rows");
  const auto choices = [&](int knob) { return knob < 0 ? std::size_t{1} : knobs[knob].numbers.size(); };
  const auto number = [&](int knob, std::size_t choice) {
    return knob < 0 ? 1 : static_cast<int>(knobs[knob].numbers[choice]);
  };
  const std::size_t widest = choices(lanes) - 1;
  // The tiling rule knows better than this estimate, unless the difference is plain.
  double best = OuterProductCycles() * 0.8;
  for (std::size_t r = 0; r < choices(rows); ++r) {
    for (std::size_t c = 0; c < choices(columns); ++c) {
      for (std::size_t u = 0; u < choices(chains); ++u) {
        const InnerProductPlan plan{number(lanes, widest), number(rows, r), number(columns, c),
                                    number(chains, u)};
        if (Refusal(plan) != nullptr || Cycles(plan) >= best) continue;
        best = Cycles(plan);
        config.choice[algorithm] = 1;
        config.choice[columns] = static_cast<uint16_t>(c);
        config.choice[chains] = static_cast<uint16_t>(u);
        if (rows >= 0) config.choice[rows] = static_cast<uint16_t>(r);
        config.choice[lanes] = static_cast<uint16_t>(widest);
      }
    }
  }
}

LoopTree InnerProductRule::Lower(const InnerProductPlan& plan) const {
  // With the columns as they are read.
  ComputeFacts read = *facts_;
  const int lhs = facts_->lhs.access.tensor, rhs = facts_->rhs.access.tensor;
  const bool packs = !ReadsColumns(plan.lanes);
  if (packs) {
    const int64_t column = Steps(plan.lanes) * plan.lanes;
    read.rhs.stride[axes_.k] = 1;
    if (axes_.column >= 0) read.rhs.stride[axes_.column] = static_cast<int32_t>(column);
    int64_t panel = PanelElements(plan.lanes);
    for (auto axis = axes_.batch.rbegin(); axis != axes_.batch.rend(); ++axis) {
      if (!facts_->rhs.uses[*axis]) continue;
      read.rhs.stride[*axis] = facts_->rhs.constant ? static_cast<int32_t>(panel) : 0;
      panel *= Extent(*axis);
    }
  }
  TreeBuilder tree(read);
  for (const int axis : axes_.batch) tree.Open(axis, Extent(axis));
  const auto open = [&](int axis, int64_t extent, LoopKind kind, int64_t step) {
    if (axis >= 0) tree.Open(axis, extent, kind, step);
  };
  const auto close = [&](int axis) {
    if (axis >= 0) tree.Close();
  };
  open(axes_.row, CeilDivide(Extent(axes_.row), plan.rows),
       Shares() ? LoopKind::kParallel : LoopKind::kSerial, plan.rows);
  open(axes_.column, CeilDivide(Extent(axes_.column), plan.columns), LoopKind::kSerial, plan.columns);
  const auto in_tile = [&](StatementKind kind, const std::vector<int>& reads, int written, bool terms) {
    open(axes_.row, plan.rows, LoopKind::kUnrolled, 1);
    open(axes_.column, plan.columns, LoopKind::kUnrolled, 1);
    if (terms) tree.Open(axes_.k, plan.lanes, LoopKind::kVectorized);
    tree.Statement(kind, reads, written);
    if (terms) tree.Close();
    close(axes_.column);
    close(axes_.row);
  };
  in_tile(StatementKind::kInit, {}, TreeBuilder::kAccumulators, false);
  tree.Open(axes_.k, CeilDivide(Steps(plan.lanes), plan.chains), LoopKind::kSerial,
            int64_t{plan.lanes} * plan.chains);
  tree.Open(axes_.k, plan.chains, LoopKind::kUnrolled, plan.lanes);
  in_tile(StatementKind::kMultiplyAdd, {lhs, rhs}, TreeBuilder::kAccumulators, true);
  tree.Close();
  tree.Close();
  in_tile(StatementKind::kStore, {TreeBuilder::kAccumulators}, facts_->output.access.tensor, false);
  close(axes_.column);
  close(axes_.row);
  for (std::size_t i = 0; i < axes_.batch.size(); ++i) tree.Close();
  LoopTree result = tree.Take(plan.rows * plan.columns * plan.chains, plan.lanes);
  if (!packs) return result;
  LoopBuffer& panel = result.buffers[rhs];
  panel.scope = facts_->rhs.constant ? BufferScope::kConstant : BufferScope::kWorkspace;
  panel.elements = PanelElements(plan.lanes) * (facts_->rhs.constant ? Batches(facts_->rhs) : 1);
  panel.bytes = panel.elements * panel.element_bytes;
  (facts_->rhs.constant ? result.packed_bytes : result.workspace_bytes) = panel.bytes;
  return result;
}

}  // namespace tunefarm::schedules
