#include "tuner/confirmation.h"

#include <cmath>

#include "base/rng.h"
#include "tests/catch.h"

namespace tunefarm::tuner {
namespace {

Confirmation Of(std::initializer_list<int> trials) {
  Confirmation confirmation;
  for (int trial : trials) {
    Proposal kernel;
    kernel.trial = trial;
    confirmation.kernels.push_back(kernel);
  }
  return confirmation;
}

// `rounds` samples around `us`, all kernels of a round drifting together by up to a quarter, and by 0.5 % on
// their own.
std::vector<std::vector<double>> Drifting(const std::vector<double>& us, int rounds, uint64_t seed) {
  Rng rng(seed);
  std::vector<std::vector<double>> samples(us.size());
  for (int i = 0; i < rounds; ++i) {
    const double drift = 1 + 0.25 * rng.UniformDouble();
    for (std::size_t k = 0; k < us.size(); ++k) {
      samples[k].push_back(us[k] * drift * (1 + 0.01 * (rng.UniformDouble() - 0.5)));
    }
  }
  return samples;
}

}  // namespace

TEST_CASE("IntervalOfTheMedianIsByOrderStatistics") {
  // Nine ratios 1.1, 1.2, ... 1.9. P(Binomial(9, 1/2) < 2) = 10 / 512 = 0.0195 <= 0.025, < 3: 46 / 512 is
  // more, so the second smallest and second largest bound the median at 95 %.
  std::vector<double> a(9, 1.0), b;
  for (int i = 9; i >= 1; --i) b.push_back(1 + i / 10.0);
  const PairedRatio ratio = ComparePaired(a, b, 0.05);
  REQUIRE(ratio.ratio == Approx(1.5));
  REQUIRE(ratio.low == Approx(1.2));
  REQUIRE(ratio.high == Approx(1.8));
}

TEST_CASE("FivePairsProveNothingAtNinetyFivePercent") {
  // P(Binomial(5, 1/2) < 1) = 1 / 32 > 0.025; with six pairs it is 1 / 64.
  REQUIRE(std::isinf(ComparePaired({1, 1, 1, 1, 1}, {2, 2, 2, 2, 2}, 0.05).high));
  REQUIRE(ComparePaired({1, 1, 1, 1, 1, 1}, {2, 2, 2, 2, 2, 2}, 0.05).low == Approx(2));
  REQUIRE(std::isinf(ComparePaired({}, {}, 0.05).high));
}

TEST_CASE("FasterCandidateWinsThroughCommonDrift") {
  const auto samples = Drifting({100, 97, 103}, 40, 1);
  const Verdict verdict = Judge(Of({0, 17, 5}), samples);
  REQUIRE(verdict.winner == 1);
  REQUIRE_FALSE(verdict.tie);
  REQUIRE(verdict.speedup == Approx(100.0 / 97).epsilon(0.005));
  REQUIRE(verdict.first_us / verdict.winner_us == Approx(verdict.speedup));
}

TEST_CASE("NothingDistinguishablyFasterLeavesTheDefault") {
  const Verdict verdict = Judge(Of({0, 17, 5}), Drifting({100, 100, 101}, 40, 2));
  REQUIRE(verdict.winner == 0);
  REQUIRE(verdict.tie);
  REQUIRE(verdict.speedup == 1);
}

TEST_CASE("EqualKernelsSeldomWin") {
  int false_wins = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    false_wins += Judge(Of({0, 1, 2, 3, 4, 5}), Drifting(std::vector<double>(6, 100), 30, seed)).winner != 0;
  }
  REQUIRE(false_wins <= 10);  // 95 % over all candidates together, one-sided half of it.
}

TEST_CASE("AmongEqualWinnersTheEarlierTrialIsTaken") {
  REQUIRE(Judge(Of({0, 30, 7}), Drifting({100, 90, 90}, 40, 3)).winner == 2);
  // But not when it is slower beyond doubt.
  REQUIRE(Judge(Of({0, 30, 7}), Drifting({100, 90, 93}, 40, 3)).winner == 1);
}

TEST_CASE("MeasurementBecomesPairedSamples") {
  v1::Measurement measurement;
  for (double us : {5.0, 6.0}) {
    v1::KernelResult* kernel = measurement.add_kernels();
    kernel->add_samples_us(us);
    kernel->add_samples_us(us + 1);
  }
  REQUIRE(ConfirmationOutcomeOf(measurement).samples_us == std::vector<std::vector<double>>{{5, 6}, {6, 7}});
  measurement.mutable_failure()->set_kind(v1::FAILURE_KIND_CRASH);
  measurement.set_failed_kernel(1);
  const ConfirmationOutcome failed = ConfirmationOutcomeOf(measurement);
  REQUIRE(failed.failure == v1::FAILURE_KIND_CRASH);
  REQUIRE(failed.failed_kernel == 1);
  REQUIRE(failed.samples_us.empty());
}

}  // namespace tunefarm::tuner
