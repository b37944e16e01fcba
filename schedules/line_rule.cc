#include "schedules/line_rule.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/divide.h"
#include "schedules/lower.h"
#include "schedules/nest_builder.h"
#include "schedules/transform_rule.h"

namespace tunefarm::schedules {
namespace {

constexpr std::array<int64_t, 7> kLines = {1, 2, 4, 8, 16, 32, 0};  // 0: all.
constexpr int kFewestTaps = 4;  // Of three in either dimension Winograd's convolution leaves fewer products.
constexpr int kMostForms = 2;
// Direct summation's multiplications, over those of a form that is worth its transforms.
constexpr double kLeastSaving = 1.3;

// The two dimensions of a workload's kernel.
struct Lines {
  bool along_width;
  int64_t along_taps, along_stride, along_out, taps, stride, out;
  int64_t places_of_taps() const { return CeilDivide(along_taps, along_stride); }
};

Lines LinesOf(const Workload& workload) {
  const auto out = [&](const char* size, const char* before, const char* after, const char* taps,
                       const char* stride) {
    return (workload.dim(size) + workload.dim(before) + workload.dim(after) - workload.dim(taps)) /
               workload.dim(stride) +
           1;
  };
  const int64_t out_h = out("h", "pad_t", "pad_b", "kh", "stride_h"),
                out_w = out("w", "pad_l", "pad_r", "kw", "stride_w");
  const int64_t kh = workload.dim("kh"), kw = workload.dim("kw");
  if (kw >= kh) return {true, kw, workload.dim("stride_w"), out_w, kh, workload.dim("stride_h"), out_h};
  return {false, kh, workload.dim("stride_h"), out_h, kw, workload.dim("stride_w"), out_w};
}

// Outputs of the tiles that leave the fewest products of a line.
std::vector<int> FormsOf(const Lines& lines) {
  const auto taps = static_cast<int>(lines.places_of_taps());
  std::vector<std::pair<int64_t, int>> forms;  // Products of a line, outputs of a tile.
  for (int outputs = 2; taps >= 2 && outputs + taps - 1 <= kMostLinePoints; ++outputs) {
    const int64_t products = CeilDivide(lines.along_out, outputs) * (outputs + taps - 1) * lines.along_stride;
    if (static_cast<double>(lines.along_out * lines.along_taps) >=
        kLeastSaving * static_cast<double>(products)) {
      forms.emplace_back(products, outputs);
    }
  }
  std::ranges::sort(forms);
  if (forms.size() > kMostForms) forms.resize(kMostForms);
  std::vector<int> outputs(forms.size());
  std::ranges::transform(forms, outputs.begin(), [](const auto& form) { return form.second; });
  std::ranges::sort(outputs);
  return outputs;
}

// The matrix product at a point: rows of tiles, of all lines where those follow one another.
ComputeDefinition Product(const LineShape& shape) {
  const int64_t places = shape.pitch, line = shape.line_elements();
  ComputeDefinition compute;
  compute.name = "line_product";
  AffineIndex tiles, products;
  const auto add = [&](const char* name, int64_t extent, AxisKind kind) {
    compute.axes.push_back({name, extent, kind});
    return static_cast<int>(compute.axes.size()) - 1;
  };
  if (shape.stride == 1 || shape.block == 1) {
    const int row = add("tile", shape.block * shape.tiles, AxisKind::kSpatial);
    tiles.terms = {{row, places}};
    products.terms = {{row, shape.co}};
  } else {
    const int row = add("line", shape.block, AxisKind::kSpatial);
    const int tile = add("tile", shape.tiles, AxisKind::kSpatial);
    tiles.terms = {{row, shape.stride * line}, {tile, places}};
    products.terms = {{row, shape.tiles * shape.co}, {tile, shape.co}};
  }
  const int co = add("co", shape.co, AxisKind::kSpatial);
  products.terms.push_back({co, 1});
  std::vector<int64_t> weights;
  std::vector<AffineIndex> weights_index;
  if (shape.taps > 1) {
    const int tap = add("tap", shape.taps, AxisKind::kReduction);
    tiles.terms.push_back({tap, line});
    weights.push_back(shape.taps);
    weights_index.push_back({{{tap, 1}}, 0});
  }
  const int channel = add("channel", shape.channels, AxisKind::kReduction);
  tiles.terms.push_back({channel, 1});
  weights.insert(weights.end(), {shape.channels, shape.co});
  weights_index.push_back({{{channel, 1}}, 0});
  weights_index.push_back({{{co, 1}}, 0});
  compute.tensors = {{"tiles", TensorRole::kInput, {shape.tile_stride()}},
                     {"weights", TensorRole::kConstant, weights},
                     {"products", TensorRole::kOutput, {shape.product_stride()}}};
  compute.lhs = {0, {tiles}};
  compute.rhs = {1, weights_index};
  compute.output = {2, {products}};
  compute.flop = 2.0 * static_cast<double>(shape.block * shape.tiles * shape.co) *
                 static_cast<double>(shape.taps * shape.channels);
  return compute;
}

}  // namespace

bool LineRule::Serves(const Workload& workload) {
  if (workload.op() != Operator::kConv2d || workload.dtype() != DType::kF32 ||
      workload.dim("dilation") != 1 || workload.dim("groups") != 1) {
    return false;
  }
  constexpr int64_t kFewestChannels = 8;  // Of the output: with fewer the transforms cost as much.
  const Lines lines = LinesOf(workload);
  return lines.along_taps >= kFewestTaps && workload.dim("co") >= kFewestChannels && !FormsOf(lines).empty();
}

LineRule::LineRule(const Workload& workload, const Target& target, int threads)
    : target_(target), threads_(threads) {
  const Lines lines = LinesOf(workload);
  const int64_t lanes = std::max(2, target.lanes(sizeof(float)));
  outputs_ = FormsOf(lines);
  const ConvertedImages converted = ConvertedImagesOf(workload, DefineCompute(workload));
  for (const int outputs : outputs_) {
    for (const int64_t wanted : kLines) {
      Cut cut;
      LineShape& shape = cut.shape;
      shape.form = MakeLineForm(outputs, static_cast<int>(lines.places_of_taps()));
      shape.converted = converted;
      shape.along_width = lines.along_width;
      shape.stride = lines.stride;
      shape.taps = lines.taps;
      shape.along_stride = lines.along_stride;
      shape.along_taps = lines.along_taps;
      shape.images = workload.dim("n");
      shape.lines = lines.out;
      shape.tiles = CeilDivide(lines.along_out, outputs);
      shape.blocks = wanted == 0 ? 1 : CeilDivide(lines.out, wanted);
      shape.block = CeilDivide(lines.out, shape.blocks);  // Even ones leave the last little to repeat.
      shape.blocks = CeilDivide(lines.out, shape.block);
      shape.channels = workload.dim("ci") * lines.along_stride;
      shape.pitch = RoundUp(shape.channels, lanes);
      shape.co = RoundUp(workload.dim("co"), lanes);
      cut.facts = std::make_unique<ComputeFacts>(Analyze(Product(shape)));
      cut.rule = std::make_unique<TilingRule>(*cut.facts, target, /*threads=*/1);
      cuts_.push_back(std::move(cut));
    }
  }
}

std::vector<Knob> LineRule::Knobs() const {
  Knob algorithm{"algorithm", KnobKind::kChoice, {"direct"}, {0}, false};
  for (const int outputs : outputs_) {
    algorithm.values.push_back(absl::StrCat("lines_of_", outputs));
    algorithm.numbers.push_back(outputs);
  }
  Knob lines{"lines", KnobKind::kSplit, {}, {}, true};
  for (const int64_t count : kLines) {
    lines.values.push_back(count == 0 ? "all" : absl::StrCat(count));
    lines.numbers.push_back(count);
  }
  return {algorithm, lines};
}

std::vector<Config> LineRule::Starts(const std::vector<Knob>& knobs, const Config& preferred) const {
  const auto place = [&](const char* name) {
    return std::ranges::find(knobs, name, &Knob::name) - knobs.begin();
  };
  const Knob& algorithm = knobs[place("algorithm")];
  std::vector<Config> starts;
  for (std::size_t form = 0; form < outputs_.size(); ++form) {
    const Cut* const cuts = &cuts_[form * kLines.size()];
    // What stays in half of the second-level cache; a block for each thread.
    std::size_t best = 0;
    for (std::size_t l = 0; l < kLines.size(); ++l) {
      const LineShape& shape = cuts[l].shape;
      const bool fits =
          shape.buffer_elements() * static_cast<int64_t>(sizeof(float)) <= target_.l2_bytes / 2 &&
          shape.blocks * shape.images >= threads_;
      if (fits && shape.block > cuts[best].shape.block) best = l;
    }
    starts.push_back(preferred);
    Config& start = starts.back();
    const std::string name = absl::StrCat("lines_of_", outputs_[form]);
    start.choice[place("algorithm")] =
        static_cast<uint16_t>(std::ranges::find(algorithm.values, name) - algorithm.values.begin());
    start.choice[place("lines")] = static_cast<uint16_t>(best);
    // A register tile of no more rows and vectors than there are.
    const auto at_most = [&](const char* knob_name, int64_t wanted) {
      const auto knob = place(knob_name);
      if (knob == static_cast<std::ptrdiff_t>(knobs.size())) return int64_t{1};
      const std::vector<int64_t>& numbers = knobs[knob].numbers;
      while (start.choice[knob] > 0 && numbers[start.choice[knob]] > wanted) --start.choice[knob];
      return numbers[start.choice[knob]];
    };
    const LineShape& shape = cuts[best].shape;
    const int64_t lanes = knobs[place("lanes")].numbers.back();
    start.choice[place("lanes")] = static_cast<uint16_t>(knobs[place("lanes")].numbers.size() - 1);
    at_most("rows", shape.stride == 1 ? shape.block * shape.tiles : shape.tiles);
    at_most("vectors", CeilDivide(shape.co, lanes));
  }
  return starts;
}

bool LineRule::Uses(const Knob& knob) {
  return knob.name == "algorithm" || knob.name == "lines" || UsesForProducts(knob);
}

LinePlan LineRule::Resolve(const ConfigSpace& space, const Config& config) const {
  const auto number = [&](const char* name, int64_t otherwise) {
    const int knob = space.FindKnob(name);
    return knob < 0 ? otherwise : space.number(config, knob);
  };
  LinePlan plan;
  const auto outputs = std::ranges::find(outputs_, number("algorithm", 0)) - outputs_.begin();
  const auto lines = std::find(kLines.begin(), kLines.end(), number("lines", 0)) - kLines.begin();
  plan.shape = static_cast<int>(outputs) * static_cast<int>(kLines.size()) + static_cast<int>(lines);
  plan.products = ResolveProducts(*cuts_[plan.shape].rule, space, config);
  return plan;
}

const char* LineRule::Refusal(const LinePlan& plan) const {
  const Cut& cut = cuts_[plan.shape];
  // Several counts of lines may come to the same cut; the first of them stands for all.
  for (int s = plan.shape - plan.shape % static_cast<int>(kLines.size()); s < plan.shape; ++s) {
    if (cuts_[s].shape.block == cut.shape.block) return "a smaller number of lines gives the same blocks";
  }
  if (cut.shape.blocks * cut.shape.images < threads_) return "there are fewer blocks than threads";
  if (workspace_elements(plan) > kMaxTransformedElements)
    return "the transformed lines need too much workspace";
  return cut.rule->Refusal(plan.products);
}

absl::StatusOr<LoopTree> LineRule::LowerProduct(const LinePlan& plan) const {
  if (const char* reason = Refusal(plan)) return absl::InvalidArgumentError(reason);
  TUNEFARM_ASSIGN_OR_RETURN(const Schedule schedule, cuts_[plan.shape].rule->MakeSchedule(plan.products));
  return schedules::Lower(schedule, /*threads=*/1);
}

absl::StatusOr<LoopTree> LineRule::Lower(const LinePlan& plan, const ComputeFacts& facts) const {
  TUNEFARM_ASSIGN_OR_RETURN(LoopTree tree, LowerProduct(plan));
  const LineShape& s = shape(plan);
  const auto axis_named = [&](const std::string& name) {
    for (std::size_t a = 0; a < facts.compute.axes.size(); ++a) {
      if (facts.compute.axes[a].name == name) return static_cast<int>(a);
    }
    return -1;
  };
  const int line = axis_named(s.along_width ? "oh" : "ow"), tile = axis_named(s.along_width ? "ow" : "oh"),
            tap = axis_named(s.along_width ? "kh" : "kw"), co = axis_named("co"), ci = axis_named("ci");
  const ComputeFacts& product = product_facts(plan);
  for (LoopNode& node : tree.nodes) {
    if (!node.is_loop || node.axis < 0) continue;
    const std::string& name = product.compute.axes[node.axis].name;
    node.axis = static_cast<int8_t>(name == "line"   ? line
                                    : name == "tile" ? tile
                                    : name == "co"   ? co
                                    : name == "tap"  ? tap
                                                     : ci);
  }
  RepeatBuffers(tree, facts, s.form.points, s.form.points);
  const ImageBuffers images = AddImages(tree, facts, s.converted, ci, co);

  const std::vector<LoopNode> nest(tree.nodes.begin() + tree.run_begin, tree.nodes.end());
  tree.nodes.resize(tree.run_begin);
  const int64_t lanes = plan.products.lanes;
  NestBuilder builder(tree);
  const LoopKind shared = threads_ > 1 ? LoopKind::kParallel : LoopKind::kSerial;
  if (images.converted()) {
    builder.Conversion(StatementKind::kPack, shared, /*from_planes=*/true, tile,
                       tree.buffers[images.given].elements / images.in_channels, ci, images.in_channels,
                       lanes, images.given, images.input);
  }
  const auto stride = [](const LinearAccess& access, int axis) -> int64_t {
    return axis < 0 ? 0 : access.stride[axis];
  };
  const auto transform = [&](int64_t lines, int channel_axis, int64_t channels, int64_t count,
                             StatementKind kind, int from, const std::vector<int64_t>& from_strides, int to,
                             const std::vector<int64_t>& to_strides) {
    builder.Open(line, lines, 1, LoopKind::kSerial);
    builder.Open(tile, s.tiles, s.form.outputs, LoopKind::kSerial);
    builder.Open(channel_axis, channels / lanes, lanes, LoopKind::kSerial);
    builder.Open(-1, count, 1, LoopKind::kUnrolled);
    builder.Open(channel_axis, lanes, 1, LoopKind::kVectorized);
    builder.Statement(kind, from, from_strides, to, to_strides);
    for (int i = 0; i < 5; ++i) builder.Close();
  };
  builder.Open(line, s.images * s.blocks, s.block, shared);
  const int64_t in_line = stride(facts.lhs, line) * images.in_channels,
                in_place = stride(facts.lhs, tile) * images.in_channels,
                in_lane = images.converted() ? 1 : stride(facts.lhs, ci);
  transform(
      s.input_lines(), ci, s.pitch, s.form.points, StatementKind::kPack, images.input,
      {in_line * s.block, in_line / s.stride, in_place * s.form.outputs, in_lane * lanes, in_place, in_lane},
      0, {0, s.line_elements(), s.pitch, lanes, s.tile_stride(), 1});
  builder.Open(-1, s.form.points, 1, LoopKind::kSerial);
  const auto first = tree.nodes.size();
  builder.Nest(nest, tree.run_begin);
  builder.Close();
  const int64_t weights = tree.packed_bytes / static_cast<int64_t>(sizeof(float)) / s.form.points;
  for (std::size_t n = first; n < tree.nodes.size(); ++n) {
    const LoopNode& node = tree.nodes[n];
    for (int a = 0; !node.is_loop && a < node.num_accesses; ++a) {
      LoopAccess& access = tree.accesses[node.first_access + a];
      const LoopBuffer& buffer = tree.buffers[access.buffer];
      if (buffer.scope == BufferScope::kRegister) continue;
      access.strides[1] =
          static_cast<int32_t>(buffer.tensor == facts.lhs.access.tensor      ? s.tile_stride()
                               : buffer.tensor == facts.output.access.tensor ? s.product_stride()
                                                                             : weights);
    }
  }
  const int64_t out_line = stride(facts.output, line) * images.out_channels,
                out_place = stride(facts.output, tile) * images.out_channels,
                out_lane = images.converted() ? 1 : stride(facts.output, co);
  transform(
      s.block, co, s.co, s.form.outputs, StatementKind::kStore, 2,
      {0, s.tiles * s.co, s.co, lanes, s.product_stride(), 1}, images.output,
      {out_line * s.block, out_line, out_place * s.form.outputs, out_lane * lanes, out_place, out_lane});
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
