#include "schedules/dot_bilinear_rule.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

#include "base/divide.h"
#include "schedules/knobs.h"
#include "schedules/tree_builder.h"

namespace tunefarm::schedules {
namespace {

constexpr std::array<int64_t, 10> kTiles = {8, 12, 16, 24, 32, 48, 64, 96, 128, 0};
constexpr std::array<int64_t, 6> kChannels = {16, 32, 64, 128, 256, 0};

constexpr int64_t kMaxWorkspaceBytes = int64_t{256} << 20;  // As the direct kernels'.
constexpr int64_t kMostDots = 96;                           // Written out in a loop's body.
constexpr int64_t kLineBytes = 64;
// Weights that are so many times the second-level cache, of which targets state the smallest, come from far
// away each time, and are worth it for so many tiles.
constexpr int64_t kFarCaches = 4, kFewestFarTiles = 24;

// An odd number of cache lines: the points of a tile, which are written together, then fall into different
// sets of the first-level cache.
int64_t OddLines(int64_t elements, int64_t bytes) {
  return (CeilDivide(elements * bytes, kLineBytes) | 1) * kLineBytes / bytes;
}

bool Multiplies(const DotKernel& kernel) {
  return (kernel.isa == DotIsa::kAvx2 || kernel.isa == DotIsa::kAvx512) && !kernel.elementwise &&
         kernel.lhs == DotElement::kI16 && kernel.rhs == DotElement::kI16;
}

std::vector<const DotKernel*> KernelsOf(const Target& target) {
  std::vector<const DotKernel*> kernels = DotKernelsOf(target);
  std::erase_if(kernels, [](const DotKernel* kernel) { return !Multiplies(*kernel); });
  return kernels;
}

}  // namespace

bool DotBilinearRule::Serves(const Target& target) { return !KernelsOf(target).empty(); }

DotBilinearRule::DotBilinearRule(std::vector<DotBilinearForm> forms, const ComputeFacts& facts,
                                 const DotRoles& roles, const Target& target, int threads)
    : forms_(std::move(forms)),
      facts_(&facts),
      roles_(roles),
      target_(target),
      threads_(threads),
      kernels_(KernelsOf(target)) {}

std::vector<Knob> DotBilinearRule::Knobs() const {
  std::vector<std::pair<std::string, int>> algorithms = {{"direct", 0}}, kernels;
  for (std::size_t i = 0; i < forms_.size(); ++i)
    algorithms.emplace_back(forms_[i].name, static_cast<int>(i) + 1);
  for (std::size_t i = 0; i < kernels_.size(); ++i)
    kernels.emplace_back(kernels_[i]->name, static_cast<int>(i));
  return {ChoiceKnob("algorithm", KnobKind::kChoice, algorithms),
          ChoiceKnob("product", KnobKind::kChoice, kernels),
          SizeKnob("product_rows", {1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14}),
          SizeKnob("product_vectors", {1, 2, 3, 4}),
          SizeKnob("product_unroll", {1, 2, 4}),
          SizeKnob("tiles", {kTiles.begin(), kTiles.end()}),
          SizeKnob("channels", BlockSizes({kChannels.begin(), kChannels.end() - 1}, forms_[0].columns))};
}

bool DotBilinearRule::Uses(const Knob& knob) {
  for (const char* name :
       {"algorithm", "product", "product_rows", "product_vectors", "product_unroll", "tiles", "channels"}) {
    if (knob.name == name) return true;
  }
  return false;
}

DotBilinearPlan DotBilinearRule::Resolve(const std::vector<Knob>& knobs, const Config& config) const {
  const auto number = [&](const char* name) {
    const auto knob = std::ranges::find(knobs, name, &Knob::name);
    return knob->numbers[config.choice[knob - knobs.begin()]];
  };
  DotBilinearPlan plan;
  plan.form = &forms_[std::max<int64_t>(1, number("algorithm")) - 1];
  plan.kernel = kernels_[number("product")];
  plan.rows = static_cast<int>(number("product_rows"));
  plan.vectors = static_cast<int>(number("product_vectors"));
  plan.unroll = static_cast<int>(number("product_unroll"));
  plan.tiles = number("tiles");
  plan.channels = number("channels");
  return plan;
}

DotBilinearShape DotBilinearRule::Shape(const DotBilinearPlan& plan) const {
  const DotBilinearForm& form = *plan.form;
  const DotKernel& kernel = *plan.kernel;
  DotBilinearShape shape;
  shape.blocks =
      plan.tiles == 0 ? 1 : CeilDivide(form.tiles, std::max<int64_t>(1, plan.tiles / form.tile_size));
  shape.block = CeilDivide(form.tiles, shape.blocks);  // Even blocks leave the last one little to repeat.
  shape.blocks = CeilDivide(form.tiles, shape.block);
  shape.groups = CeilDivide(form.terms, kernel.group);
  shape.terms = RoundUp(form.terms, int64_t{2} * kernel.lanes);
  shape.co = RoundUp(form.columns, kernel.lanes);
  const int64_t tile = int64_t{plan.vectors} * kernel.lanes;
  shape.channel_block = std::min(plan.channels == 0 ? shape.co : RoundUp(plan.channels, tile), shape.co);
  shape.tile_stride = OddLines(shape.block * shape.terms, sizeof(int16_t));
  shape.product_stride = OddLines(shape.block * shape.channel_block, sizeof(int32_t));
  shape.panels = shape.co / kernel.lanes;
  shape.start = kernel.paired ? int64_t{2} * kernel.lanes : 0;
  shape.panel = shape.groups * kernel.group * kernel.lanes + shape.start;
  shape.folds = kernel.paired && plan.rows * plan.vectors + 4 + 2 * plan.vectors > target_.vector_registers;
  shape.packed_bytes =
      RoundUp(form.sets * shape.panels * shape.panel * static_cast<int64_t>(sizeof(int16_t)), kLineBytes);
  shape.products_at = form.points * shape.tile_stride * static_cast<int64_t>(sizeof(int16_t));
  shape.pair_sums_at =
      shape.products_at + form.points * shape.product_stride * static_cast<int64_t>(sizeof(int32_t));
  const int64_t pair_sums = kernel.paired ? shape.block * form.results : 0;
  shape.patch_at =
      shape.pair_sums_at + RoundUp(pair_sums * static_cast<int64_t>(sizeof(uint32_t)), kLineBytes);
  shape.workspace_bytes = shape.patch_at + RoundUp(form.patch * shape.terms, kLineBytes);
  return shape;
}

const char* DotBilinearRule::Refusal(const DotBilinearPlan& plan) const {
  const DotKernel& kernel = *plan.kernel;
  const int cells = plan.rows * plan.vectors;
  // Beside the sums: a row's terms, those of a vector, and what is in between.
  const int others = kernel.paired ? plan.vectors + 4 : 3;
  if (cells + others > target_.vector_registers) return "the register tile needs too many vector registers";
  const int64_t unrolled = int64_t{plan.unroll} * kernel.group;
  if (plan.unroll > 1 && unrolled > plan.form->terms) return "the reduction is shorter than what is unrolled";
  if (int64_t{cells} * plan.unroll > kMostDots) return "the unrolled body would be too long";
  const DotBilinearShape shape = Shape(plan);
  if (plan.rows > shape.block) return "the register tile has more rows than a block has tiles";
  if (int64_t{plan.vectors - 1} * kernel.lanes >= plan.form->columns)
    return "a vector of the register tile would be empty";
  const bool more_rows = int64_t{2} * plan.rows <= shape.block,
             more_vectors = (2 * int64_t{plan.vectors} - 1) * kernel.lanes < plan.form->columns;
  if (2 * cells + others <= target_.vector_registers && (more_rows || more_vectors))
    return "the register tile leaves most registers empty";
  if (shape.packed_bytes > kFarCaches * target_.l2_bytes &&
      shape.block < std::min(kFewestFarTiles, plan.form->tiles))
    return "the weights would come from afar for a few tiles";
  if (shape.workspace_bytes > kMaxWorkspaceBytes / threads_)
    return "the transformed tiles need too much workspace";
  // Several counts of tiles may come to the same blocks; the smallest stands for all.
  for (const int64_t fewer : kTiles) {
    if (fewer == plan.tiles) break;
    DotBilinearPlan other = plan;
    other.tiles = fewer;
    if (Shape(other).block == shape.block) return "a smaller number of tiles gives the same blocks";
  }
  return nullptr;
}

double DotBilinearRule::Cost(const DotBilinearPlan& plan) const {
  constexpr double kL3Bytes = 16;  // A cycle.
  const DotKernel& kernel = *plan.kernel;
  const DotBilinearShape shape = Shape(plan);
  const auto points = static_cast<double>(plan.form->points);
  const double vectors = static_cast<double>(shape.co) / kernel.lanes;
  const double tile = plan.rows * plan.vectors * double{kernel.dot};
  const double loads = (plan.rows + plan.vectors) * (kernel.paired ? 2 : 1) * double{kernel.lhs_load};
  const double group = std::max({tile, loads, kernel.paired ? 4.0 : 2.0}) + 2.0 / plan.unroll;
  const auto row_tiles = static_cast<double>(CeilDivide(shape.block, plan.rows));
  const double stored = plan.rows * plan.vectors * double{kernel.lhs_load} + 12;
  double products = points * row_tiles * std::ceil(vectors / plan.vectors) *
                    (static_cast<double>(shape.groups) * group + stored);
  // Weights that no cache near by holds come again for each block.
  const double weights = static_cast<double>(shape.packed_bytes);
  if (weights > 0.75 * static_cast<double>(target_.l2_bytes)) products += 0.3 * weights / kL3Bytes;
  const double instruction = 0.6 * kernel.lhs_load;
  const double input =
      static_cast<double>(shape.terms) / (2 * kernel.lanes) * plan.form->input_instructions * instruction;
  const double output = vectors * plan.form->output_instructions * instruction;
  const double pairs = kernel.paired ? points * (6 + 0.3 * static_cast<double>(shape.groups)) : 0;
  return static_cast<double>(shape.blocks) *
         (products + static_cast<double>(shape.block) * (input + output + pairs));
}

void DotBilinearRule::Prefer(const std::vector<Knob>& knobs, double direct_cost, Config& config) const {
  constexpr double kClearly = 0.8;  // Both costs are rough.
  constexpr int64_t kStartChannels = 64;
  const auto find = [&](const char* name) -> std::size_t {
    return std::ranges::find(knobs, name, &Knob::name) - knobs.begin();
  };
  const auto at_most = [&](std::size_t knob, int64_t wanted) {
    const std::vector<int64_t>& sizes = knobs[knob].numbers;
    return static_cast<uint16_t>(
        std::find_if(sizes.begin(), sizes.end() - 1, [&](int64_t size) { return size >= wanted; }) -
        sizes.begin());
  };
  const std::size_t algorithm = find("algorithm"), product = find("product"), rows = find("product_rows"),
                    vectors = find("product_vectors"), unroll = find("product_unroll"), tiles = find("tiles");
  struct Best {
    Config config;
    double cost = 1e300;
  };
  Best any{config}, allowed{config};  // allowed: as a default.
  Config tried = config;
  tried.choice[find("channels")] = at_most(find("channels"), kStartChannels);
  const auto each = [&](std::size_t knob, const auto& inside) {
    for (std::size_t choice = 0; choice < knobs[knob].numbers.size(); ++choice) {
      tried.choice[knob] = static_cast<uint16_t>(choice);
      inside();
    }
  };
  each(algorithm, [&] {
    if (tried.choice[algorithm] == 0) return;
    const DotBilinearForm& form = *Resolve(knobs, tried).form;
    each(product, [&] {
      each(rows, [&] {
        each(vectors, [&] {
          // Few tiles may come to the same block as fewer of them.
          for (uint16_t count = at_most(tiles, form.start_tiles) + 1; count-- > 0;) {
            tried.choice[tiles] = count;
            tried.choice[unroll] = 1;
            if (Refusal(Resolve(knobs, tried)) != nullptr) tried.choice[unroll] = 0;
            const DotBilinearPlan plan = Resolve(knobs, tried);
            if (Refusal(plan) != nullptr) continue;
            const double cost = Cost(plan);
            if (cost < any.cost) any = {tried, cost};
            if (cost < allowed.cost && form.may_be_default) allowed = {tried, cost};
            break;
          }
        });
      });
    });
  });
  const bool clearly = allowed.cost < kClearly * direct_cost;
  config = clearly ? allowed.config : any.config;
  if (!clearly) config.choice[algorithm] = 0;
}

LoopTree DotBilinearRule::Lower(const DotBilinearPlan& plan) const {
  const DotKernel& kernel = *plan.kernel;
  const DotBilinearShape s = Shape(plan);
  const int row = roles_.rows, lane = roles_.channels, k = roles_.k;
  const int64_t points = plan.form->points, sets = plan.form->sets, outputs = plan.form->results;
  const int64_t lanes = kernel.lanes, width = lanes * plan.vectors;
  const int input = facts_->lhs.access.tensor, weights = facts_->rhs.access.tensor;
  TreeBuilder tree(*facts_);
  const auto transform = [&](int axis, int64_t vectors, int64_t count, int64_t wide, StatementKind kind,
                             int from, int to) {
    tree.Open(axis, vectors, LoopKind::kSerial, wide);
    tree.Open(axis, count, LoopKind::kUnrolled);
    tree.Open(axis, wide, LoopKind::kVectorized);
    tree.Statement(kind, {from}, to);
    for (int loop = 0; loop < 3; ++loop) tree.Close();
  };
  tree.Open(row, s.blocks, threads_ > 1 ? LoopKind::kParallel : LoopKind::kSerial, s.block);
  tree.Open(row, s.block, LoopKind::kSerial);
  transform(k, s.terms / (2 * lanes), points, 2 * lanes, StatementKind::kPack, input, input);
  tree.Close();
  tree.Open(lane, CeilDivide(s.co, s.channel_block), LoopKind::kSerial, s.channel_block);
  tree.Open(k, points);
  tree.Open(lane, CeilDivide(s.channel_block, width), LoopKind::kSerial, width);
  tree.Open(row, CeilDivide(s.block, plan.rows), LoopKind::kSerial, plan.rows);
  tree.Open(k, s.groups, LoopKind::kSerial, kernel.group, plan.unroll);
  tree.Open(row, plan.rows, LoopKind::kUnrolled);
  tree.Open(lane, plan.vectors, LoopKind::kUnrolled, lanes);
  tree.Open(lane, lanes, LoopKind::kVectorized);
  tree.Open(k, kernel.group, LoopKind::kDotGroup);
  tree.Statement(StatementKind::kMultiplyAdd, {input, weights}, TreeBuilder::kAccumulators);
  for (int loop = 0; loop < 8; ++loop) tree.Close();
  tree.Open(row, s.block, LoopKind::kSerial);
  transform(lane, s.channel_block / lanes, outputs, lanes, StatementKind::kStore, TreeBuilder::kAccumulators,
            facts_->output.access.tensor);
  for (int loop = 0; loop < 3; ++loop) tree.Close();

  LoopTree result = tree.Take(plan.rows * plan.vectors, kernel.lanes);
  for (LoopNode& node : result.nodes) node.average = static_cast<float>(node.extent);
  // As they are read: transformed.
  const auto transformed = [&](int buffer, BufferScope scope, int64_t elements) {
    result.buffers[buffer].scope = scope;
    result.buffers[buffer].element_bytes = sizeof(int16_t);
    result.buffers[buffer].elements = elements;
    result.buffers[buffer].bytes = elements * static_cast<int64_t>(sizeof(int16_t));
  };
  transformed(input, BufferScope::kWorkspace, points * s.tile_stride);
  transformed(weights, BufferScope::kConstant, s.packed_bytes / static_cast<int64_t>(sizeof(int16_t)));
  for (const LoopNode& node : result.nodes) {
    if (node.is_loop || node.statement != StatementKind::kMultiplyAdd) continue;
    LoopAccess& tiles = result.accesses[node.first_access];
    LoopAccess& panels = result.accesses[node.first_access + 1];
    tiles.offset = panels.offset = 0;
    // From the innermost loop outwards, as they were opened above.
    const int64_t group = kernel.group, step = width * group;
    const std::array<std::array<int64_t, 2>, 10> strides = {
        {{1, 1},
         {0, group},
         {0, lanes * group},
         {s.terms, 0},
         {group, step},
         {s.terms * plan.rows, 0},
         {0, s.panel * plan.vectors},
         {s.tile_stride, s.channel_block / lanes * s.panel},
         {0, s.channel_block / lanes * s.panel * sets},
         {0, 0}}};
    int depth = node.depth;
    for (const std::array<int64_t, 2>& stride : strides) {
      --depth;
      tiles.strides[depth] = static_cast<int32_t>(stride[0]);
      panels.strides[depth] = static_cast<int32_t>(stride[1]);
    }
  }
  result.packed_bytes = s.packed_bytes;
  result.workspace_bytes = s.workspace_bytes * threads_;
  return result;
}

}  // namespace tunefarm::schedules
