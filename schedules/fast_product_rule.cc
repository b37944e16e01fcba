#include "schedules/fast_product_rule.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/divide.h"
#include "schedules/fast_product_layout.h"
#include "schedules/knobs.h"
#include "schedules/strassen.h"
#include "schedules/tree_builder.h"

namespace tunefarm::schedules {
namespace {

constexpr std::array<int64_t, 8> kBlocks = {32, 64, 96, 128, 192, 256, 512, 1024};
constexpr int64_t kFloat = sizeof(float);
constexpr int64_t kMaxWorkspaceElements = int64_t{64} << 20;  // As the tiling rule's.
constexpr int64_t kLine = 16;                                 // Floats in a cache line.
constexpr std::array<int64_t, 11> kRows = {2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14};
constexpr std::array<int64_t, 6> kTerms = {96, 192, 288, 384, 576, 768};
constexpr int kTermsWithoutPairs = 4;  // Of a step: enough to hide the loop's own instructions.
constexpr int64_t kWays = 512;  // Elements after which rows meet in the same sets of a first-level cache.
// With fewer sums in flight multiply-adds wait for one another.
constexpr int64_t kFewestSums = 6;
// Operands of the assembler statement that computes them (fast_product_tile.cc).
constexpr int64_t kMostSums = 24;

// From row to row: not a multiple of what brings rows into the same sets of the first-level cache.
int64_t ApartInCache(int64_t row) { return row % kWays == 0 ? row + kLine : row; }

std::optional<ProductFactors> FindFactors(const ComputeFacts& facts) {
  if (facts.compute.formula != Formula::kMultiplyAdd || facts.compute.requantize.has_value() ||
      facts.rhs.reads_padding) {
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
  // Channels in blocks: what of the epilogue is not one for all channels lies as the output does.
  const auto in_blocks = [&](const ProductFactor& factor) {
    if (factor.axes.size() != 2 || !factor.access->constant) return false;
    const int block = factor.axes[0], channel = factor.axes[1];
    return facts.output.stride[channel] == 1 && facts.compute.axes[channel].extent % 8 == 0 &&
           std::ranges::all_of(facts.epilogue, [&](const LinearAccess& access) {
             return access.access.tensor < 0 || FlatStride(facts, access, factor.axes).has_value() ||
                    (access.stride[block] == facts.output.stride[block] && access.stride[channel] == 1);
           });
  };
  // What does not run evenly through the output is a loop around.
  for (ProductFactor* factor : {&lhs, &rhs}) {
    const auto even = [&] {
      if (in_blocks(*factor)) return true;
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
  if (factors.lanes.access->reads_padding) return std::nullopt;
  if (!FlatStride(facts, facts.output, factors.lanes.axes).has_value())
    factors.lane_block = facts.compute.axes[factors.lanes.axes.back()].extent;
  if (!FlatStride(facts, facts.output, factors.rows.axes).has_value()) return std::nullopt;
  // Along the lanes operands of the epilogue are vectors, or one for all.
  for (const LinearAccess& access : facts.epilogue) {
    if (access.access.tensor < 0) continue;
    const std::optional<int64_t> stride = FlatStride(facts, access, factors.lanes.axes);
    if (stride.has_value() && *stride != 0 && *stride != 1) return std::nullopt;
  }
  return factors;
}

// Products lie a line apart, lest all of them begin in the same ways of the cache.
PackedFactor Pack(int64_t part, bool by_row, int64_t extent, const FastProductPlan& plan,
                  const FastProductLayout& layout) {
  const FastTile& tile = plan.tile;
  const int64_t steps = std::min(plan.steps, layout.steps);  // Of a block.
  PackedFactor packed;
  packed.part = part;
  packed.width = part * layout.splits;
  packed.count = RoundUp(extent, packed.width);
  packed.product =
      RoundUp(part * tile.terms * (by_row ? RoundUp(steps, kStepsInLine) : steps), kLine) + kLine;
  const int64_t own = packed.product * layout.products;  // Of a group and a block.
  packed.group = by_row ? own : own * layout.sum_blocks;
  packed.block = by_row ? own * packed.groups() : own;
  packed.group_pairs = part * layout.products;
  packed.all_pairs = packed.group_pairs * packed.groups();
  packed.pairs = RoundUp(own * packed.groups() * layout.sum_blocks, kLine);
  packed.scales = packed.pairs + (tile.pairs ? RoundUp(packed.all_pairs * layout.sum_blocks, kLine) : 0);
  packed.elements = packed.scales + RoundUp(packed.count, kLine);
  return packed;
}

int LastParts(const PackedFactor& packed, int64_t extent) {
  const int64_t groups = CeilDivide(extent, packed.width);
  return static_cast<int>(CeilDivide(extent - (groups - 1) * packed.width, packed.part));
}

// With threads, blocks of which they get as many each.
std::vector<int64_t> PackBlocks(int64_t extent, int threads) {
  std::vector<int64_t> sizes(kBlocks.begin(), kBlocks.end());
  if (threads > 1) {
    for (int64_t& size : sizes) size = CeilDivide(extent, RoundUp(CeilDivide(extent, size), threads));
    sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  }
  return BlockSizes(std::move(sizes), extent);
}

// Pairs save less than half of a tile.
int FewRows(const FastProductLayout& layout, const FastTile& tile, int64_t extent) {
  const int64_t width = layout.rows().width, last = extent - (CeilDivide(extent, width) - 1) * width;
  return last < tile.rows && (!tile.pairs || 2 * last <= tile.rows) ? static_cast<int>(last) : 0;
}

}  // namespace

int LanesOf(const Target& target) {
  return static_cast<int>(
      std::min<int64_t>(target.lanes(sizeof(float)), HasFeature(target, "avx512f") ? 16 : 8));
}

std::optional<int64_t> FlatStride(const ComputeFacts& facts, const LinearAccess& access,
                                  const std::vector<int>& axes) {
  for (std::size_t i = 0; i + 1 < axes.size(); ++i) {
    if (access.stride[axes[i]] != access.stride[axes[i + 1]] * facts.compute.axes[axes[i + 1]].extent)
      return std::nullopt;
  }
  return axes.empty() ? 0 : access.stride[axes.back()];
}

// Sums, weights of a term, two broadcast terms; with pairs two sums of a pair as well, and folded, weights of
// a single term. A pair's second weights stay in memory where they do not fit.
int VectorRegistersOf(const FastTile& tile) {
  return tile.rows * tile.vectors + (tile.folded ? 2 : 1) * tile.vectors + (tile.pairs ? 4 : 2);
}

bool ReadsRowsInPlace(const ProductFactors& factors, const FastProductLayout& layout,
                      const FastProductPlan& plan) {
  return factors.terms.size() == 1 && factors.rows.access->stride[factors.terms[0]] == 1 &&
         factors.term_count == RowTerms(layout, plan) && !factors.rows.access->reads_padding;
}

int64_t RowTerms(const FastProductLayout& layout, const FastProductPlan& plan) {
  return int64_t{layout.splits} * plan.tile.terms * layout.steps;
}

int64_t GatheredRow(const FastProductLayout& layout, const FastProductPlan& plan) {
  return ApartInCache(RoundUp(RowTerms(layout, plan), kLine));
}

bool ReadsLanesInPlace(const ProductFactors& factors) {
  const std::vector<int>& axes = factors.lanes.axes;
  return factors.terms.size() == 1 && axes.size() == 1 && factors.lanes.access->stride[axes[0]] == 1;
}

FastProductLayout LayOut(const ComputeFacts& facts, const ProductFactors& factors,
                         const FastProductPlan& plan, int threads) {
  FastProductLayout layout;
  const BlockProducts& form = StrassenProducts(plan.levels);
  layout.splits = form.splits;
  layout.products = static_cast<int>(form.products.size());
  layout.steps = CeilDivide(CeilDivide(factors.term_count, plan.tile.terms), layout.splits);
  layout.sum_blocks = CeilDivide(layout.steps, plan.steps);
  layout.rows_blocked = !factors.rows.access->constant;
  layout.packs_other = layout.rows_blocked && !factors.lanes.access->constant;
  const int64_t rows = plan.tile.rows, tile_lanes = plan.tile_lanes();
  const ProductFactor& blocked = layout.rows_blocked ? factors.rows : factors.lanes;
  const ProductFactor& other = layout.rows_blocked ? factors.lanes : factors.rows;
  const int64_t blocked_part = layout.rows_blocked ? rows : tile_lanes;
  const int64_t whole = RoundUp(blocked.extent, blocked_part * layout.splits);
  layout.block = plan.block == 0 ? whole : std::min(whole, RoundUp(plan.block, blocked_part * layout.splits));
  layout.blocks = CeilDivide(blocked.extent, layout.block);
  layout.blocked = Pack(blocked_part, layout.rows_blocked, layout.block, plan, layout);
  layout.other =
      Pack(layout.rows_blocked ? tile_lanes : rows, !layout.rows_blocked, other.extent, plan, layout);
  layout.blocked.last_parts = LastParts(layout.blocked, blocked.extent);
  layout.other.last_parts = LastParts(layout.other, other.extent);
  if (other.access->constant) {
    for (const int axis : factors.outer) {
      if (other.access->uses[axis]) layout.other_copies *= facts.compute.axes[axis].extent;
    }
    layout.packed_elements = layout.other.elements * layout.other_copies;
  } else {
    layout.shared_elements = layout.other.elements;
  }
  layout.few_rows = FewRows(layout, plan.tile, factors.rows.extent);
  const int64_t lanes_width = layout.lanes().width, rows_width = layout.rows().width;
  if (!ReadsLanesInPlace(factors) || factors.lanes.extent % lanes_width != 0)
    layout.gathered = RoundUp(factors.term_count * lanes_width, kLine);
  if (!ReadsRowsInPlace(factors, layout, plan))
    layout.gathered = std::max(layout.gathered, GatheredRow(layout, plan) * rows_width);
  if (layout.sum_blocks > 1) layout.partial_sums = RoundUp(layout.rows().count * layout.lanes().width, kLine);
  layout.block_elements = layout.blocked.elements + layout.partial_sums;
  layout.threads = plan.parallel && threads > 1 ? threads : 1;
  layout.shares_block = layout.threads > 1 && plan.in_block;
  return layout;
}

bool FastProductRule::Serves(const ComputeFacts& facts, const Target& target) {
  if (!HasFeature(target, "avx2") || !target.has_fma) return false;
  const std::optional<ProductFactors> factors = FindFactors(facts);
  return factors.has_value() && factors->lanes.extent >= LanesOf(target) / 2 && factors->rows.extent >= 2 &&
         factors->term_count >= int64_t{3} * LanesOf(target);
}

bool FastProductRule::SpansBlocks() const {
  return factors_.lane_block > 0 && factors_.lane_block < LanesOf(target_);
}

FastProductRule::FastProductRule(const ComputeFacts& facts, const Target& target, int threads)
    : facts_(&facts), target_(target), threads_(threads), factors_(*FindFactors(facts)) {}

std::vector<Knob> FastProductRule::Knobs() const {
  const ProductFactor& blocked = factors_.rows.access->constant ? factors_.lanes : factors_.rows;
  std::vector<std::pair<std::string, int>> broadcasts = {{"register", 0}};
  if (LanesOf(target_) == 16) broadcasts.emplace_back("folded", 1);
  std::vector<Knob> knobs = {
      ChoiceKnob("algorithm", KnobKind::kChoice, {{"direct", 0}, {"fast", 1}}),
      SizeKnob("fast_rows", SizesUpTo({kRows.begin(), kRows.end()}, factors_.rows.extent)),
      SizeKnob("fast_vectors", {1, 2, 3, 4}),
      ChoiceKnob("pairs", KnobKind::kChoice, {{"none", 0}, {"of_3", 1}, {"of_4", 2}}),
      ChoiceKnob("fast_broadcast", KnobKind::kChoice, broadcasts),
      ChoiceKnob("fast_prefetch", KnobKind::kChoice, {{"rows", 0}, {"both", 1}}),
      Knob{"strassen", KnobKind::kSplit, {"0", "1", "2"}, {0, 1, 2}, true},
      SizeKnob("fast_terms", BlockSizes({kTerms.begin(), kTerms.end()}, factors_.term_count)),
      SizeKnob("pack_block", PackBlocks(blocked.extent, threads_)),
  };
  if (threads_ > 1) knobs.push_back(ChoiceKnob("share", KnobKind::kChoice, {{"blocks", 0}, {"in_block", 1}}));
  return knobs;
}

bool FastProductRule::Uses(const Knob& knob) {
  for (const char* name : {"algorithm", "fast_rows", "fast_vectors", "pairs", "fast_broadcast",
                           "fast_prefetch", "strassen", "fast_terms", "pack_block", "parallel", "share"}) {
    if (knob.name == name) return true;
  }
  return false;
}

FastProductPlan FastProductRule::Resolve(const ConfigSpace& space, const Config& config) const {
  const auto number = [&](const char* name, int64_t otherwise) {
    const int knob = space.FindKnob(name);
    return knob < 0 ? otherwise : space.number(config, knob);
  };
  Start start;
  start.rows = static_cast<int>(number("fast_rows", 2));
  start.vectors = static_cast<int>(number("fast_vectors", 1));
  start.pairs = static_cast<int>(number("pairs", 0));
  start.levels = static_cast<int>(number("strassen", 0));
  start.folded = number("fast_broadcast", 0) != 0;
  start.fetches = number("fast_prefetch", 0) != 0;
  start.block = number("pack_block", 0);
  start.terms = number("fast_terms", 0);
  start.in_block = number("share", 0) != 0;
  return PlanOf(start, number("parallel", 0) != 0);
}

FastProductPlan FastProductRule::PlanOf(const Start& start, bool parallel) const {
  FastProductPlan plan;
  plan.tile.lanes = LanesOf(target_);
  plan.tile.rows = start.rows;
  plan.tile.vectors = start.vectors;
  plan.tile.pairs = start.pairs > 0;
  plan.tile.terms = start.pairs > 0 ? 2 + start.pairs : kTermsWithoutPairs;
  plan.tile.folded = start.folded;
  plan.tile.fetches = start.fetches;
  plan.levels = start.levels;
  plan.block = start.block;
  // Blocks of the sum of about the same length.
  const int64_t steps =
      CeilDivide(CeilDivide(factors_.term_count, plan.tile.terms), int64_t{1} << plan.levels);
  const int64_t most = start.terms == 0 ? steps : RoundUp(CeilDivide(start.terms, plan.tile.terms), kLine);
  plan.steps = RoundUp(CeilDivide(steps, CeilDivide(steps, most)), kLine);
  plan.parallel = parallel;
  plan.in_block = start.in_block;
  return plan;
}

const char* FastProductRule::Refusal(const FastProductPlan& plan) const {
  const FastTile& tile = plan.tile;
  if (!tile.pairs && plan.levels == 0 && !SpansBlocks())
    return "there are as many multiplications as in direct sums";
  if (VectorRegistersOf(tile) > target_.vector_registers)
    return "the register tile needs too many vector registers";
  if (int64_t{tile.rows} * tile.vectors > kMostSums) return "the register tile has too many sums";
  if (int64_t{tile.rows} * tile.vectors < std::min(kFewestSums, factors_.rows.extent))
    return "the register tile leaves most registers empty";
  const FastProductLayout layout = LayOut(*facts_, factors_, plan, threads_);
  if (layout.lanes().width - tile.lanes >= factors_.lanes.extent)
    return "a vector of the register tiles would be empty";
  if ((layout.splits - 1) * layout.rows().part >= factors_.rows.extent)
    return "a register tile would have no rows";
  if (layout.steps < tile.lanes) return "a product's sum is shorter than a vector";
  if (layout.shares_block && layout.sum_blocks > 1) return "threads share tiles of whole sums only";
  if (plan.in_block && !plan.parallel) return "nothing is shared in a block of one thread";
  if (layout.threads >
      (layout.shares_block ? layout.blocked.groups() * layout.other.groups() : layout.blocks))
    return "there are fewer blocks than threads";
  if (layout.workspace_elements() > kMaxWorkspaceElements)
    return "the packed factors need too much workspace";
  return nullptr;
}

double FastProductRule::ErrorGrowth(const FastProductPlan& plan) {
  return (plan.tile.pairs ? kPairErrorGrowth : 1) * (plan.levels > 0 ? StrassenErrorGrowth(plan.levels) : 1);
}

// What is packed for a block while the kernel runs: as many vectors as the products have.
void FastProductRule::AddPacking(TreeBuilder& tree, const FastProductLayout& layout,
                                 const FastProductPlan& plan) const {
  const bool rows = layout.rows_blocked;
  const ProductFactor& factor = rows ? factors_.rows : factors_.lanes;
  const PackedFactor& packed = layout.blocked;
  const int axis = factor.axes.back(), k = factors_.terms.back();
  const int64_t terms = layout.steps * plan.tile.terms;
  const int lanes = plan.tile.lanes;
  tree.Open(axis, packed.groups(), layout.shares_block ? LoopKind::kParallel : LoopKind::kSerial,
            packed.width);
  if (rows && !ReadsRowsInPlace(factors_, layout, plan)) {  // A copy first.
    tree.Open(axis, packed.width, LoopKind::kSerial, 1);
    tree.Open(k, CeilDivide(factors_.term_count, lanes), LoopKind::kSerial, lanes);
    tree.Open(k, lanes, LoopKind::kVectorized);
    tree.Statement(StatementKind::kPack, {factor.access->access.tensor}, factor.access->access.tensor);
    for (int loop = 0; loop < 3; ++loop) tree.Close();
  }
  tree.Open(axis, rows ? packed.part : packed.part / lanes, LoopKind::kSerial, rows ? 1 : lanes);
  tree.Open(k, rows ? CeilDivide(terms, lanes) : terms, LoopKind::kSerial, rows ? lanes : 1);
  tree.Open(k, layout.products, LoopKind::kUnrolled, 0);
  tree.Open(rows ? k : axis, lanes, LoopKind::kVectorized);
  tree.Statement(StatementKind::kPack, {factor.access->access.tensor}, factor.access->access.tensor);
  for (int loop = 0; loop < 5; ++loop) tree.Close();
}

LoopTree FastProductRule::Lower(const FastProductPlan& plan) const {
  const FastProductLayout layout = LayOut(*facts_, factors_, plan, threads_);
  const FastTile& tile = plan.tile;
  // Axes that are counted as one are loops over the last of them.
  const int row = factors_.rows.axes.back(), lane = factors_.lanes.axes.back(), k = factors_.terms.back();
  TreeBuilder tree(*facts_);
  int opened = 0;
  const auto open = [&](int axis, int64_t count, LoopKind kind, int64_t step) {
    tree.Open(axis, count, kind, step);
    ++opened;
  };
  for (const int axis : factors_.outer) open(axis, facts_->compute.axes[axis].extent, LoopKind::kSerial, 1);
  const int blocks_depth = opened;
  open(layout.rows_blocked ? row : lane, layout.blocks,
       layout.threads > 1 && !layout.shares_block ? LoopKind::kParallel : LoopKind::kSerial, layout.block);
  AddPacking(tree, layout, plan);
  const LoopKind group_loop = layout.shares_block ? LoopKind::kParallel : LoopKind::kSerial;
  open(lane, layout.lanes().groups(), group_loop, layout.lanes().width);
  const int sum_blocks_depth = opened;
  open(k, layout.sum_blocks, LoopKind::kSerial, plan.steps * tile.terms);
  open(row, layout.rows().groups(), group_loop, layout.rows().width);
  const auto in_tiles = [&](StatementKind kind, int64_t tiles, const std::vector<int>& reads, int written) {
    tree.Open(row, tile.rows * tiles, LoopKind::kUnrolled);
    tree.Open(lane, tile.vectors * tiles, LoopKind::kUnrolled, tile.lanes);
    tree.Open(lane, tile.lanes, LoopKind::kVectorized);
    tree.Statement(kind, reads, written);
    for (int loop = 0; loop < 3; ++loop) tree.Close();
  };
  // Of the products, each reads its own part of what is packed.
  const int products_depth = opened;
  tree.Open(k, layout.products, LoopKind::kSerial, layout.steps * tile.terms);
  in_tiles(StatementKind::kInit, 1, {}, TreeBuilder::kAccumulators);
  tree.Open(k, std::min(plan.steps, layout.steps), LoopKind::kSerial, tile.terms);
  tree.Open(k, tile.terms - (tile.pairs ? 1 : 0), LoopKind::kUnrolled);  // Multiply-adds.
  const int rows_tensor = factors_.rows.access->access.tensor,
            lanes_tensor = factors_.lanes.access->access.tensor;
  in_tiles(StatementKind::kMultiplyAdd, 1, {rows_tensor, lanes_tensor}, TreeBuilder::kAccumulators);
  for (int loop = 0; loop < 2; ++loop) tree.Close();
  // Most products belong to two tiles of the group.
  for (int level = 0; level < (layout.products > 1 ? 2 : 0); ++level)
    in_tiles(StatementKind::kStore, 1, {TreeBuilder::kAccumulators}, TreeBuilder::kAccumulators);
  tree.Close();
  in_tiles(StatementKind::kStore, layout.splits, {TreeBuilder::kAccumulators}, facts_->output.access.tensor);
  for (; opened > 0; --opened) tree.Close();
  LoopTree result = tree.Take(tile.rows * tile.vectors, tile.lanes);
  // All of a tile is computed, whether it is in the output or not.
  for (LoopNode& node : result.nodes) node.average = static_cast<float>(node.extent);
  for (LoopNode& node : result.nodes) {
    if (!node.is_loop || node.depth != blocks_depth) continue;
    const PackedFactor& blocked = layout.blocked;
    const ProductFactor& factor = layout.rows_blocked ? factors_.rows : factors_.lanes;
    node.average =
        static_cast<float>(RoundUp(factor.extent, blocked.width)) / static_cast<float>(layout.block);
  }
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
    LoopAccess& sums = result.accesses[node.first_access + 2];
    for (int loop = node.parent; loop >= 0; loop = result.nodes[loop].parent) {
      const LoopNode& around = result.nodes[loop];
      const bool lanes = around.axis == lane;
      if (around.axis != k && (around.kind == LoopKind::kUnrolled || around.kind == LoopKind::kVectorized))
        sums.strides[around.depth] = static_cast<int32_t>(lanes ? around.step : plan.tile_lanes());
    }
    for (const bool is_rows : {true, false}) {
      const PackedFactor& packed = is_rows ? layout.rows() : layout.lanes();
      LoopAccess& access = result.accesses[node.first_access + (is_rows ? 0 : 1)];
      access.offset = 0;
      for (int loop = node.parent; loop >= 0; loop = result.nodes[loop].parent) {
        const LoopNode& around = result.nodes[loop];
        int64_t stride = 0;
        if (around.depth == products_depth) {
          stride = packed.product;
        } else if (around.depth == sum_blocks_depth) {
          stride = packed.block;
        } else if (around.axis == k) {
          stride =
              around.kind == LoopKind::kUnrolled ? (is_rows ? 1 : packed.part) : around.step * packed.part;
        } else if (around.axis == (is_rows ? row : lane)) {
          stride = around.kind == LoopKind::kVectorized ? 1
                   : around.kind == LoopKind::kUnrolled ? (is_rows ? tile.terms * kStepsInLine : tile.lanes)
                   : around.step == packed.width        ? packed.group
                                                        : 0;
        }
        // Folded, a row's terms are loaded for each vector, as if they lay there so often.
        if (is_rows && tile.folded && around.axis == lane && around.kind == LoopKind::kUnrolled) stride = 1;
        access.strides[around.depth] = static_cast<int32_t>(stride);
      }
    }
  }
  result.packed_bytes = layout.packed_elements * static_cast<int64_t>(sizeof(float));
  result.workspace_bytes = layout.workspace_elements() * static_cast<int64_t>(sizeof(float));
  return result;
}

}  // namespace tunefarm::schedules
