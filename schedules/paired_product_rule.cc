#include "schedules/paired_product_rule.h"

#include <algorithm>
#include <array>

#include "schedules/knobs.h"
#include "schedules/paired_product_layout.h"
#include "schedules/tree_builder.h"

namespace tunefarm::schedules {
namespace {

constexpr std::array<int64_t, 8> kBlocks = {32, 64, 96, 128, 192, 256, 512, 1024};
constexpr int64_t kMaxWorkspaceElements = int64_t{64} << 20;  // As the tiling rule's.
constexpr int64_t kLine = 16;                                 // Floats in a cache line.
constexpr std::array<int64_t, 8> kRows = {2, 3, 4, 5, 6, 8, 10, 12};
constexpr std::array<int64_t, 6> kTerms = {96, 192, 288, 384, 576, 768};
constexpr int64_t kFewestTerms = 12;
constexpr int kLanes = 16;
// With fewer sums in flight multiply-adds wait for one another.
constexpr int64_t kFewestSums = 6;

int64_t CeilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t RoundUp(int64_t a, int64_t b) { return CeilDivide(a, b) * b; }

std::optional<ProductFactors> FindFactors(const ComputeFacts& facts) {
  if (facts.compute.formula != Formula::kMultiplyAdd || facts.compute.requantize.has_value() ||
      facts.lhs.reads_padding || facts.rhs.reads_padding) {
    return std::nullopt;
  }
  ProductFactors factors;
  ProductFactor lhs{&facts.lhs, {}, 1}, rhs{&facts.rhs, {}, 1};
  const auto axes = static_cast<int>(facts.compute.axes.size());
  for (int axis = 0; axis < axes; ++axis) {
    if (axis >= facts.spatial_axes) {
      factors.terms.push_back(axis);
      factors.term_count *= facts.compute.axes[axis].extent;
      if (!facts.lhs.uses[axis] || !facts.rhs.uses[axis]) return std::nullopt;
    } else if (facts.lhs.uses[axis] != facts.rhs.uses[axis]) {
      (facts.lhs.uses[axis] ? lhs : rhs).axes.push_back(axis);
    } else {
      factors.outer.push_back(axis);
    }
  }
  // What does not run evenly through the output is a loop around.
  for (ProductFactor* factor : {&lhs, &rhs}) {
    const auto even = [&] {
      if (!FlatStride(facts, facts.output, factor->axes).has_value()) return false;
      return std::ranges::all_of(facts.epilogue, [&](const LinearAccess& access) {
        return access.access.tensor < 0 || FlatStride(facts, access, factor->axes).has_value();
      });
    };
    while (factor->axes.size() > 1 && !even()) {
      factors.outer.push_back(factor->axes.front());
      factor->axes.erase(factor->axes.begin());
    }
    if (factor->axes.empty() || !even()) return std::nullopt;
    for (const int axis : factor->axes) factor->extent *= facts.compute.axes[axis].extent;
  }
  std::ranges::sort(factors.outer);
  const auto contiguous = [&](const ProductFactor& factor) {
    return facts.output.stride[factor.axes.back()] == 1;
  };
  if (!contiguous(lhs) && !contiguous(rhs)) return std::nullopt;
  factors.lanes = contiguous(rhs) ? rhs : lhs;
  factors.rows = contiguous(rhs) ? lhs : rhs;
  // Along the lanes operands of the epilogue are vectors, or one for all.
  for (const LinearAccess& access : facts.epilogue) {
    if (access.access.tensor < 0) continue;
    const int64_t stride = *FlatStride(facts, access, factors.lanes.axes);
    if (stride != 0 && stride != 1) return std::nullopt;
  }
  return factors;
}

PackedFactor Pack(int64_t width, int64_t extent, int terms, const PairedProductLayout& layout) {
  PackedFactor packed;
  packed.width = width;
  packed.count = RoundUp(extent, width);
  packed.tile = layout.steps * terms * width;
  packed.pairs = RoundUp(packed.count * layout.steps * terms, kLine);
  packed.scales = packed.pairs + RoundUp(packed.count * layout.sum_blocks, kLine);
  packed.elements = packed.scales + RoundUp(packed.count, kLine);
  return packed;
}

}  // namespace

std::optional<int64_t> FlatStride(const ComputeFacts& facts, const LinearAccess& access,
                                  const std::vector<int>& axes) {
  for (std::size_t i = 0; i + 1 < axes.size(); ++i) {
    if (access.stride[axes[i]] != access.stride[axes[i + 1]] * facts.compute.axes[axes[i + 1]].extent)
      return std::nullopt;
  }
  return axes.empty() ? 0 : access.stride[axes.back()];
}

// Sums, weights of the first term, two broadcast terms and two sums of a pair; folded, weights of a single
// term beside them. The second term's weights stay in memory where they do not fit.
int VectorRegistersOf(const PairedTile& tile) {
  return tile.rows * tile.vectors + (tile.folded ? 2 : 1) * tile.vectors + 4;
}

bool ReadsRowsInPlace(const ProductFactors& factors) {
  return factors.terms.size() == 1 && factors.rows.access->stride[factors.terms[0]] == 1;
}

bool ReadsLanesInPlace(const ProductFactors& factors) {
  const std::vector<int>& axes = factors.lanes.axes;
  return factors.terms.size() == 1 && axes.size() == 1 && factors.lanes.access->stride[axes[0]] == 1;
}

PairedProductLayout LayOut(const ComputeFacts& facts, const ProductFactors& factors,
                           const PairedProductPlan& plan, int threads) {
  PairedProductLayout layout;
  const int rows = plan.tile.rows, terms = plan.tile.terms;
  layout.steps = CeilDivide(factors.term_count, terms);
  layout.sum_blocks = CeilDivide(layout.steps, plan.steps);
  layout.rows_blocked = !factors.rows.access->constant;
  layout.packs_other = layout.rows_blocked && !factors.lanes.access->constant;
  const int64_t tile_lanes = plan.tile_lanes();
  const ProductFactor& blocked = layout.rows_blocked ? factors.rows : factors.lanes;
  const ProductFactor& other = layout.rows_blocked ? factors.lanes : factors.rows;
  const int64_t blocked_width = layout.rows_blocked ? rows : tile_lanes;
  const int64_t whole = RoundUp(blocked.extent, blocked_width);
  layout.block = plan.block == 0 ? whole : std::min(whole, RoundUp(plan.block, blocked_width));
  layout.blocks = CeilDivide(blocked.extent, layout.block);
  layout.blocked = Pack(blocked_width, layout.block, terms, layout);
  layout.other = Pack(layout.rows_blocked ? tile_lanes : rows, other.extent, terms, layout);
  if (other.access->constant) {
    for (const int axis : factors.outer) {
      if (other.access->uses[axis]) layout.other_copies *= facts.compute.axes[axis].extent;
    }
    layout.packed_elements = layout.other.elements * layout.other_copies;
  } else {
    layout.shared_elements = layout.other.elements;
  }
  if (!ReadsLanesInPlace(factors) || factors.lanes.extent % tile_lanes != 0)
    layout.gathered = RoundUp(factors.term_count * tile_lanes, kLine);
  if (!ReadsRowsInPlace(factors))
    layout.gathered = std::max(layout.gathered, RoundUp(factors.term_count, kLine) * rows);
  if (layout.sum_blocks > 1) layout.partial_sums = layout.blocked.count * layout.other.count;
  layout.thread_elements = layout.blocked.elements + layout.gathered + layout.partial_sums;
  layout.threads = plan.parallel && threads > 1 ? threads : 1;
  return layout;
}

bool PairedProductRule::Serves(const ComputeFacts& facts, const Target& target) {
  if (!HasFeature(target, "avx512f") || target.lanes(sizeof(float)) < kLanes) return false;
  const std::optional<ProductFactors> factors = FindFactors(facts);
  return factors.has_value() && factors->lanes.extent >= kLanes / 2 && factors->rows.extent >= 2 &&
         factors->term_count >= kFewestTerms;
}

PairedProductRule::PairedProductRule(const ComputeFacts& facts, const Target& target, int threads)
    : facts_(&facts), target_(target), threads_(threads), factors_(*FindFactors(facts)) {}

std::vector<Knob> PairedProductRule::Knobs() const {
  const ProductFactor& blocked = factors_.rows.access->constant ? factors_.lanes : factors_.rows;
  return {
      ChoiceKnob("algorithm", KnobKind::kChoice, {{"direct", 0}, {"paired", 1}}),
      SizeKnob("pair_rows", SizesUpTo({kRows.begin(), kRows.end()}, factors_.rows.extent)),
      SizeKnob("pair_vectors", {1, 2, 3, 4}),
      SizeKnob("pair_single", {1, 2}),
      ChoiceKnob("pair_broadcast", KnobKind::kChoice, {{"register", 0}, {"folded", 1}}),
      SizeKnob("pair_terms", BlockSizes({kTerms.begin(), kTerms.end()}, factors_.term_count)),
      SizeKnob("pack_block", BlockSizes({kBlocks.begin(), kBlocks.end()}, blocked.extent)),
  };
}

void PairedProductRule::Prefer(const std::vector<Knob>& knobs, Config& config) const {
  // Four rows of four vectors, or fewer where there are fewer.
  const auto set = [&](const char* name, int64_t wanted) {
    const auto knob = std::ranges::find(knobs, name, &Knob::name);
    const std::vector<int64_t>& sizes = knob->numbers;
    // The last one is the largest, or "all".
    const auto size = std::find_if(sizes.begin(), sizes.end() - 1, [&](int64_t n) { return n >= wanted; });
    config.choice[knob - knobs.begin()] = static_cast<uint16_t>(size - sizes.begin());
  };
  set("pair_rows", 4);
  set("pair_vectors", std::min<int64_t>(4, CeilDivide(factors_.lanes.extent, kLanes)));
  set("pair_single", 2);
  set("pair_terms", 96);
  set("pack_block", 192);
}

bool PairedProductRule::Uses(const Knob& knob) {
  for (const char* name : {"algorithm", "pair_rows", "pair_vectors", "pair_single", "pair_broadcast",
                           "pair_terms", "pack_block", "parallel"}) {
    if (knob.name == name) return true;
  }
  return false;
}

PairedProductPlan PairedProductRule::Resolve(const ConfigSpace& space, const Config& config) const {
  const auto number = [&](const char* name, int64_t otherwise) {
    const int knob = space.FindKnob(name);
    return knob < 0 ? otherwise : space.number(config, knob);
  };
  PairedProductPlan plan;
  plan.tile.lanes = kLanes;
  plan.tile.rows = static_cast<int>(number("pair_rows", 2));
  plan.tile.vectors = static_cast<int>(number("pair_vectors", 1));
  plan.tile.terms = 2 + static_cast<int>(number("pair_single", 1));
  plan.block = number("pack_block", 0);
  plan.tile.folded = number("pair_broadcast", 0) != 0;
  const int64_t terms = number("pair_terms", 0);
  plan.steps = CeilDivide(terms == 0 ? factors_.term_count : terms, plan.tile.terms);
  plan.parallel = number("parallel", 0) != 0;
  return plan;
}

const char* PairedProductRule::Refusal(const PairedProductPlan& plan) const {
  const PairedTile& tile = plan.tile;
  if (VectorRegistersOf(tile) > target_.vector_registers)
    return "the register tile needs too many vector registers";
  if (int64_t{tile.rows} * tile.vectors < std::min(kFewestSums, factors_.rows.extent))
    return "the register tile leaves most registers empty";
  if (int64_t{tile.vectors - 1} * tile.lanes >= factors_.lanes.extent)
    return "a vector of the register tile would be empty";
  const PairedProductLayout layout = LayOut(*facts_, factors_, plan, threads_);
  if (layout.threads > layout.blocks) return "there are fewer blocks than threads";
  if (layout.shared_elements + layout.thread_elements * layout.threads > kMaxWorkspaceElements)
    return "the packed factors need too much workspace";
  return nullptr;
}

LoopTree PairedProductRule::Lower(const PairedProductPlan& plan) const {
  const PairedProductLayout layout = LayOut(*facts_, factors_, plan, threads_);
  const int row = factors_.rows.axes.back(), lane = factors_.lanes.axes.back(), k = factors_.terms.back();
  const auto extent = [&](int axis) { return facts_->compute.axes[axis].extent; };
  const int64_t tile_lanes = plan.tile_lanes();
  TreeBuilder tree(*facts_);
  int opened = 0;
  const auto open = [&](int axis, int64_t count, LoopKind kind, int64_t step) {
    tree.Open(axis, count, kind, step);
    ++opened;
  };
  for (const int axis : factors_.outer) open(axis, extent(axis), LoopKind::kSerial, 1);
  for (const ProductFactor* factor : {&factors_.rows, &factors_.lanes}) {
    for (std::size_t i = 0; i + 1 < factor->axes.size(); ++i)
      open(factor->axes[i], extent(factor->axes[i]), LoopKind::kSerial, 1);
  }
  for (std::size_t i = 0; i + 1 < factors_.terms.size(); ++i)
    open(factors_.terms[i], extent(factors_.terms[i]), LoopKind::kSerial, 1);
  const int blocked = layout.rows_blocked ? row : lane;
  open(blocked, std::max<int64_t>(1, extent(blocked) / layout.block),
       layout.threads > 1 ? LoopKind::kParallel : LoopKind::kSerial, layout.block);
  open(k, layout.sum_blocks, LoopKind::kSerial, plan.steps * plan.tile.terms);
  const auto tiles = [&](int axis, int64_t width) {
    const int64_t count = axis == blocked ? std::min(extent(axis), layout.block) : extent(axis);
    open(axis, CeilDivide(count, width), LoopKind::kSerial, width);
  };
  tiles(lane, tile_lanes);
  tiles(row, plan.tile.rows);
  const auto in_tile = [&](StatementKind kind, const std::vector<int>& reads, int written) {
    tree.Open(row, plan.tile.rows, LoopKind::kUnrolled);
    tree.Open(lane, plan.tile.vectors, LoopKind::kUnrolled, plan.tile.lanes);
    tree.Open(lane, plan.tile.lanes, LoopKind::kVectorized);
    tree.Statement(kind, reads, written);
    for (int loop = 0; loop < 3; ++loop) tree.Close();
  };
  in_tile(StatementKind::kInit, {}, TreeBuilder::kAccumulators);
  const int64_t terms = factors_.terms.size() == 1 ? factors_.term_count : extent(k);
  tree.Open(k, std::min(plan.steps, CeilDivide(terms, plan.tile.terms)), LoopKind::kSerial, plan.tile.terms);
  tree.Open(k, plan.tile.terms - 1, LoopKind::kUnrolled);  // Multiply-adds.
  const int rows_tensor = factors_.rows.access->access.tensor,
            lanes_tensor = factors_.lanes.access->access.tensor;
  in_tile(StatementKind::kMultiplyAdd, {rows_tensor, lanes_tensor}, TreeBuilder::kAccumulators);
  tree.Close();
  tree.Close();
  in_tile(StatementKind::kStore, {TreeBuilder::kAccumulators}, facts_->output.access.tensor);
  for (; opened > 0; --opened) tree.Close();
  LoopTree result = tree.Take(plan.tile.rows * plan.tile.vectors, plan.tile.lanes);
  // As they are read: packed.
  for (const ProductFactor* factor : {&factors_.rows, &factors_.lanes}) {
    const bool is_rows = factor == &factors_.rows;
    const PackedFactor& packed = is_rows ? layout.rows() : layout.lanes();
    LoopBuffer& buffer = result.buffers[factor->access->access.tensor];
    buffer.scope = factor->access->constant ? BufferScope::kConstant : BufferScope::kWorkspace;
    buffer.elements = packed.elements * (factor->access->constant ? layout.other_copies : int64_t{1});
    buffer.bytes = buffer.elements * buffer.element_bytes;
  }
  for (const LoopNode& node : result.nodes) {
    if (node.is_loop || node.statement != StatementKind::kMultiplyAdd) continue;
    for (const bool is_rows : {true, false}) {
      const PackedFactor& packed = is_rows ? layout.rows() : layout.lanes();
      LoopAccess& access = result.accesses[node.first_access + (is_rows ? 0 : 1)];
      access.offset = 0;
      for (int loop = node.parent; loop >= 0; loop = result.nodes[loop].parent) {
        const LoopNode& around = result.nodes[loop];
        int64_t stride = 0;
        if (around.axis == k) {
          stride =
              around.kind == LoopKind::kUnrolled ? (is_rows ? 1 : packed.width) : around.step * packed.width;
        } else if (around.axis == (is_rows ? row : lane)) {
          stride = around.kind == LoopKind::kVectorized ? 1
                   : around.kind == LoopKind::kUnrolled ? (is_rows ? plan.tile.terms : plan.tile.lanes)
                   : around.step == packed.width        ? packed.tile
                                                        : 0;
        }
        access.strides[around.depth] = static_cast<int32_t>(stride);
      }
    }
  }
  result.packed_bytes = layout.packed_elements * static_cast<int64_t>(sizeof(float));
  result.workspace_bytes = (layout.shared_elements + layout.thread_elements * layout.threads) *
                           static_cast<int64_t>(sizeof(float));
  return result;
}

}  // namespace tunefarm::schedules
