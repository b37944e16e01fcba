#include "schedules/tree_builder.h"

#include <utility>

namespace tunefarm::schedules {

TreeBuilder::TreeBuilder(const ComputeFacts& facts) : facts_(facts) {
  const std::vector<Tensor>& tensors = facts.compute.tensors;
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    LoopBuffer buffer;
    buffer.tensor = static_cast<int16_t>(t);
    buffer.element_bytes = BytesOf(tensors[t].dtype);
    buffer.elements = 1;
    for (const int64_t extent : tensors[t].shape) buffer.elements *= extent;
    buffer.bytes = buffer.elements * buffer.element_bytes;
    tree_.buffers.push_back(buffer);
  }
  LoopBuffer accumulators;
  accumulators.scope = BufferScope::kRegister;
  accumulators.tensor = static_cast<int16_t>(tensors.size() - 1);
  tree_.buffers.push_back(accumulators);
}

void TreeBuilder::Open(int axis, int64_t extent, LoopKind kind, int64_t step, int unroll) {
  LoopNode node;
  node.parent = static_cast<int16_t>(open_.empty() ? -1 : open_.back());
  node.depth = static_cast<int16_t>(open_.size());
  node.kind = kind;
  node.axis = static_cast<int8_t>(axis);
  node.unroll = static_cast<uint8_t>(unroll);
  node.extent = static_cast<int32_t>(extent);
  node.step = static_cast<int32_t>(step);
  // All loops over one axis together run as often as it is long.
  double whole = static_cast<double>(facts_.compute.axes[axis].extent);
  for (const int outer : open_) {
    if (tree_.nodes[outer].axis == axis) whole /= tree_.nodes[outer].average;
  }
  node.average = step > 1 ? static_cast<float>(extent) : static_cast<float>(whole);
  open_.push_back(static_cast<int>(tree_.nodes.size()));
  tree_.nodes.push_back(node);
}

void TreeBuilder::Close() {
  tree_.nodes[open_.back()].end = static_cast<int16_t>(tree_.nodes.size());
  open_.pop_back();
}

int TreeBuilder::AddTable(int tensor, int64_t elements) {
  LoopBuffer buffer;
  buffer.scope = BufferScope::kConstant;
  buffer.tensor = static_cast<int16_t>(tensor);
  buffer.elements = elements;
  buffer.bytes = elements * buffer.element_bytes;
  buffer.offset_bytes = tree_.packed_bytes;
  tree_.packed_bytes += buffer.bytes;
  tree_.buffers.push_back(buffer);
  return static_cast<int>(tree_.buffers.size()) - 1;
}

LoopAccess TreeBuilder::AccessTo(int buffer, bool write) const {
  const auto tensors = static_cast<int>(facts_.compute.tensors.size());
  LoopAccess access;
  access.buffer = static_cast<uint8_t>(buffer == kAccumulators ? tensors : buffer);
  access.write = write;
  for (const LinearAccess* linear : {&facts_.lhs, &facts_.rhs, &facts_.output}) {
    if (buffer == kAccumulators || linear->access.tensor != buffer || linear->stride.empty()) continue;
    access.offset = linear->offset;
    for (std::size_t d = 0; d < open_.size(); ++d) {
      const LoopNode& loop = tree_.nodes[open_[d]];
      access.strides[d] = linear->stride[loop.axis] * loop.step;
    }
  }
  return access;
}

void TreeBuilder::Statement(StatementKind kind, const std::vector<int>& reads, int written) {
  LoopNode node;
  node.is_loop = false;
  node.parent = static_cast<int16_t>(open_.empty() ? -1 : open_.back());
  node.depth = static_cast<int16_t>(open_.size());
  node.statement = kind;
  node.first_access = static_cast<int16_t>(tree_.accesses.size());
  for (const int read : reads) tree_.accesses.push_back(AccessTo(read, false));
  tree_.accesses.push_back(AccessTo(written, true));
  node.num_accesses = static_cast<int16_t>(reads.size() + 1);
  tree_.nodes.push_back(node);
  tree_.nodes.back().end = static_cast<int16_t>(tree_.nodes.size());
}

LoopTree TreeBuilder::Take(int accumulators, int lanes) {
  tree_.accumulators = accumulators;
  tree_.vector_lanes = lanes;
  return std::move(tree_);
}

}  // namespace tunefarm::schedules
