// Building the loop tree of a written template around the nest of a matrix product that the tiling rule
// lowered.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "schedules/loop_tree.h"

namespace tunefarm::schedules {

// Adds loops and statements around and beside a lowered nest.
class NestBuilder {
 public:
  explicit NestBuilder(LoopTree& tree) : tree_(tree) {}

  void Open(int axis, int64_t extent, int64_t step, LoopKind kind) {
    LoopNode node = At();
    node.kind = kind;
    node.axis = static_cast<int8_t>(axis);
    node.extent = static_cast<int32_t>(extent);
    node.step = static_cast<int32_t>(step);
    node.average = static_cast<float>(extent);
    open_.push_back(static_cast<int16_t>(tree_.nodes.size()));
    tree_.nodes.push_back(node);
  }
  void Close() {
    tree_.nodes[open_.back()].end = static_cast<int16_t>(tree_.nodes.size());
    open_.pop_back();
  }
  // A statement that reads one buffer and writes another; strides by open loop.
  void Statement(StatementKind kind, int from, const std::vector<int64_t>& from_strides, int to,
                 const std::vector<int64_t>& to_strides) {
    LoopNode node = At();
    node.is_loop = false;
    node.statement = kind;
    node.end = static_cast<int16_t>(tree_.nodes.size() + 1);
    node.first_access = static_cast<int16_t>(tree_.accesses.size());
    node.num_accesses = 2;
    tree_.nodes.push_back(node);
    for (const bool write : {false, true}) {
      LoopAccess access;
      access.buffer = static_cast<uint8_t>(write ? to : from);
      access.write = write;
      const std::vector<int64_t>& strides = write ? to_strides : from_strides;
      for (std::size_t d = 0; d < strides.size(); ++d) access.strides[d] = static_cast<int32_t>(strides[d]);
      tree_.accesses.push_back(access);
    }
  }
  // A nest that copies images whose channels are planes (`from_planes`) to ones whose pixels lie together, or
  // back.
  void Conversion(StatementKind kind, LoopKind loop, bool from_planes, int pixel_axis, int64_t pixels,
                  int channel_axis, int64_t channels, int64_t lanes, int from, int to) {
    Open(pixel_axis, (pixels + lanes - 1) / lanes, lanes, loop);
    Open(channel_axis, channels, 1, LoopKind::kSerial);
    Open(pixel_axis, lanes, 1, LoopKind::kVectorized);
    const std::vector<int64_t> planes = {lanes, pixels, 1}, together = {lanes * channels, 1, channels};
    Statement(kind, from, from_planes ? planes : together, to, from_planes ? together : planes);
    for (int i = 0; i < 3; ++i) Close();
  }
  // The nodes of a nest that was at the top, inside the open loops, which do not move its accesses.
  void Nest(const std::vector<LoopNode>& nodes, int first) {
    const int depth = static_cast<int>(open_.size());
    const int shift = static_cast<int>(tree_.nodes.size()) - first;
    for (LoopNode node : nodes) {
      node.parent = node.parent < 0 ? At().parent : static_cast<int16_t>(node.parent + shift);
      node.end = static_cast<int16_t>(node.end + shift);
      node.depth = static_cast<int16_t>(node.depth + depth);
      for (int a = 0; !node.is_loop && a < node.num_accesses; ++a) {
        std::array<int32_t, kMaxLoopDepth>& strides = tree_.accesses[node.first_access + a].strides;
        std::copy_backward(strides.begin(), strides.end() - depth, strides.end());
        std::fill_n(strides.begin(), depth, 0);
      }
      tree_.nodes.push_back(node);
    }
  }

 private:
  LoopNode At() const {
    LoopNode node;
    node.parent = open_.empty() ? int16_t{-1} : open_.back();
    node.depth = static_cast<int16_t>(open_.size());
    return node;
  }
  LoopTree& tree_;
  std::vector<int16_t> open_;
};

}  // namespace tunefarm::schedules
