#include "schedules/schedule.h"

#include "schedules/lower.h"
#include "tests/catch.h"

namespace tunefarm::schedules {
namespace {

ComputeFacts FactsOf(const char* text) {
  const absl::StatusOr<Workload> workload = Workload::Parse(text);
  INFO(workload.status().message());
  REQUIRE(workload.ok());
  return Analyze(Simplify(DefineCompute(*workload)));
}

void CheckRefused(const absl::Status& status, const std::string& words) {
  INFO(status.message());
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  CHECK(std::string(status.message()).find(words) != std::string::npos);
}

TEST_CASE("APointwiseConvolutionSimplifiesToAMatrixProduct") {
  const ComputeFacts facts = FactsOf("conv2d:n=2,h=7,w=5,ci=3,co=4,kh=1,kw=1,stride=1,pad=0,layout=nhwc");
  REQUIRE(facts.compute.axes.size() == 3);
  CHECK(facts.compute.axes[0].name == "n_oh_ow");
  CHECK(facts.compute.axes[0].extent == 2 * 7 * 5);
  CHECK(facts.lhs.stride == std::vector<int32_t>{3, 0, 1});
  CHECK(facts.rhs.stride == std::vector<int32_t>{0, 3, 1});
  CHECK(facts.output.stride == std::vector<int32_t>{4, 1, 0});
}

TEST_CASE("AxesThatATensorRunsThroughWithGapsAreNotFused") {
  // Stride 2 leaves out every second column and row.
  const ComputeFacts facts = FactsOf("conv2d:n=1,h=8,w=8,ci=3,co=4,kh=1,kw=1,stride=2,pad=0,layout=nhwc");
  REQUIRE(facts.compute.axes.size() == 4);
  CHECK(facts.lhs.stride == std::vector<int32_t>{2 * 8 * 3, 2 * 3, 0, 1});
  CHECK_FALSE(facts.lhs.reads_padding);
  CHECK(FactsOf("conv2d:n=1,h=8,w=8,ci=3,co=4,kh=3,kw=3,pad=1,layout=nhwc").lhs.reads_padding);
  const absl::StatusOr<Workload> workload = Workload::Parse("matmul:m=2,n=3,k=4");
  CheckRefused(Fuse(DefineCompute(*workload), 0).status(), "does not run through m and n as one");
  CheckRefused(Fuse(DefineCompute(*workload), 1).status(), "one of n and k is spatial");
}

TEST_CASE("SplitAndReorderKeepTheOrderOfAnAxis") {
  const ComputeFacts facts = FactsOf("matmul:m=10,n=8,k=6");
  Schedule schedule(facts);
  REQUIRE(schedule.Split(0, 4).ok());
  REQUIRE(schedule.loops().size() == 4);
  CHECK(schedule.loops()[0].extent == 3);  // 4 + 4 + 2.
  CHECK(schedule.loops()[0].step == 4);
  CHECK(schedule.loops()[1].extent == 4);
  CHECK(schedule.loops()[1].step == 1);
  CheckRefused(schedule.Reorder({1, 0, 2, 3}), "m with step 1 would stand outside");
  CheckRefused(schedule.Reorder({0, 0, 2, 3}), "named twice");
  CheckRefused(schedule.Split(1, 3), "does not divide");
  CheckRefused(schedule.Split(9, 2), "no loop 9");
  CHECK(schedule.Reorder({0, 2, 3, 1}).ok());
  CHECK(schedule.loops()[3].axis == 0);
}

TEST_CASE("TileMakesBlocksOfTwoAxes") {
  const ComputeFacts facts = FactsOf("matmul:m=12,n=8,k=6");
  Schedule schedule(facts);
  REQUIRE(schedule.Tile(0, 4, 2).ok());
  REQUIRE(schedule.loops().size() == 5);
  const int axes[] = {0, 1, 0, 1, 2}, steps[] = {4, 2, 1, 1, 1};
  for (int l = 0; l < 5; ++l) {
    CHECK(schedule.loops()[l].axis == axes[l]);
    CHECK(schedule.loops()[l].step == steps[l]);
  }
}

TEST_CASE("PrimitivesRefuseWhatWouldBeWrong") {
  const ComputeFacts facts = FactsOf("matmul:m=12,n=8,k=6");
  Schedule schedule(facts);
  CheckRefused(schedule.Vectorize(2), "k is a reduction");
  CheckRefused(schedule.Vectorize(1), "not the innermost");
  CheckRefused(schedule.Parallel(2), "threads would add to the same results");
  CheckRefused(schedule.Parallel(1), "not among the outermost");
  CheckRefused(schedule.CacheWrite(1), "is not unrolled");
  CheckRefused(schedule.CacheRead(Factor::kLhs, 4), "position 4 is not in 0 .. 3");
  CheckRefused(schedule.ComputeAt(Factor::kLhs, 1), "read directly");
  CheckRefused(schedule.TensorizeOuterProduct(16), "no loop is vectorised");
  CheckRefused(schedule.SetTail(2, Tail::kPad), "not a spatial one");
  REQUIRE(schedule.Reorder({0, 2, 1}).ok());
  REQUIRE(schedule.Vectorize(2).ok());
  REQUIRE(schedule.CacheWrite(1).ok());
  CHECK(schedule.TensorizeOuterProduct(3).ok());
  CheckRefused(schedule.TensorizeOuterProduct(2), "do not fit into 2");
  CHECK(schedule.Validate().ok());
}

TEST_CASE("ATileMayOnlyShiftWhereItsResultsAreStoredOnce") {
  const ComputeFacts facts = FactsOf("matmul:m=10,n=8,k=6");
  const auto tiled = [&](bool blocked_reduction) {
    Schedule schedule(facts);  // m n k.
    REQUIRE(schedule.Split(2, 3).ok());
    REQUIRE(schedule.Split(0, 4).ok());  // m 4 n k 3.
    REQUIRE(
        schedule
            .Reorder(blocked_reduction ? std::vector<int>{0, 3, 4, 1, 2} : std::vector<int>{0, 3, 4, 1, 2})
            .ok());
    REQUIRE(schedule.Unroll(3).ok());
    REQUIRE(schedule.Vectorize(4).ok());
    REQUIRE(schedule.CacheWrite(blocked_reduction ? 2 : 1).ok());
    REQUIRE(schedule.SetTail(0, Tail::kShift).ok());
    return schedule;
  };
  CHECK(tiled(false).Validate().ok());
  CheckRefused(tiled(true).Validate(), "would add twice to partial sums");
  Schedule padded = tiled(false);
  REQUIRE(padded.SetTail(0, Tail::kPad).ok());
  CheckRefused(padded.Validate(), "would read beyond lhs");
  REQUIRE(padded.CacheRead(Factor::kLhs, 1).ok());
  CHECK(padded.Validate().ok());
}

TEST_CASE("OnlyADotProductsCopyHoldsWholeGroups") {
  const ComputeFacts facts = FactsOf("dense:m=4,n=8,k=6,dtype=i8");
  Schedule schedule(facts);  // m n k.
  REQUIRE(schedule.Split(2, 4).ok());
  REQUIRE(schedule.Pad(Factor::kLhs, 0).ok());
  CheckRefused(schedule.WholeGroups(Factor::kLhs), "there is no dot product");
  REQUIRE(schedule.TensorizeDot().ok());
  CheckRefused(schedule.WholeGroups(Factor::kRhs), "the factor has no padded copy");
  CHECK(schedule.WholeGroups(Factor::kLhs).ok());
}

TEST_CASE("ReadingBeyondTheEdgesNeedsACopy") {
  const ComputeFacts facts = FactsOf("conv2d:n=1,h=5,w=5,ci=2,co=4,kh=3,kw=3,pad=1,layout=nhwc");
  Schedule schedule(facts);
  REQUIRE(schedule.Reorder({0, 1, 3, 4, 5, 2}).ok());
  REQUIRE(schedule.Vectorize(5).ok());
  REQUIRE(schedule.CacheWrite(2).ok());
  CheckRefused(schedule.Validate(), "input is read beyond its edges");
  REQUIRE(schedule.Pad(Factor::kLhs, 0).ok());
  CHECK(schedule.Validate().ok());
  REQUIRE(schedule.ComputeAt(Factor::kLhs, 1).ok());
  CHECK(schedule.Validate().ok());
}

}  // namespace
}  // namespace tunefarm::schedules
