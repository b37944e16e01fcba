#include "cost_model/instruction_cycles.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>

namespace tunefarm::cost_model {
namespace {

using schedules::LoopAccess;
using schedules::LoopKind;
using schedules::LoopNode;
using schedules::LoopTree;
using schedules::StatementKind;
using schedules::Target;

// In units of a vector instruction. Round figures: on recorded random samples of six tasks, half or double of
// one of them changes the estimate's pairwise accuracy by 0.02 at most.
constexpr double kScalarLoad = 0.5;  // Of a value for all lanes: it goes beside the multiply-adds.
constexpr double kGather = 1.5;      // A lane of a vector whose lanes lie apart: a load and an insertion.
constexpr double kCopy = 2;          // A load and a store.
constexpr double kIteration = 3;     // Counter, address, branch.
// Cycles for the end of a loop, at which the branch goes the other way than predicted.
constexpr double kExit = 10;

int LaneStride(const LoopAccess& access, const LoopPath& path) {
  for (int d = path.depth - 1; d >= 0; --d) {
    if (path.loops[d]->kind == LoopKind::kVectorized) return std::abs(access.strides[d]);
  }
  return 0;
}

class Counter {
 public:
  Counter(const LoopTree& tree, const Target& target)
      : tree_(tree),
        per_cycle_(std::max(1, target.fma_per_cycle)),
        in_flight_(std::max(1, target.fma_latency) * per_cycle_) {}

  InstructionCycles Count() {
    for (std::size_t i = tree_.run_begin; i < tree_.nodes.size(); ++i) {
      const LoopNode& node = tree_.nodes[i];
      if (node.is_loop) {
        AddLoop(node);
      } else if (node.num_accesses >= 2) {
        AddStatement(node);
      }
    }
    cycles_.multiply /= per_cycle_;
    cycles_.load /= per_cycle_;
    cycles_.copy /= per_cycle_;
    return cycles_;
  }

 private:
  void AddLoop(const LoopNode& loop) {
    if (loop.extent == 1 || (loop.kind != LoopKind::kSerial && loop.kind != LoopKind::kParallel)) return;
    const double entered = PathOf(tree_, loop).iterations;
    const double iterations = entered * loop.average / std::min<double>(loop.unroll, loop.extent);
    cycles_.loop += iterations * kIteration / per_cycle_ + entered * kExit;
  }

  void AddStatement(const LoopNode& statement) {
    const LoopPath path = PathOf(tree_, statement);
    const Operands operands = OperandsOf(tree_, statement);
    switch (statement.statement) {
      case StatementKind::kMultiplyAdd:
      case StatementKind::kApply:
        AddMultiplyAdd(path, operands);
        break;
      case StatementKind::kPack:
      case StatementKind::kStore: {
        const bool together = LaneStride(operands.lhs, path) <= 1 && LaneStride(operands.written, path) <= 1;
        cycles_.copy += kCopy * path.iterations / (together ? path.lanes : 1);
        break;
      }
      case StatementKind::kInit:
        break;
    }
  }

  void AddMultiplyAdd(const LoopPath& path, const Operands& operands) {
    const Tile tile = TileOf(path, operands);
    const double vectors = path.iterations / path.lanes / path.group;
    cycles_.multiply += vectors * std::max(1.0, in_flight_ / tile.sums);
    AddLoads(operands.lhs, path, vectors * tile.lhs_loads / tile.multiply_adds);
    AddLoads(operands.rhs, path, vectors * tile.rhs_loads / tile.multiply_adds);
  }

  void AddLoads(const LoopAccess& access, const LoopPath& path, double loads) {
    const int stride = LaneStride(access, path);
    if (stride > 1 && path.group == 1) {
      cycles_.gathered += loads * path.lanes;
      cycles_.load += kGather * loads * path.lanes;
    } else {
      cycles_.load += stride == 0 ? kScalarLoad * loads : loads;
    }
  }

  const LoopTree& tree_;
  const double per_cycle_;
  const double in_flight_;
  InstructionCycles cycles_;
};

}  // namespace

Operands OperandsOf(const LoopTree& tree, const LoopNode& statement) {
  const LoopAccess* accesses = tree.accesses.data() + statement.first_access;
  return {accesses[0], accesses[statement.num_accesses > 2 ? 1 : 0], accesses[statement.num_accesses - 1]};
}

Tile TileOf(const LoopPath& path, const Operands& operands) {
  Tile tile;
  for (int d = path.depth - 1; d >= 0; --d, ++tile.levels) {
    const LoopNode& loop = *path.loops[d];
    if (loop.kind == LoopKind::kVectorized || loop.kind == LoopKind::kDotGroup) continue;
    if (loop.kind != LoopKind::kUnrolled && loop.extent != 1) break;
    tile.multiply_adds *= loop.extent;
    if (operands.written.strides[d] != 0) tile.sums *= loop.extent;
    if (operands.lhs.strides[d] != 0) tile.lhs_loads *= loop.extent;
    if (operands.rhs.strides[d] != 0) tile.rhs_loads *= loop.extent;
  }
  return tile;
}

InstructionCycles CountInstructionCycles(const LoopTree& tree, const Target& target) {
  return Counter(tree, target).Count();
}

}  // namespace tunefarm::cost_model
