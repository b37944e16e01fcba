#include "schedules/dot_windows.h"

namespace tunefarm::schedules {

WindowPlan PlanWindow(const ComputeFacts& facts, const DotRoles& roles, const DotKernel& kernel) {
  WindowPlan plan;
  plan.terms = kernel.window_terms;
  if (!roles.taps.empty()) plan.down = roles.taps.front();
  if (roles.taps.size() > 1) plan.across = roles.taps.back();
  if (plan.down >= 0) plan.height = static_cast<int>(facts.compute.axes[plan.down].extent);
  if (plan.across >= 0) plan.columns = static_cast<int>(facts.compute.axes[plan.across].extent);
  plan.groups = (plan.height + plan.terms - 1) / plan.terms;
  return plan;
}

void LayOutWindows(LoopTree& tree, const ComputeFacts& facts, const DotRoles& roles,
                   const DotKernel& kernel) {
  constexpr int64_t kAlignment = 64;
  const int64_t channels = facts.compute.axes[roles.channels].extent;
  for (LoopBuffer& buffer : tree.buffers) {
    if (buffer.scope != BufferScope::kConstant) continue;
    buffer.elements = (channels + kernel.lanes - 1) / kernel.lanes *
                      PlanWindow(facts, roles, kernel).WeightsOf(kernel.lanes);
    buffer.bytes = buffer.elements * buffer.element_bytes;
    tree.packed_bytes = (buffer.bytes + kAlignment - 1) / kAlignment * kAlignment;
  }
}

// A vector has a lane of 128 bits, four channels, for each quarter of the tile's vectors.
int WindowSlot(const DotKernel& kernel, int channel) {
  const int vectors = kernel.window_vectors, words = kernel.lanes / vectors;
  const int lane = channel / (4 * vectors), vector = channel % (4 * vectors) / 4;
  return vector * words + 4 * lane + channel % 4;
}

}  // namespace tunefarm::schedules
