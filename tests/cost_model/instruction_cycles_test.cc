#include "cost_model/instruction_cycles.h"

#include <algorithm>

#include "schedules/schedule_template.h"
#include "tests/catch.h"

namespace tunefarm::cost_model {
namespace {

using namespace schedules;

// for k < 32: for m < 4 (unrolled): for n < 8 (a vector): C[m, n] += A[m, k] * B[k, n], with the reading of C
// as lowering writes it.
LoopTree SmallTile() {
  LoopTree tree;
  tree.buffers.resize(3);
  const int extents[] = {32, 4, 8};
  const LoopKind kinds[] = {LoopKind::kSerial, LoopKind::kUnrolled, LoopKind::kVectorized};
  for (int16_t d = 0; d < 3; ++d) {
    LoopNode loop;
    loop.parent = static_cast<int16_t>(d - 1);
    loop.depth = d;
    loop.end = 4;
    loop.kind = kinds[d];
    loop.extent = extents[d];
    loop.average = static_cast<float>(extents[d]);
    tree.nodes.push_back(loop);
  }
  LoopNode statement;
  statement.is_loop = false;
  statement.parent = 2;
  statement.depth = 3;
  statement.end = 4;
  statement.num_accesses = 4;
  tree.nodes.push_back(statement);
  tree.accesses.resize(4);
  const int strides[4][3] = {{1, 32, 0}, {8, 0, 1}, {0, 8, 1}, {0, 8, 1}};
  const uint8_t buffers[] = {0, 1, 2, 2};
  for (int a = 0; a < 4; ++a) {
    tree.accesses[a].buffer = buffers[a];
    std::copy(strides[a], strides[a] + 3, tree.accesses[a].strides.begin());
  }
  return tree;
}

Target OnePerCycle(int latency) {
  Target target;
  target.fma_per_cycle = 1;
  target.fma_latency = latency;
  return target;
}

}  // namespace

TEST_CASE("OperandsOfAMultiplyAddAreWhatItMultiplies") {
  const auto task =
      *Task::Create(*Workload::Parse("matmul:m=64,n=64,k=64,dtype=f32"), *FindTarget("cortex-a53"));
  const LoopTree tree = *task->Lower(task->space().default_config());
  for (const LoopNode& node : tree.nodes) {
    if (node.is_loop || node.statement != StatementKind::kMultiplyAdd) continue;
    const Operands operands = OperandsOf(tree, node);
    REQUIRE(tree.buffers[operands.lhs.buffer].tensor == task->loop_compute().lhs.tensor);
    REQUIRE(tree.buffers[operands.rhs.buffer].tensor == task->loop_compute().rhs.tensor);
    REQUIRE(tree.buffers[operands.written.buffer].scope == BufferScope::kRegister);
  }
}

TEST_CASE("InstructionsOfASmallTileAreThoseCountedByHand") {
  const InstructionCycles cycles = CountInstructionCycles(SmallTile(), OnePerCycle(4));
  REQUIRE(cycles.multiply == 32 * 4);
  REQUIRE(cycles.load == 32 * (4 * 0.5 + 1));  // A value of A for each row, one vector of B.
  REQUIRE(cycles.gathered == 0);
  REQUIRE(cycles.loop == 32 * 3 + 10);
  REQUIRE(cycles.copy == 0);
}

TEST_CASE("SumsThatAreTooFewWaitForEachOther") {
  REQUIRE(CountInstructionCycles(SmallTile(), OnePerCycle(8)).multiply == 32 * 8);
}

TEST_CASE("LanesThatLieApartAreLoadedOneByOne") {
  LoopTree tree = SmallTile();
  tree.accesses[1].strides = {1, 0, 32};  // B transposed.
  const InstructionCycles cycles = CountInstructionCycles(tree, OnePerCycle(4));
  REQUIRE(cycles.gathered == 32 * 8);
  REQUIRE(cycles.load == 32 * (4 * 0.5 + 8 * 1.5));
}

TEST_CASE("LoopsThatTheCompilerUnrollsTurnLessOften") {
  LoopTree tree = SmallTile();
  tree.nodes[0].unroll = 4;
  REQUIRE(CountInstructionCycles(tree, OnePerCycle(4)).loop == 8 * 3 + 10);
}

}  // namespace tunefarm::cost_model
