#include "cost_model/ranking_metrics.h"

#include "tests/catch.h"

namespace tunefarm::cost_model {

TEST_CASE("PairwiseAccuracyCountsPairsInTheRightOrder") {
  // Pairs of 1 2 3 against 1 3 2: (1,2) right, (1,3) right, (2,3) wrong.
  const PairwiseAccuracy accuracy = ComputePairwiseAccuracy({1, 3, 2}, {1, 2, 3});
  REQUIRE(accuracy.pairs == 3);
  REQUIRE(accuracy.accuracy == Approx(2.0 / 3));
}

TEST_CASE("EqualTruthsAreNoPairAndEqualPredictionsAreHalfRight") {
  // Truth 0 0 1 has two pairs; the first is predicted equal, the second rightly.
  const PairwiseAccuracy accuracy = ComputePairwiseAccuracy({5, 2, 5}, {0, 0, 1});
  REQUIRE(accuracy.pairs == 2);
  REQUIRE(accuracy.accuracy == Approx(0.75));
}

TEST_CASE("NothingToOrderIsChance") {
  REQUIRE(ComputePairwiseAccuracy({}, {}).accuracy == 0.5);
  REQUIRE(ComputePairwiseAccuracy({1, 2}, {3, 3}).pairs == 0);
}

TEST_CASE("RecallIsTheShareOfTheBestThatWereFound") {
  // Truly best two: positions 3, 2. Predicted best two: 3, 0.
  REQUIRE(RecallAt(2, {5, 1, 2, 9}, {1, 2, 3, 4}) == Approx(0.5));
  REQUIRE(RecallAt(4, {5, 1, 2, 9}, {1, 2, 3, 4}) == Approx(1.0));
  REQUIRE(RecallAt(9, {5, 1, 2, 9}, {1, 2, 3, 4}) == Approx(1.0));
  REQUIRE(RecallAt(3, {}, {}) == 0);
}

TEST_CASE("BeyondChanceNeedsMoreThanTwoDeviationsOfKendallsTau") {
  // n = 10: variance 2 * 25 / (9 * 10 * 9) = 0.06173, deviation 0.24845, so tau > 0.49690, accuracy >
  // 0.74845.
  REQUIRE_FALSE(BetterThanChance(0.748, 10));
  REQUIRE(BetterThanChance(0.749, 10));
  REQUIRE_FALSE(BetterThanChance(1, 1));
}

}  // namespace tunefarm::cost_model
