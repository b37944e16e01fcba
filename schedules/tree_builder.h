// Building the loop tree of a written template, loop by loop: what the cost model and people read of it.
#pragma once

#include <cstdint>
#include <vector>

#include "schedules/compute_facts.h"
#include "schedules/loop_tree.h"

namespace tunefarm::schedules {

class TreeBuilder {
 public:
  // Buffer t of the tree is tensor t; after them come the accumulators. `facts` must outlive it.
  explicit TreeBuilder(const ComputeFacts& facts);

  // A loop around what follows until Close(). One iteration goes `step` along the axis; the last may be
  // shorter.
  void Open(int axis, int64_t extent, LoopKind kind = LoopKind::kSerial, int64_t step = 1, int unroll = 1);
  void Close();
  // A constant area of that many int32 elements for `tensor`, packed by tunefarm_prepare; returns its buffer.
  int AddTable(int tensor, int64_t elements);
  // Reads first, then the written one. `buffers`: a tensor's number reads it where the loops around are; a
  // table reads anywhere; kAccumulators stands for the accumulators.
  void Statement(StatementKind kind, const std::vector<int>& reads, int written);
  static constexpr int kAccumulators = -1;

  // All loops must be closed.
  LoopTree Take(int accumulators, int lanes);

 private:
  LoopAccess AccessTo(int buffer, bool write) const;

  const ComputeFacts& facts_;
  LoopTree tree_;
  std::vector<int> open_;  // Node numbers.
};

}  // namespace tunefarm::schedules
