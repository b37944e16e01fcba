#include "runner/timing/robust_stats.h"

#include "tests/catch.h"

namespace tunefarm {

TEST_CASE("MedianIsTheMiddleOrTheMeanOfTheTwoMiddleValues") {
  CHECK(Median({}) == 0);
  CHECK(Median({7}) == 7);
  CHECK(Median({9, 1, 5}) == 5);
  CHECK(Median({1, 2, 4, 100}) == 3);
}

TEST_CASE("QuantileInterpolatesBetweenNeighbours") {
  CHECK(Quantile({10, 20, 30, 40, 50}, 0.25) == 20);
  CHECK(Quantile({10, 20}, 0.1) == Approx(11));
}

// P(Binomial(n, 1/2) <= k), by hand: n = 5: k = 0 gives 1/32 = 3.1 %, too much. n = 6: 1/64 = 1.6 %, so the
// interval is the whole range. n = 8: k = 0: 0.4 %, k = 1: 9/256 = 3.5 %. n = 9: k = 1: 10/512 = 1.95 %, so
// one is skipped. n = 12: k = 2: 79/4096 = 1.93 %, k = 3: 299/4096 = 7.3 %, so two are skipped.
TEST_CASE("MedianIntervalSkipsAsManyAsTheBinomialAllows") {
  CHECK(MedianIntervalRank(5) == 0);
  CHECK(MedianIntervalRank(6) == 0);
  CHECK(MedianIntervalRank(8) == 0);
  CHECK(MedianIntervalRank(9) == 1);
  CHECK(MedianIntervalRank(12) == 2);
  const Interval interval = MedianInterval95({12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1});
  CHECK(interval.low == 3);
  CHECK(interval.high == 10);
}

}  // namespace tunefarm
