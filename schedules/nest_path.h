// The loops that are open at a place in the printed nest, and the addresses that follow from them.
#pragma once

#include <string>
#include <vector>

#include "schedules/c_text.h"
#include "schedules/compute_facts.h"
#include "schedules/loop_tree.h"

namespace tunefarm::schedules {

// An open loop. Variables count along the axis, not iterations: "ow1" runs from "ow0" in steps.
struct OpenLoop {
  const LoopNode* node = nullptr;
  std::string name;    // The C variable.
  std::string origin;  // Where it starts: the variable of the loop around on the same axis; empty: 0.
  std::string
      base;  // Where the loops inside start, and what addresses of tensors use: `name`, or its shifted tile.
  std::string value;  // What is read from tensors: `base`, or its clamped value.
};

class NestPath {
 public:
  NestPath(const LoopTree& tree, const ComputeFacts& facts) : tree_(tree), facts_(facts) {}

  // Opens a loop. The returned reference is good until the next Push.
  OpenLoop& Push(const LoopNode& node) {
    OpenLoop loop;
    loop.node = &node;
    if (node.axis >= 0) {
      int level = 0;
      for (const OpenLoop& outer : loops_) level += outer.node->axis == node.axis;
      loop.name = absl::StrCat(facts_.compute.axes[node.axis].name, level);
      if (const OpenLoop* outer = Innermost(node.axis)) loop.origin = outer->base;
    } else {
      loop.name = absl::StrCat("i", static_cast<int>(node.dimension));
    }
    loop.base = loop.value = loop.name;
    loops_.push_back(loop);
    return loops_.back();
  }
  void Pop() { loops_.pop_back(); }
  std::size_t size() const { return loops_.size(); }
  OpenLoop& operator[](std::size_t depth) { return loops_[depth]; }

  // The innermost open loop of the axis; null when there is none, so that the axis stands at 0.
  OpenLoop* Innermost(int axis) {
    for (std::size_t d = loops_.size(); d-- > 0;) {
      if (loops_[d].node->axis == axis) return &loops_[d];
    }
    return nullptr;
  }

  // First value not reached by a loop that is about to be opened inside the open ones.
  std::string End(const LoopNode& node) {
    if (node.axis < 0) return absl::StrCat(node.extent);
    const int64_t extent = facts_.compute.axes[node.axis].extent;
    const OpenLoop* outer = Innermost(node.axis);
    if (outer == nullptr) return absl::StrCat(extent);
    const std::string end = absl::StrCat(outer->base, " + ", outer->node->step);
    return extent % outer->node->step == 0 ? end : absl::StrCat("min_long(", end, ", ", extent, ")");
  }

  // The tensor element that the access stands at, from the values of the axes; with dimensions of a padded
  // copy on top.
  CSum TensorAddress(const LinearAccess& access) {
    CSum sum(access.offset);
    for (std::size_t axis = 0; axis < access.stride.size(); ++axis) {
      if (const OpenLoop* loop = Innermost(static_cast<int>(axis))) sum.Add(loop->value, access.stride[axis]);
    }
    for (const OpenLoop& loop : loops_) {
      if (loop.node->axis < 0) sum.Add(loop.name, access.tensor_strides[loop.node->dimension]);
    }
    return sum;
  }

  // The element of a copy, from the position of each open loop in its tile.
  CSum CopyAddress(const LoopAccess& access) {
    CSum sum(access.offset);
    const bool padded_copy = tree_.buffers[access.buffer].padded_copy;
    for (std::size_t d = 0; d < loops_.size(); ++d) {
      const OpenLoop& loop = loops_[d];
      if (access.strides[d] == 0) continue;
      // Panels have a slot for each tile; a padded copy is addressed by where the tile really is.
      const std::string& at = padded_copy ? loop.base : loop.name;
      const std::string relative = loop.origin.empty() ? at : absl::StrCat("(", at, " - ", loop.origin, ")");
      sum.Add(relative, access.strides[d] / loop.node->step);
    }
    return sum;
  }

 private:
  const LoopTree& tree_;
  const ComputeFacts& facts_;
  std::vector<OpenLoop> loops_;
};

}  // namespace tunefarm::schedules
