#include "cost_model/loop_facts.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <span>

#include "schedules/sharing.h"

namespace tunefarm::cost_model {

using schedules::kMaxLoopDepth;
using schedules::LoopAccess;
using schedules::LoopKind;
using schedules::LoopNode;
using schedules::LoopTree;

LoopPath PathOf(const LoopTree& tree, const LoopNode& statement) {
  LoopPath path;
  path.depth = statement.depth;
  for (int parent = statement.parent; parent >= 0; parent = tree.nodes[parent].parent) {
    const LoopNode& loop = tree.nodes[parent];
    path.loops[loop.depth] = &loop;
    path.iterations *= loop.average;
    if (loop.kind == LoopKind::kVectorized) path.lanes = loop.extent;
    if (loop.kind == LoopKind::kDotGroup) path.group = loop.extent;
  }
  return path;
}

double LargestShare(const LoopPath& path, int threads) {
  std::array<schedules::SharedLoop, kMaxLoopDepth> loops;
  int count = 0;
  for (int d = 0; d < path.depth; ++d) {
    const LoopNode& loop = *path.loops[d];
    if (loop.kind != LoopKind::kParallel) continue;
    loops[count++] = {loop.extent, std::clamp<double>(loop.average, loop.extent - 0.999, loop.extent)};
  }
  return schedules::BusiestShare(std::span(loops).first(count), threads);
}

Footprints FootprintsOf(const LoopAccess& access, const LoopPath& path, int element_bytes) {
  // Depths by ascending stride, those that move the access only.
  std::array<int, kMaxLoopDepth> order{};
  int moving = 0;
  for (int d = 0; d < path.depth; ++d) {
    if (access.strides[d] == 0 || path.loops[d]->extent == 1) continue;
    int at = moving++;
    const int64_t stride = std::abs(int64_t{access.strides[d]});
    for (; at > 0 && std::abs(int64_t{access.strides[order[at - 1]]}) > stride; --at)
      order[at] = order[at - 1];
    order[at] = d;
  }
  Footprints result{};
  for (int level = path.depth; level >= 0; --level) {
    if (level < path.depth && (access.strides[level] == 0 || path.loops[level]->extent == 1)) {
      result[level] = result[level + 1];
      continue;
    }
    double run = 1;     // Elements in one piece.
    double pieces = 1;  // Pieces that are apart.
    for (int i = 0; i < moving; ++i) {
      const int d = order[i];
      if (d < level) continue;
      const double stride = std::abs(static_cast<double>(access.strides[d]));
      const double extent = path.loops[d]->extent;
      if (stride <= run) {
        run += stride * (extent - 1);
      } else {
        pieces *= extent;
      }
    }
    result[level] = pieces * std::ceil(run * element_bytes / kCacheLineBytes) * kCacheLineBytes;
  }
  return result;
}

double Traffic(const LoopAccess& access, const LoopPath& path, const Footprints& footprints, int level) {
  double bytes = footprints[level];
  bool reused = true;
  for (int d = level - 1; d >= 0; --d) {
    reused = reused && access.strides[d] == 0;
    if (!reused) bytes *= path.loops[d]->average;
  }
  return bytes;
}

int FittingLevel(const std::vector<Footprints>& footprints, const LoopPath& path, double cache_bytes) {
  int level = path.depth;
  for (; level > 0; --level) {
    double total = 0;
    for (const Footprints& footprint : footprints) total += footprint[level - 1];
    if (total > cache_bytes) break;
  }
  return level;
}

}  // namespace tunefarm::cost_model
