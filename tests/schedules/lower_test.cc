#include "schedules/lower.h"

#include "schedules/c_printer.h"
#include "tests/catch.h"

namespace tunefarm::schedules {
namespace {

ComputeFacts FactsOf(const char* text) {
  const absl::StatusOr<Workload> workload = Workload::Parse(text);
  INFO(workload.status().message());
  REQUIRE(workload.ok());
  return Analyze(Simplify(DefineCompute(*workload)));
}

// m=10 in tiles of 4 rows, n=8 as one vector of 8, k=6.
Schedule SmallMatmul(const ComputeFacts& facts) {
  Schedule schedule(facts);
  REQUIRE(schedule.Split(0, 4).ok());            // m0 m1 n k
  REQUIRE(schedule.Reorder({0, 3, 1, 2}).ok());  // m0 k m1 n
  REQUIRE(schedule.Unroll(2).ok());
  REQUIRE(schedule.Vectorize(3).ok());
  REQUIRE(schedule.CacheWrite(1).ok());
  return schedule;
}

const LoopNode& Only(const LoopTree& tree, StatementKind kind) {
  const LoopNode* found = nullptr;
  for (const LoopNode& node : tree.nodes) {
    if (!node.is_loop && node.statement == kind) {
      REQUIRE(found == nullptr);
      found = &node;
    }
  }
  REQUIRE(found != nullptr);
  return *found;
}

TEST_CASE("StridesFollowFromTheIndexExpressions") {
  const ComputeFacts facts = FactsOf("matmul:m=10,n=8,k=6");
  const absl::StatusOr<LoopTree> tree = Lower(SmallMatmul(facts), 1);
  REQUIRE(tree.ok());
  CHECK(tree->accumulators == 4);
  CHECK(tree->vector_lanes == 8);
  CHECK(tree->workspace_bytes == 0);
  const LoopNode& multiply_add = Only(*tree, StatementKind::kMultiplyAdd);
  CHECK(multiply_add.depth == 4);
  REQUIRE(multiply_add.num_accesses == 4);
  const LoopAccess* access = &tree->accesses[multiply_add.first_access];
  // By loop m0 (steps of 4), k, m1, n. lhs is [10][6], rhs [6][8]; the accumulators are 4 rows of 8.
  const auto strides = [](const LoopAccess& a) {
    return std::vector<int32_t>(a.strides.begin(), a.strides.begin() + 4);
  };
  CHECK(strides(access[0]) == std::vector<int32_t>{24, 1, 6, 0});
  CHECK(strides(access[1]) == std::vector<int32_t>{0, 8, 0, 1});
  CHECK(strides(access[2]) == std::vector<int32_t>{0, 0, 8, 1});
  CHECK(access[3].write);
  // Three tiles of rows hold 10: 3.33 on average, because the rest is guarded.
  CHECK(tree->nodes[0].extent == 3);
  CHECK(tree->nodes[1].average == Approx(10.0 / 3));
  CHECK(tree->nodes[1].tail == Tail::kGuard);
}

TEST_CASE("PanelsAreLaidOutInReadingOrder") {
  const ComputeFacts facts = FactsOf("matmul:m=10,n=8,k=6");
  Schedule schedule = SmallMatmul(facts);
  REQUIRE(schedule.CacheRead(Factor::kLhs, 1).ok());
  REQUIRE(schedule.CacheRead(Factor::kRhs, 0).ok());
  const absl::StatusOr<LoopTree> tree = Lower(schedule, 1);
  REQUIRE(tree.ok());
  const LoopAccess* access = &tree->accesses[Only(*tree, StatementKind::kMultiplyAdd).first_access];
  // Within a tile of rows: 6 steps of k with 4 rows each.
  CHECK(access[0].strides[0] == 0);
  CHECK(access[0].strides[1] == 4);
  CHECK(access[0].strides[2] == 1);
  CHECK(tree->buffers[access[0].buffer].bytes == 6 * 4 * 4);
  CHECK(tree->buffers[access[1].buffer].bytes == 6 * 8 * 4);
  // 96 and 192 bytes, each rounded up to 64.
  CHECK(tree->workspace_bytes == 128 + 192);
}

TEST_CASE("ConstantsArePackedBeforeTheRun") {
  const ComputeFacts facts = FactsOf("dense:m=10,n=8,k=6");
  Schedule schedule = SmallMatmul(facts);
  REQUIRE(schedule.CacheRead(Factor::kRhs, 0).ok());
  const absl::StatusOr<LoopTree> tree = Lower(schedule, 1);
  REQUIRE(tree.ok());
  CHECK(tree->run_begin == 3);  // Loops of k and n and the copy.
  CHECK(tree->packed_bytes == 6 * 8 * 4);
  CHECK(tree->workspace_bytes == 0);
}

TEST_CASE("APaddedCopyHoldsTheHaloOfItsBlock") {
  const ComputeFacts facts = FactsOf("conv2d:n=1,h=9,w=9,ci=2,co=4,kh=3,kw=3,stride=2,pad=1,layout=nhwc");
  Schedule schedule(facts);  // oh ow co kh kw ci, 5 x 5 x 4 outputs.
  REQUIRE(schedule.Reorder({0, 1, 3, 4, 5, 2}).ok());
  REQUIRE(schedule.Vectorize(5).ok());
  REQUIRE(schedule.CacheWrite(2).ok());
  REQUIRE(schedule.Pad(Factor::kLhs, 0).ok());
  absl::StatusOr<LoopTree> tree = Lower(schedule, 1);
  REQUIRE(tree.ok());
  // 5 outputs in steps of 2 and a window of 3 read (5 - 1) * 2 + 3 = 11 rows and columns of 2 channels.
  CHECK(tree->workspace_bytes == (11 * 11 * 2 * 4 + 63) / 64 * 64);
  REQUIRE(schedule.ComputeAt(Factor::kLhs, 1).ok());
  tree = Lower(schedule, 1);
  REQUIRE(tree.ok());
  // For one output row: 3 input rows.
  CHECK(tree->workspace_bytes == (3 * 11 * 2 * 4 + 63) / 64 * 64);
}

TEST_CASE("CopiesInsideParallelLoopsExistPerThread") {
  const ComputeFacts facts = FactsOf("matmul:m=10,n=8,k=6");
  Schedule schedule = SmallMatmul(facts);
  REQUIRE(schedule.CacheRead(Factor::kLhs, 1).ok());
  REQUIRE(schedule.Parallel(0).ok());
  CHECK(Lower(schedule, 3)->workspace_bytes == 3 * 128);
  REQUIRE(schedule.ComputeAt(Factor::kLhs, 0).ok());
  CHECK(Lower(schedule, 3)->workspace_bytes == 12 * 6 * 4 + 32);  // 288, rounded up to 320.
}

TEST_CASE("TheNestIsReadableAsText") {
  const ComputeFacts facts = FactsOf("matmul:m=10,n=8,k=6,epilogue=bias");
  Schedule schedule = SmallMatmul(facts);
  REQUIRE(schedule.CacheRead(Factor::kLhs, 1).ok());
  CHECK(DumpLoopTree(*Lower(schedule, 1), facts.compute) ==
        "packed_lhs: 96 bytes of workspace\n"
        "run:\n"
        "  for m in 3 tiles of 4\n"
        "    for k in 6\n"
        "      for m in 4 (tail: guard)\n"
        "        pack: lhs -> packed_lhs\n"
        "    for m in 4 unrolled (tail: guard)\n"
        "      for n in 8 vectorized\n"
        "        init: -> accumulators\n"
        "    for k in 6\n"
        "      for m in 4 unrolled (tail: guard)\n"
        "        for n in 8 vectorized\n"
        "          multiply_add: packed_lhs rhs accumulators -> accumulators\n"
        "    for m in 4 unrolled (tail: guard)\n"
        "      for n in 8 vectorized\n"
        "        store: accumulators bias -> output\n");
}

TEST_CASE("PrintedKernelsNameTheirAccumulators") {
  const ComputeFacts facts = FactsOf("matmul:m=10,n=8,k=6");
  const std::string c = PrintC(*Lower(SmallMatmul(facts), 1), facts, {"title", "config", 1});
  for (const char* words :
       {"// title\n// config\n", "vector_size(32)", "if (m0 + 4 <= 10) {", "vec acc_3 = {0};",
        "float* restrict output = arguments[2];", "for (long k0 = 0; k0 < 6; ++k0) {"}) {
    INFO(c << "\n does not contain: " << words);
    const bool named = c.find(words) != std::string::npos;
    CHECK(named);
  }
  // Whole tiles have four rows of accumulators, the rest of 10 rows two.
  std::size_t initialised = 0;
  for (std::size_t at = c.find("vec acc_"); at != std::string::npos; at = c.find("vec acc_", at + 1))
    ++initialised;
  CHECK(initialised == 4 + 2);
}

}  // namespace
}  // namespace tunefarm::schedules
