#include "schedules/dot_pair_sums.h"

#include "schedules/lower.h"
#include "schedules/window.h"
#include "tests/catch.h"

namespace tunefarm::schedules {
namespace {

struct Lowered {
  PairSums sums;
  LoopTree tree;
};

// A tile of one vector and two rows of the paired micro-kernel, the whole input copied at once.
Lowered Lower(const char* text, int threads = 1) {
  const Target target = FindTarget("x86-64-v3").value();
  const Workload workload = Workload::Parse(text).value();
  const ComputeFacts facts = Analyze(FuseWindow(Simplify(DefineCompute(workload))));
  const DotRule rule(facts, target, threads);
  DotPlan plan;
  for (const DotKernel* kernel : DotKernelsOf(target)) {
    if (kernel->paired) plan.kernel = kernel;
  }
  plan.rows = 2;
  plan.lhs = ReadForm::kPaddedCopy;
  const absl::StatusOr<Schedule> schedule = rule.MakeSchedule(plan);
  INFO(schedule.status().message());
  REQUIRE(schedule.ok());
  absl::StatusOr<LoopTree> tree = schedules::Lower(*schedule, threads);
  INFO(tree.status().message());
  REQUIRE(tree.ok());
  Lowered result;
  result.sums = AddPairSums(*tree, facts, rule.roles(), threads);
  result.tree = *std::move(tree);
  return result;
}

TEST_CASE("ARowOfAMatrixHasOnePairSum") {
  const Lowered lowered = Lower("dense:m=6,n=8,k=10,dtype=i8");
  CHECK(lowered.sums.row == 12);  // Whole groups.
  CHECK(lowered.sums.groups == 3);
  CHECK(lowered.sums.windows == 1);
  CHECK(lowered.tree.buffers[lowered.sums.buffer].elements == 6);
}

// 3x3 windows of 5 channels with stride 2 in 9x8, padded by 1: 5x4 results.
TEST_CASE("EachRowOfAWindowHasAPairSum") {
  const Lowered lowered = Lower("conv2d:n=1,h=9,w=8,ci=5,co=8,kh=3,kw=3,stride=2,pad=1,layout=nhwc,dtype=i8");
  CHECK(lowered.sums.groups == 4);         // 15 terms.
  CHECK(lowered.sums.step == 10);          // Two pixels.
  CHECK(lowered.sums.row == 3 * 10 + 16);  // From the first window's begin to the last one's end.
  CHECK(lowered.sums.windows == 4);
  CHECK(lowered.tree.buffers[lowered.sums.buffer].elements == 11 * 4);
}

TEST_CASE("PairSumsAreFoundAlongAllAxesButTheTermsOfAGroup") {
  const Lowered lowered = Lower("conv2d:n=2,h=9,w=8,ci=5,co=8,kh=3,kw=3,stride=2,pad=1,layout=nhwc,dtype=i8");
  const LoopTree& tree = lowered.tree;
  int64_t images = 0, lines = 0, columns = 0, window_rows = 0;
  for (const LoopNode& node : tree.nodes) {
    if (node.is_loop || node.statement != StatementKind::kMultiplyAdd) continue;
    for (int n = node.parent; n >= 0; n = tree.nodes[n].parent) {
      const LoopNode& loop = tree.nodes[n];
      const int64_t stride = lowered.sums.access.strides[loop.depth];
      // Axes n, oh, ow, co, kh, kw_ci.
      if (loop.axis == 0) images = stride;
      if (loop.axis == 1) lines = stride;
      if (loop.axis == 2 && loop.step == 1) columns = stride;
      if (loop.axis == 4) window_rows = stride;
      if (loop.axis == 3 || loop.axis == 5) CHECK(stride == 0);
    }
  }
  CHECK(images == 11 * 4);
  CHECK(lines == 2 * 4);
  CHECK(columns == 1);
  CHECK(window_rows == 4);
}

}  // namespace
}  // namespace tunefarm::schedules
