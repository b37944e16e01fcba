#include "bench/summary.h"

#include "tests/catch.h"

namespace tunefarm::bench {
namespace {

schedules::Workload Parse(const char* text) {
  const absl::StatusOr<schedules::Workload> workload = schedules::Workload::Parse(text);
  INFO(workload.status().message());
  REQUIRE(workload.ok());
  return *workload;
}

TEST_CASE("SpeedRatioPairsTheRounds") {
  // The machine is half as fast in the second round, for both: each round says 2.
  const Ratio ratio = SpeedRatio({1.0, 2.0, 1.0}, 10, {2.0, 4.0, 2.0}, 10);
  CHECK(ratio.median == Approx(2));
  CHECK(ratio.low == Approx(2));
  CHECK(ratio.high == Approx(2));
}

TEST_CASE("SpeedRatioCountsEachByItsOwnFlop") { CHECK(SpeedRatio({1.0}, 30, {1.0}, 10).median == Approx(3)); }

TEST_CASE("SpeedRatiosIntervalHoldsTheMedian") {
  const Ratio ratio = SpeedRatio({1, 1, 1, 1, 1, 1, 1, 1}, 1, {1, 2, 3, 4, 5, 6, 7, 8}, 1);
  CHECK(ratio.median == Approx(4.5));
  CHECK(ratio.low < 4.5);
  CHECK(ratio.high > 4.5);
  CHECK(SpeedRatio({}, 1, {}, 1).median == 0);
}

TEST_CASE("GeometricMeanOfReciprocalsIsOne") {
  CHECK(GeometricMean({4, 0.25}) == Approx(1));
  CHECK(GeometricMean({2, 4, 8}) == Approx(4));
  CHECK(GeometricMean({}) == 0);
}

TEST_CASE("TheBestPeerIsOneThatCompetes") {
  CHECK(BestOf({100, 80, 90}, {false, true, true}) == 2);
  CHECK(BestOf({100, 80}, {false, false}) == -1);
  CHECK(BestOf({}, {}) == -1);
}

TEST_CASE("ConvolutionsAreGroupedByKernelAndStride") {
  CHECK(GroupOf(Parse("conv2d:n=1,h=9,w=9,ci=3,co=4,kh=3,kw=3,stride=2,pad=1,layout=nhwc")) ==
        "conv2d 3x3 stride 2");
  CHECK(GroupOf(Parse("conv2d:n=1,h=9,w=9,ci=3,co=4,kh=1,kw=1,layout=nchw")) == "conv2d 1x1");
  CHECK(GroupOf(Parse("dense:m=1,n=2,k=3")) == "dense");
  CHECK(GroupOf(Parse("dense:m=1,n=2,k=3,dtype=i8")) == "int8 dense");
}

TEST_CASE("MeansNameTheWorstShapeOfEachGroup") {
  const std::vector<GroupMean> means =
      MeansByGroup({{"dense", "a", 2.0}, {"conv2d", "b", 0.5}, {"dense", "c", 0.5}, {"conv2d", "d", 2.0}});
  REQUIRE(means.size() == 3);
  CHECK(means[0].group == "dense");
  CHECK(means[0].shapes == 2);
  CHECK(means[0].mean == Approx(1));
  CHECK(means[0].worst == Approx(0.5));
  CHECK(means[0].worst_task == "c");
  CHECK(means[1].worst_task == "b");
  CHECK(means[2].group == "all");
  CHECK(means[2].shapes == 4);
}

TEST_CASE("OneGroupNeedsNoTotal") {
  CHECK(MeansByGroup({{"dense", "a", 2.0}}).size() == 1);
  CHECK(MeansByGroup({}).empty());
}

}  // namespace
}  // namespace tunefarm::bench
