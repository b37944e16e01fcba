#include "cost_model/features.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "base/rng.h"
#include "tests/catch.h"

namespace tunefarm::cost_model {
namespace {

using namespace schedules;

std::shared_ptr<const Task> TaskOf(const std::string& workload, const std::string& target) {
  return *Task::Create(*Workload::Parse(workload), *FindTarget(target));
}

float Value(const std::vector<float>& row, const std::string& name) {
  const std::vector<std::string>& names = FeatureNames();
  const auto it = std::find(names.begin(), names.end(), name);
  REQUIRE(it != names.end());
  return row[it - names.begin()];
}

// for m0 < 2: for k < 32: for m1 < 4 (unrolled): for n < 8 (a vector): C[m, n] += A[m, k] * B[k, n], all in
// place. As lowering writes it, C is read and written.
LoopTree SmallMatmul() {
  LoopTree tree;
  tree.buffers.resize(3);
  tree.buffers[2].scope = BufferScope::kRegister;
  tree.accumulators = 4;
  tree.vector_lanes = 8;
  const int extents[] = {2, 32, 4, 8};
  const LoopKind kinds[] = {LoopKind::kSerial, LoopKind::kSerial, LoopKind::kUnrolled, LoopKind::kVectorized};
  const int8_t axes[] = {0, 2, 0, 1};
  for (int16_t d = 0; d < 4; ++d) {
    LoopNode loop;
    loop.parent = static_cast<int16_t>(d - 1);
    loop.depth = d;
    loop.end = 5;
    loop.kind = kinds[d];
    loop.axis = axes[d];
    loop.extent = extents[d];
    loop.average = static_cast<float>(extents[d]);
    tree.nodes.push_back(loop);
  }
  LoopNode statement;
  statement.is_loop = false;
  statement.parent = 3;
  statement.depth = 4;
  statement.end = 5;
  statement.num_accesses = 4;
  tree.nodes.push_back(statement);
  tree.accesses.resize(4);
  const int strides[4][4] = {{4 * 32, 1, 32, 0}, {0, 8, 0, 1}, {4 * 8, 0, 8, 1}, {4 * 8, 0, 8, 1}};
  for (int a = 0; a < 4; ++a) {
    tree.accesses[a].buffer = static_cast<uint8_t>(std::min(a, 2));
    std::copy(strides[a], strides[a] + 4, tree.accesses[a].strides.begin());
  }
  return tree;
}

}  // namespace

TEST_CASE("FeatureNamesAreDistinct") {
  const std::set<std::string> distinct(FeatureNames().begin(), FeatureNames().end());
  REQUIRE(distinct.size() == FeatureNames().size());
  REQUIRE(NumFeatures() == static_cast<int>(distinct.size()));
}

TEST_CASE("FeaturesOfASmallMatmulAreThoseCountedByHand") {
  const ComputeDefinition compute = DefineCompute(*Workload::Parse("matmul:m=8,n=8,k=32,dtype=f32"));
  Target target;
  target.vector_bytes = 32;
  target.vector_registers = 16;
  target.fma_per_cycle = 2;
  target.fma_latency = 4;
  target.l1d_bytes = 1024;
  std::vector<float> row(NumFeatures());
  ExtractFeatures(SmallMatmul(), compute, target, 1, row.data());
  REQUIRE(Value(row, "task.spatial") == Approx(std::log2(1 + 64)));
  REQUIRE(Value(row, "task.reduction") == Approx(std::log2(1 + 32)));
  REQUIRE(Value(row, "nest.waste") == Approx(1));              // 2 * 32 * 4 * 8 multiply-adds, all useful.
  REQUIRE(Value(row, "nest.register_share") == Approx(0.25));  // 4 of 16.
  REQUIRE(Value(row, "nest.chains_share") ==
          Approx(0.5));  // 4 chains of the 8 that 2 units of latency 4 take.
  REQUIRE(Value(row, "tile.multiply_adds") == 4);
  REQUIRE(Value(row, "tile.lhs_loads") == 4);  // A value of A for each row,
  REQUIRE(Value(row, "tile.rhs_loads") == 1);  // one vector of B.
  REQUIRE(Value(row, "loop0.extent") == Approx(std::log2(1 + 8)));
  REQUIRE(Value(row, "loop2.reduction") == 1);
  REQUIRE(Value(row, "loop4.kind") == 0);  // There are four loops.
  // In L1 (1 KiB) fit, from the inside, at k (A: 4 rows of 128 bytes, B: 32 rows of 32 bytes = 1024) no
  // longer both: the tile runs in it (A: 4 pieces of a line, B: a line). A is brought again by k, 256 bytes
  // in each of 64 steps, B likewise, 64 bytes.
  REQUIRE(Value(row, "cache1.lhs_traffic") == Approx(std::log2(1 + 1024.0 * 64 * 256 / 2048)));
  REQUIRE(Value(row, "cache1.rhs_traffic") == Approx(std::log2(1 + 1024.0 * 64 * 64 / 2048)));
  // In L2 all of it fits: 8 rows of A, and B once.
  REQUIRE(Value(row, "cache2.lhs_traffic") == Approx(std::log2(1 + 1024.0 * 1024 / 2048)));
  REQUIRE(Value(row, "cache2.rhs_traffic") == Approx(std::log2(1 + 1024.0 * 1024 / 2048)));
}

TEST_CASE("FeaturesTellHowMuchTheCompilerUnrolls") {
  const ComputeDefinition compute = DefineCompute(*Workload::Parse("matmul:m=8,n=8,k=32,dtype=f32"));
  LoopTree tree = SmallMatmul();
  std::vector<float> row(NumFeatures());
  ExtractFeatures(tree, compute, Target{}, 1, row.data());
  REQUIRE(Value(row, "tile.unroll") == 1);
  REQUIRE(Value(row, "tile.body") == 4);
  tree.nodes[1].unroll = 4;  // The loop over k.
  ExtractFeatures(tree, compute, Target{}, 1, row.data());
  REQUIRE(Value(row, "tile.unroll") == 4);
  REQUIRE(Value(row, "tile.body") == 16);
  tree.nodes[0].unroll = 8;  // There are two iterations to write out, not eight.
  ExtractFeatures(tree, compute, Target{}, 1, row.data());
  REQUIRE(Value(row, "tile.unroll") == 8);
}

TEST_CASE("AnEstimateIsOfTheBusiestThread") {
  const ComputeDefinition compute = DefineCompute(*Workload::Parse("matmul:m=8,n=8,k=32,dtype=f32"));
  LoopTree tree = SmallMatmul();
  const auto cycles = [&](int threads) {
    std::vector<float> row(NumFeatures());
    ExtractFeatures(tree, compute, Target{}, threads, row.data());
    return std::exp2(Value(row, "estimate.total")) - 1;
  };
  const double alone = cycles(1);
  REQUIRE(cycles(2) == Approx(alone));  // Nothing is shared.
  tree.nodes[0].kind = LoopKind::kParallel;
  REQUIRE(cycles(1) == Approx(alone));
  REQUIRE(cycles(2) == Approx(alone / 2).epsilon(1e-3));
  tree.nodes[0].extent = 3;  // Of three iterations one thread gets two, and none gets fewer than one.
  tree.nodes[0].average = 3;
  const double of_three = cycles(1);
  REQUIRE(cycles(2) == Approx(of_three * 2 / 3).epsilon(1e-3));
  REQUIRE(cycles(8) == Approx(of_three / 3).epsilon(1e-3));
}

TEST_CASE("FeaturesOfRhsAreOfWhatIsMultiplied") {
  const auto task = TaskOf("matmul:m=64,n=64,k=64,dtype=f32", "cortex-a53");
  Rng rng(1);
  for (int i = 0; i < 20; ++i) {
    const std::vector<float> row = ExtractRows(*task, {task->space().Sample(rng)});
    REQUIRE(Value(row, "rhs.scope") != static_cast<float>(BufferScope::kRegister));
    REQUIRE(Value(row, "rhs.bytes") > 0);
  }
}

void CheckFeatures(const char* workload, const char* target) {
  INFO(workload << " on " << target);
  const std::shared_ptr<const Task> task = TaskOf(workload, target);
  Rng rng(1);
  std::vector<Config> configs;
  for (int i = 0; i < 40; ++i) configs.push_back(task->space().Sample(rng));
  const std::vector<float> rows = ExtractRows(*task, configs);
  REQUIRE(rows.size() == configs.size() * NumFeatures());
  REQUIRE(std::all_of(rows.begin(), rows.end(), [](float x) { return std::isfinite(x); }));
  REQUIRE(std::any_of(rows.begin(), rows.begin() + NumFeatures(), [](float x) { return x != 0; }));
  REQUIRE(ExtractRows(*task, configs) == rows);
}

TEST_CASE("FeaturesAreFiniteAndRepeatableForEveryOperatorAndTarget") {
  for (const char* workload :
       {"matmul:m=37,n=1,k=129,dtype=f32", "batch_matmul:b=3,m=17,n=64,k=31,dtype=f32",
        "dense:m=1,n=1000,k=512,dtype=f32,epilogue=bias",
        "conv2d:n=1,h=14,w=14,ci=32,co=48,kh=3,kw=3,stride=2,pad=1,layout=nhwc,dtype=f32,epilogue=bias+relu",
        "conv2d:n=1,h=7,w=7,ci=64,co=64,kh=1,kw=1,stride=1,pad=0,layout=nchw,dtype=f32,epilogue=bias+"
        "residual+relu",
        "depthwise_conv2d:n=1,h=28,w=28,c=96,kh=3,kw=3,stride=1,pad=1,layout=nhwc,dtype=f32"}) {
    for (const char* target : {"x86-64-v2", "x86-64-v4", "cortex-a72"}) CheckFeatures(workload, target);
  }
}

// Of which some have one cache, or none.
TEST_CASE("FeaturesOfInt8TasksAreFiniteOnMicrocontrollersToo") {
  for (const char* workload :
       {"dense:m=1,n=10,k=64,dtype=i8,epilogue=bias",
        "conv2d:n=1,h=9,w=9,ci=3,co=8,kh=3,kw=3,stride=2,pad=1,layout=nhwc,dtype=i8,epilogue=bias",
        "depthwise_conv2d:n=1,h=9,w=9,c=8,kh=3,kw=3,stride=1,pad=1,layout=nhwc,dtype=i8,epilogue=bias"}) {
    for (const char* target : {"cortex-m4", "cortex-m7", "cortex-m55", "cortex-a53", "x86-64-v3"}) {
      CheckFeatures(workload, target);
    }
  }
}

TEST_CASE("ConfigsThatDifferHaveRowsThatDiffer") {
  const auto task = TaskOf("matmul:m=512,n=512,k=512,dtype=f32", "x86-64-v3");
  Rng rng(1);
  std::set<std::vector<uint16_t>> configs;
  std::set<std::vector<float>> rows;
  for (int i = 0; i < 300; ++i) {
    const Config config = task->space().Sample(rng);
    configs.insert(config.choice);
    rows.insert(ExtractRows(*task, {config}));
  }
  REQUIRE(rows.size() > 0.9 * static_cast<double>(configs.size()));
}

}  // namespace tunefarm::cost_model
