#include "schedules/winograd_rule.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "base/divide.h"
#include "schedules/knobs.h"
#include "schedules/lower.h"
#include "schedules/nest_builder.h"
#include "schedules/transform_rule.h"

namespace tunefarm::schedules {
namespace {

constexpr std::array<int64_t, 10> kTiles = {8, 12, 16, 24, 32, 48, 64, 96, 128, 0};

// Halves of the output channels, halves of these and so on, until the weights of a part fit into a quarter of
// the second-level cache; all of them where a set of weights serves a single point.
int64_t PartOf(const WinogradShape& shape, int64_t ci, const Target& target) {
  constexpr int64_t kSmallest = 64;  // Whole panels of all register tiles but those of three vectors.
  int64_t part = shape.co;
  if (shape.sets() == shape.points()) return part;
  while (part % (2 * kSmallest) == 0 && part * ci * static_cast<int64_t>(sizeof(float)) > target.l2_bytes / 4)
    part /= 2;
  return part;
}

// The matrix product at a point.
ComputeDefinition Product(const WinogradShape& shape, int64_t ci) {
  const auto axis = [](int number) { return AffineIndex{{{number, 1}}, 0}; };
  ComputeDefinition compute;
  compute.name = "winograd_product";
  compute.axes = {{"tile", shape.block, AxisKind::kSpatial},
                  {"co", shape.co_part, AxisKind::kSpatial},
                  {"ci", ci, AxisKind::kReduction}};
  compute.tensors = {{"tiles", TensorRole::kInput, {shape.tile_stride}},
                     {"weights", TensorRole::kConstant, {ci, shape.co_part}},
                     {"products", TensorRole::kOutput, {shape.product_stride}}};
  compute.lhs = {0, {AffineIndex{{{0, shape.ci}, {2, 1}}, 0}}};
  compute.rhs = {1, {axis(2), axis(1)}};
  compute.output = {2, {AffineIndex{{{0, shape.co}, {1, 1}}, 0}}};
  compute.flop = 2.0 * static_cast<double>(shape.block * shape.co_part) * static_cast<double>(ci);
  return compute;
}

}  // namespace

bool WinogradRule::Serves(const Workload& workload) {
  if (workload.op() != Operator::kConv2d || workload.dtype() != DType::kF32 || workload.dim("kh") != 3 ||
      workload.dim("kw") != 3 || workload.dim("dilation") != 1 || workload.dim("groups") != 1 ||
      workload.dim("stride_h") != workload.dim("stride_w")) {
    return false;
  }
  // With stride 2 so little is saved that the transforms of few channels cost as much.
  constexpr int64_t kFewestChannels = 8;
  return workload.dim("stride_h") == 1 ||
         (workload.dim("stride_h") == 2 && workload.dim("ci") >= kFewestChannels &&
          workload.dim("co") >= kFewestChannels);
}

WinogradRule::WinogradRule(const Workload& workload, const Target& target, int threads)
    : target_(target),
      threads_(threads),
      outputs_(WinogradOutputs(static_cast<int>(workload.dim("stride_h")))) {
  const auto stride = static_cast<int>(workload.dim("stride_h"));
  const int64_t lanes = std::max(2, target.lanes(sizeof(float)));
  const int64_t ci = workload.dim("ci");
  const ConvertedImages converted = ConvertedImagesOf(workload, DefineCompute(workload));
  const int64_t out_h = (workload.dim("h") + workload.dim("pad_t") + workload.dim("pad_b") - 3) / stride + 1,
                out_w = (workload.dim("w") + workload.dim("pad_l") + workload.dim("pad_r") - 3) / stride + 1;
  for (const int outputs : outputs_) {
    for (const int64_t wanted : kTiles) {
      Cut cut;
      WinogradShape& shape = cut.shape;
      shape.form = &WinogradFormOf(outputs, stride);
      shape.converted = converted;
      shape.rows = CeilDivide(out_h, outputs);
      shape.columns = CeilDivide(out_w, outputs);
      shape.tiles = workload.dim("n") * shape.rows * shape.columns;
      shape.blocks = wanted == 0 ? 1 : CeilDivide(shape.tiles, wanted);
      shape.block =
          CeilDivide(shape.tiles, shape.blocks);  // Even blocks leave the last one little to repeat.
      shape.blocks = CeilDivide(shape.tiles, shape.block);
      shape.ci = RoundUp(ci, lanes);
      shape.co = RoundUp(workload.dim("co"), lanes);
      shape.co_part = PartOf(shape, ci, target);
      shape.tile_stride = OddLines(shape.block * shape.ci);
      shape.product_stride = OddLines(shape.block * shape.co);
      cut.facts = std::make_unique<ComputeFacts>(Analyze(Product(shape, ci)));
      cut.rule = std::make_unique<TilingRule>(*cut.facts, target, threads);
      cuts_.push_back(std::move(cut));
    }
  }
}

std::vector<Knob> WinogradRule::Knobs() const {
  Knob algorithm{"algorithm", KnobKind::kChoice, {"direct"}, {0}, false};
  for (const int outputs : outputs_) {
    algorithm.values.push_back(absl::StrCat("winograd_", outputs, "x", outputs));
    algorithm.numbers.push_back(outputs);
  }
  Knob tiles{"tiles", KnobKind::kSplit, {}, {}, true};
  for (const int64_t count : kTiles) {
    tiles.values.push_back(count == 0 ? "all" : absl::StrCat(count));
    tiles.numbers.push_back(count);
  }
  std::vector<Knob> knobs = {algorithm, tiles};
  if (threads_ > 1) knobs.push_back(ChoiceKnob("share", KnobKind::kChoice, {{"blocks", 0}, {"in_block", 1}}));
  return knobs;
}

std::vector<Config> WinogradRule::Starts(const std::vector<Knob>& knobs, const Config& preferred) const {
  std::vector<Config> starts;
  for (std::size_t form = 0; form < outputs_.size(); ++form) {
    Config config = preferred;
    // The largest value of a knob up to `wanted`, or its first one.
    const auto set = [&](const char* name, int64_t wanted) {
      const auto knob = std::ranges::find(knobs, name, &Knob::name);
      if (knob == knobs.end()) return int64_t{1};
      std::size_t best = 0;
      for (std::size_t v = 0; v < knob->numbers.size(); ++v) {
        if (knob->numbers[v] <= wanted && knob->numbers[v] >= knob->numbers[best]) best = v;
      }
      config.choice[knob - knobs.begin()] = static_cast<uint16_t>(best);
      return knob->numbers[best];
    };
    const Cut* const cuts = &cuts_[form * kTiles.size()];
    const WinogradShape& all = cuts[kTiles.size() - 1].shape;
    // Where there are more weights than tiles and products, all tiles at once, and threads share the work on
    // them: each reads its part of the weights, once. Otherwise what stays in half of the second-level cache.
    const bool at_once = all.ci * all.co > all.tiles * (all.ci + all.co);
    const int64_t tile_bytes = int64_t{all.form->points} * all.form->points * (all.ci + all.co) *
                               static_cast<int64_t>(sizeof(float));
    const int64_t wanted = at_once
                               ? all.tiles
                               : std::min(CeilDivide(all.tiles, threads_),
                                          std::max<int64_t>(kTiles[0], target_.l2_bytes / 2 / tile_bytes));
    std::size_t cut = 0;
    for (std::size_t t = 0; t < kTiles.size(); ++t) {
      const int64_t block = cuts[t].shape.block;
      if (block <= wanted && block > cuts[cut].shape.block) cut = t;
    }
    set("algorithm", outputs_[form]);
    config.choice[std::ranges::find(knobs, "tiles", &Knob::name) - knobs.begin()] =
        static_cast<uint16_t>(cut);
    set("share", at_once || cuts[cut].shape.blocks < threads_ ? 1 : 0);
    // A register tile that has so many rows.
    const auto rows_knob = std::ranges::find(knobs, "rows", &Knob::name);
    const int64_t block = cuts[cut].shape.block;
    const int64_t lanes = set("lanes", std::numeric_limits<int64_t>::max());
    if (rows_knob != knobs.end() && rows_knob->numbers[preferred.choice[rows_knob - knobs.begin()]] > block) {
      const int64_t rows = set("rows", block);
      set("vectors", std::min(CeilDivide(all.co, lanes), (target_.vector_registers - 1) / (rows + 1)));
    }
    starts.push_back(std::move(config));
  }
  return starts;
}

bool WinogradRule::Uses(const Knob& knob) {
  return knob.name == "algorithm" || knob.name == "tiles" || knob.name == "share" || UsesForProducts(knob);
}

WinogradPlan WinogradRule::Resolve(const ConfigSpace& space, const Config& config) const {
  const auto number = [&](const char* name, int64_t otherwise) {
    const int knob = space.FindKnob(name);
    return knob < 0 ? otherwise : space.number(config, knob);
  };
  WinogradPlan plan;
  const auto outputs = std::ranges::find(outputs_, number("algorithm", 0)) - outputs_.begin();
  const auto tiles = std::find(kTiles.begin(), kTiles.end(), number("tiles", 0)) - kTiles.begin();
  plan.shape = static_cast<int>(outputs) * static_cast<int>(kTiles.size()) + static_cast<int>(tiles);
  plan.products = ResolveProducts(*cuts_[plan.shape].rule, space, config);
  plan.shares_block = threads_ > 1 && number("share", 0) != 0;
  return plan;
}

const char* WinogradRule::Refusal(const WinogradPlan& plan) const {
  const Cut& cut = cuts_[plan.shape];
  // Several counts of tiles may come to the same cut; the first of them stands for all.
  for (int s = plan.shape - plan.shape % static_cast<int>(kTiles.size()); s < plan.shape; ++s) {
    if (cuts_[s].shape.block == cut.shape.block) return "a smaller number of tiles gives the same blocks";
  }
  if (!plan.shares_block && cut.shape.blocks < threads_) return "there are fewer blocks than threads";
  if (workspace_elements(plan) > kMaxTransformedElements) {
    return "the transformed tiles need too much workspace";
  }
  return cut.rule->Refusal(plan.products);
}

absl::StatusOr<LoopTree> WinogradRule::LowerProduct(const WinogradPlan& plan) const {
  if (const char* reason = Refusal(plan)) return absl::InvalidArgumentError(reason);
  TUNEFARM_ASSIGN_OR_RETURN(const Schedule schedule, cuts_[plan.shape].rule->MakeSchedule(plan.products));
  return schedules::Lower(schedule, /*threads=*/1);
}

absl::StatusOr<LoopTree> WinogradRule::Lower(const WinogradPlan& plan, const ComputeFacts& facts) const {
  TUNEFARM_ASSIGN_OR_RETURN(LoopTree tree, LowerProduct(plan));
  const WinogradShape& s = shape(plan);
  const auto axis_named = [&](const char* name) {
    for (std::size_t a = 0; a < facts.compute.axes.size(); ++a) {
      if (facts.compute.axes[a].name == name) return static_cast<int>(a);
    }
    return -1;
  };
  const int tile = axis_named("ow"), co = axis_named("co"), ci = axis_named("ci");
  const std::array<int, 3> axes = {tile, co, ci};
  for (LoopNode& node : tree.nodes) {
    if (node.is_loop && node.axis >= 0) node.axis = static_cast<int8_t>(axes[node.axis]);
  }
  RepeatBuffers(tree, facts, s.points(), s.sets() * s.parts());
  const ImageBuffers images = AddImages(tree, facts, s.converted, ci, co);

  const std::vector<LoopNode> product(tree.nodes.begin() + tree.run_begin, tree.nodes.end());
  tree.nodes.resize(tree.run_begin);
  const int64_t outputs = int64_t{s.form->outputs} * s.form->outputs;
  const int64_t lanes = plan.products.lanes;
  NestBuilder builder(tree);
  const LoopKind shared = threads_ > 1 ? LoopKind::kParallel : LoopKind::kSerial;
  if (images.converted()) {
    builder.Conversion(StatementKind::kPack, shared, /*from_planes=*/true, tile,
                       tree.buffers[images.given].elements / images.in_channels, ci, images.in_channels,
                       lanes, images.given, images.input);
  }
  const auto transform = [&](int channel_axis, int64_t count, int64_t channels, StatementKind kind, int from,
                             const std::vector<int64_t>& from_strides, int to,
                             const std::vector<int64_t>& to_strides) {
    builder.Open(tile, s.block, s.form->outputs, plan.shares_block ? LoopKind::kParallel : LoopKind::kSerial);
    builder.Open(channel_axis, channels / lanes, lanes, LoopKind::kSerial);
    builder.Open(-1, count, 1, LoopKind::kUnrolled);
    builder.Open(channel_axis, lanes, 1, LoopKind::kVectorized);
    builder.Statement(kind, from, from_strides, to, to_strides);
    for (int i = 0; i < 4; ++i) builder.Close();
  };
  builder.Open(tile, s.blocks, s.block, plan.shares_block ? LoopKind::kSerial : shared);
  const auto stride = [](const LinearAccess& access, int axis) -> int64_t {
    return axis < 0 ? 0 : access.stride[axis];
  };
  const int64_t in_tile = stride(facts.lhs, tile) * images.in_channels * s.form->outputs,
                in_lane = images.converted() ? 1 : stride(facts.lhs, ci),
                out_tile = stride(facts.output, tile) * images.out_channels * s.form->outputs,
                out_lane = images.converted() ? 1 : stride(facts.output, co);
  transform(ci, s.points(), s.ci, StatementKind::kPack, images.input,
            {in_tile * s.block, in_tile, in_lane * lanes, in_tile, in_lane}, 0,
            {0, s.ci, lanes, s.tile_stride, 1});
  builder.Open(-1, s.points(), 1, plan.shares_block ? LoopKind::kParallel : LoopKind::kSerial);
  if (s.parts() > 1) builder.Open(co, s.parts(), s.co_part, LoopKind::kSerial);
  const auto first = tree.nodes.size();
  builder.Nest(product, tree.run_begin);
  if (s.parts() > 1) builder.Close();
  builder.Close();
  // From point to point and part to part; a set of weights serves several points.
  const int64_t weights = tree.packed_bytes / static_cast<int64_t>(sizeof(float)),
                set_elements = weights / s.points(), part_elements = weights / s.sets() / s.parts();
  for (std::size_t n = first; n < tree.nodes.size(); ++n) {
    const LoopNode& node = tree.nodes[n];
    for (int a = 0; !node.is_loop && a < node.num_accesses; ++a) {
      LoopAccess& access = tree.accesses[node.first_access + a];
      const LoopBuffer& buffer = tree.buffers[access.buffer];
      if (buffer.scope == BufferScope::kRegister) continue;
      const bool is_tiles = buffer.tensor == facts.lhs.access.tensor,
                 is_products = buffer.tensor == facts.output.access.tensor;
      access.strides[1] = static_cast<int32_t>(is_tiles      ? s.tile_stride
                                               : is_products ? s.product_stride
                                                             : set_elements);
      if (s.parts() > 1)
        access.strides[2] = static_cast<int32_t>(is_tiles ? 0 : is_products ? s.co_part : part_elements);
    }
  }
  transform(co, outputs, s.co, StatementKind::kStore, 2, {0, s.co, lanes, s.product_stride, 1}, images.output,
            {out_tile * s.block, out_tile, out_lane * lanes, out_tile, out_lane});
  builder.Close();
  if (images.converted()) {
    builder.Conversion(StatementKind::kStore, shared, /*from_planes=*/false, tile,
                       tree.buffers[images.wanted].elements / images.out_channels, co, images.out_channels,
                       lanes, images.output, images.wanted);
  }
  tree.workspace_bytes = workspace_elements(plan) * static_cast<int64_t>(sizeof(float));
  return tree;
}

}  // namespace tunefarm::schedules
