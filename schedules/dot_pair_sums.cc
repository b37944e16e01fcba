#include "schedules/dot_pair_sums.h"

#include <numeric>

namespace tunefarm::schedules {
namespace {

constexpr int64_t kAlignment = 64;

// The dimension of the input that an axis moves in; -1: none.
int DimensionOf(const TensorAccess& access, int axis) {
  for (std::size_t d = 0; d < access.index.size(); ++d) {
    for (const AffineTerm& term : access.index[d].terms) {
      if (term.axis == axis) return static_cast<int>(d);
    }
  }
  return -1;
}

}  // namespace

PairSums AddPairSums(LoopTree& tree, const ComputeFacts& facts, const DotRoles& roles, int threads) {
  PairSums sums;
  int pack = -1, multiply_add = -1;
  for (std::size_t n = tree.run_begin; n < tree.nodes.size(); ++n) {
    const LoopNode& node = tree.nodes[n];
    if (node.is_loop) continue;
    if (node.statement == StatementKind::kPack) pack = static_cast<int>(n);
    if (node.statement == StatementKind::kMultiplyAdd) multiply_add = static_cast<int>(n);
  }
  const LoopAccess& reading = tree.accesses[tree.nodes[multiply_add].first_access];
  sums.copy = reading.buffer;
  const int last = static_cast<int>(facts.lhs.access.index.size()) - 1;

  // Along the last dimension of the copy: where windows may begin.
  constexpr int64_t kGroup = 4;
  sums.groups = (facts.compute.axes[roles.k].extent + kGroup - 1) / kGroup;
  for (const AffineTerm& term : facts.lhs.access.index[last].terms) {
    if (term.axis != roles.k) sums.step = std::gcd(sums.step, term.coefficient);
  }
  int64_t rows = 1;
  bool parallel = false;
  for (int n = tree.nodes[pack].parent; n >= 0; n = tree.nodes[n].parent) {
    const LoopNode& loop = tree.nodes[n];
    if (loop.axis < 0 && loop.dimension == last) sums.row = loop.extent;
    if (loop.axis < 0 && loop.dimension != last) rows *= loop.extent;
    parallel = parallel || loop.kind == LoopKind::kParallel;
  }
  sums.windows = sums.step == 0 ? 1 : (sums.row - sums.groups * kGroup) / sums.step + 1;

  for (int n = tree.nodes[multiply_add].parent; n >= 0; n = tree.nodes[n].parent) {
    const LoopNode& loop = tree.nodes[n];
    if (loop.axis == roles.k) continue;
    const int32_t stride = reading.strides[loop.depth];
    if (stride == 0) continue;
    sums.access.strides[loop.depth] = static_cast<int32_t>(DimensionOf(facts.lhs.access, loop.axis) == last
                                                               ? stride / sums.step
                                                               : stride / sums.row * sums.windows);
  }

  LoopBuffer buffer;
  buffer.scope = BufferScope::kWorkspace;
  buffer.padded_copy = true;
  buffer.tensor = static_cast<int16_t>(facts.lhs.access.tensor);
  buffer.elements = rows * sums.windows;
  buffer.bytes = buffer.elements * buffer.element_bytes;
  buffer.offset_bytes = tree.workspace_bytes;
  tree.workspace_bytes +=
      (buffer.bytes + kAlignment - 1) / kAlignment * kAlignment * (parallel ? threads : 1);
  sums.buffer = static_cast<int>(tree.buffers.size());
  sums.access.buffer = static_cast<uint8_t>(sums.buffer);
  tree.buffers.push_back(buffer);
  return sums;
}

}  // namespace tunefarm::schedules
