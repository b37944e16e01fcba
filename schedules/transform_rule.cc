#include "schedules/transform_rule.h"

#include <array>

namespace tunefarm::schedules {

TilingPlan ResolveProducts(const TilingRule& rule, const ConfigSpace& space, const Config& config) {
  const auto number = [&](const char* name, int64_t otherwise) {
    const int knob = space.FindKnob(name);
    return knob < 0 ? otherwise : space.number(config, knob);
  };
  TilingPlan products;
  products.roles = &rule.roles();
  products.lanes = static_cast<int>(number("lanes", 4));
  products.vectors = static_cast<int>(number("vectors", 1));
  products.rows = products.roles->rows < 0 ? 1 : static_cast<int>(number("rows", 1));
  products.rows_inside = number("inner", 1) != 0;
  products.unroll = static_cast<int>(number("unroll", 1));
  products.rhs = ReadForm::kPanel;
  products.tail_rows = static_cast<Tail>(number("tail_rows", static_cast<int>(Tail::kGuard)));
  return products;
}

bool UsesForProducts(const Knob& knob) {
  for (const char* name : {"lanes", "vectors", "rows", "inner", "unroll", "tail_rows"}) {
    if (knob.name == name) return true;
  }
  return false;
}

void RepeatBuffers(LoopTree& tree, const ComputeFacts& facts, int64_t points, int64_t weights) {
  constexpr int kWeights = 1;  // Of the product's tensors.
  const std::array<int, 3> tensors = {facts.lhs.access.tensor, facts.rhs.access.tensor,
                                      facts.output.access.tensor};
  tree.packed_bytes *= weights;
  for (LoopBuffer& buffer : tree.buffers) {
    const bool is_register = buffer.scope == BufferScope::kRegister;
    const int64_t copies = is_register ? 1 : buffer.tensor == kWeights ? weights : points;
    buffer.elements *= copies;
    buffer.bytes *= copies;
    if (buffer.scope == BufferScope::kArgument && buffer.tensor != kWeights)
      buffer.scope = BufferScope::kWorkspace;
    buffer.tensor = static_cast<int16_t>(tensors[buffer.tensor]);
  }
  tree.buffers[2].offset_bytes = tree.buffers[0].bytes;
}

ImageBuffers AddImages(LoopTree& tree, const ComputeFacts& facts, const ConvertedImages& converted, int ci,
                       int co) {
  const auto add = [&](int tensor, BufferScope scope) {
    LoopBuffer buffer;
    buffer.scope = scope;
    buffer.tensor = static_cast<int16_t>(tensor);
    buffer.elements = 1;
    for (const int64_t size : facts.compute.tensors[tensor].shape) buffer.elements *= size;
    buffer.bytes = buffer.elements * buffer.element_bytes;
    tree.buffers.push_back(buffer);
    return static_cast<int>(tree.buffers.size()) - 1;
  };
  const auto extent = [&](int axis) { return axis < 0 ? int64_t{1} : facts.compute.axes[axis].extent; };
  const int in = facts.lhs.access.tensor, out = facts.output.access.tensor;
  ImageBuffers images;
  images.given = images.input = add(in, BufferScope::kArgument);
  images.wanted = images.output = add(out, BufferScope::kArgument);
  if (converted.elements() > 0) {
    images.input = add(in, BufferScope::kWorkspace);
    images.output = add(out, BufferScope::kWorkspace);
    images.in_channels = extent(ci);
    images.out_channels = extent(co);
  }
  return images;
}

}  // namespace tunefarm::schedules
