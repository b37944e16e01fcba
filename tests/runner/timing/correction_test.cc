#include "runner/timing/correction.h"

#include "runner/timing/reference_baseline.h"
#include "tests/catch.h"

namespace tunefarm {

TEST_CASE("LocalReferenceIsTheMedianOfTwoBeforeAndTwoAfter") {
  // One reading before the first sample, then one after each.
  const std::vector<double> local = LocalReferences(3, {10, 10, 20, 20}, {0, 1, 2, 3});
  // Sample 0: 10 | 10 20. Sample 1: 10 10 | 20 20. Sample 2: 10 20 | 20.
  CHECK(local == std::vector<double>{10, 15, 20});
}

TEST_CASE("ASlowedSampleIsScaledToTheBaseline") {
  // The core runs at three quarters: everything takes a third more.
  const std::vector<double> corrected = CorrectSamples({133, 133}, {40, 40, 40}, {0, 1, 2}, 30);
  CHECK(corrected[0] == Approx(99.75));
}

TEST_CASE("WithoutReadingsOrBaselineSamplesStayAsTheyAre") {
  CHECK(CorrectSamples({5, 6}, {}, {}, 30) == std::vector<double>{5, 6});
  CHECK(CorrectSamples({5, 6}, {40}, {0}, 0) == std::vector<double>{5, 6});
}

TEST_CASE("BaselineIgnoresSlowMoodsAndLuckyMoments") {
  ReferenceBaseline baseline(0);
  CHECK(baseline.Add(100));
  for (int i = 0; i < 100; ++i) CHECK_FALSE(baseline.Add(i % 16 == 0 ? 80 : 130));
  CHECK(baseline.value_us() == 100);
}

TEST_CASE("BaselineFollowsADeviceThatWasFirstSeenInABadMoment") {
  ReferenceBaseline baseline(130);
  bool moved = false;
  for (int i = 0; i < 32; ++i) moved = baseline.Add(100) || moved;
  CHECK(moved);
  CHECK(baseline.value_us() == 100);
}

}  // namespace tunefarm
