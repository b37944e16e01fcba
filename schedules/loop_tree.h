// The lowered loop nest of one config: what is printed as C, and what the cost model takes its features from.
//
// A tree in a flat vector, built in microseconds: small integers, no strings, no maps. Names, shapes and
// index expressions are in the ComputeDefinition that the tree was lowered from (`Task::loop_compute()`),
// which axis and tensor numbers refer to.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "schedules/compute.h"

namespace tunefarm::schedules {

enum class LoopKind : uint8_t {
  kSerial,
  kUnrolled,    // Written out: a dimension of the register tile, or a short reduction.
  kVectorized,  // One vector register; always innermost, extent = lanes.
  kParallel,    // Iterations are spread over threads. No parallel loop stands inside of a serial one that
                // stands inside of a parallel one.
  kDotGroup,    // The terms that one instruction of a tensorised dot product sums up; innermost.
};

// What happens where a register tile reaches over the end of its axis.
enum class Tail : uint8_t {
  kNone,   // It never does.
  kGuard,  // A smaller tile of its own for the rest.
  kShift,  // The last tile moves inwards and computes some results twice.
  kPad,    // The whole tile is computed on padded operands; only what exists is stored.
};

enum class StatementKind : uint8_t {
  kPack,         // Copies an operand's element (0 outside the tensor) into the layout the inner loops read.
  kInit,         // Accumulators: 0, or the partial sums of an earlier reduction block.
  kMultiplyAdd,  // accumulator += lhs * rhs.
  kStore,        // Accumulators to the output; with the last reduction block, through the epilogue.
  kApply,        // What another formula does with elements: a sum, a maximum, a scaled addition.
};

enum class BufferScope : uint8_t {
  kArgument,   // A tensor as the caller passes it.
  kConstant,   // A constant, packed once by tunefarm_prepare: reading it is free of packing cost.
  kWorkspace,  // Packed or padded while the kernel runs.
  kRegister,   // The tile of accumulators.
};

struct LoopBuffer {
  BufferScope scope = BufferScope::kArgument;
  bool padded_copy =
      false;  // kWorkspace: keeps the tensor's dimensions, with a halo; false: panels in reading order.
  int16_t tensor = -1;  // Of ComputeDefinition::tensors; the output for the accumulators.
  int8_t element_bytes = 4;
  int64_t elements = 0;
  int64_t bytes = 0;
  int64_t offset_bytes = 0;  // Where in the packed area or the workspace it starts; 64-byte aligned.
};

// More loops than any schedule of ours nests: 7 axes, the most any operator has, split twice make 21.
inline constexpr int kMaxLoopDepth = 22;

// One buffer access of a statement. The element's address is linear in the counters (0, 1, 2, ...) of the
// loops around: offset + sum over depth d of strides[d] * counter[d], where d = 0 is the outermost loop of
// the path. Accesses to arguments count in elements of the tensor as if it had no padding (the position may
// lie outside, where 0 is read).
struct LoopAccess {
  uint8_t buffer = 0;
  bool write = false;
  int32_t offset = 0;
  std::array<int32_t, kMaxLoopDepth> strides{};  // In elements; 0 beyond the path's depth.
};

struct LoopNode {
  bool is_loop = true;
  int16_t parent = -1;  // Node number; -1 at the top.
  int16_t end = 0;      // One past the last node inside. Children start at the next node: preorder.
  int16_t depth = 0;    // Loops around this node, which is the index of its stride in LoopAccess::strides.

  // Loops.
  LoopKind kind = LoopKind::kSerial;
  Tail tail = Tail::kNone;  // For loops of the register tile.
  int8_t axis = -1;         // Of ComputeDefinition::axes; -1 for a loop over a dimension of a padded copy.
  int8_t dimension = -1;    // Of the tensor that is copied, where axis is -1.
  uint8_t unroll = 1;       // kSerial: the compiler is asked to unroll by this much.
  int32_t extent = 1;       // Iterations of a whole tile, at the end of the axis possibly less.
  int32_t step = 1;         // How far along the axis one iteration goes.
  float average = 1;  // Iterations on average over the nest; below `extent` where the last tile is shorter.

  // Statements.
  StatementKind statement = StatementKind::kMultiplyAdd;
  int16_t first_access = 0;  // Of LoopTree::accesses. Reads first, the written buffer last.
  int16_t num_accesses = 0;
};

struct LoopTree {
  std::vector<LoopBuffer> buffers;
  std::vector<LoopNode>
      nodes;  // Preorder. Those before `run_begin` are tunefarm_prepare's, the others tunefarm_run's.
  int run_begin = 0;
  std::vector<LoopAccess> accesses;
  int edge_buffer = -1;  // Of `buffers`: where windows that cross an edge of lhs are copied to; -1: nowhere.
  bool clipped_taps = false;  // Taps that lie outside of lhs are left out (schedules/clipped_taps.h).
  int accumulators = 0;       // Vector registers that hold the register tile.
  int vector_lanes = 1;
  int64_t packed_bytes = 0;
  int64_t workspace_bytes = 0;
};

// The nest as indented text, for people: one line a loop or statement, with the buffers each statement
// touches.
std::string DumpLoopTree(const LoopTree& tree, const ComputeDefinition& compute);

}  // namespace tunefarm::schedules
