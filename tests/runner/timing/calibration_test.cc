#include "runner/timing/calibration.h"

#include "tests/catch.h"

namespace tunefarm {

TEST_CASE("CalibrationAimsATenthAboveTheMinimumAndWantsTwoReadings") {
  Calibration calibration(1000);
  CHECK(calibration.iterations() == 1);
  calibration.Add(200);  // 1.1 * 1000 / 200 = 5.5, rounded up.
  CHECK(calibration.iterations() == 6);
  calibration.Add(1200);
  CHECK_FALSE(calibration.done());
  calibration.Add(1260);
  CHECK(calibration.done());
  CHECK(calibration.iterations() == 6);
  CHECK(calibration.call_us() == 200);
}

TEST_CASE("CalibrationGrowsAtMostTenfoldPerReading") {
  Calibration calibration(1000);
  calibration.Add(0.01);
  CHECK(calibration.iterations() == 10);
}

TEST_CASE("CalibrationDoesNotBelieveAPreemptedReading") {
  Calibration calibration(1000);
  calibration.Add(1000);  // Truly.
  calibration.Add(9000);  // Preempted.
  CHECK_FALSE(calibration.done());
  calibration.Add(1010);
  CHECK_FALSE(calibration.done());
  calibration.Add(1000);
  CHECK(calibration.done());
  CHECK(calibration.call_us() == 1000);
}

TEST_CASE("CalibrationGoesOnWithTheFastestAfterSixReadingsThatDisagree") {
  Calibration calibration(10);
  for (const double us : {10., 20., 40., 80., 160.}) calibration.Add(us);
  CHECK_FALSE(calibration.done());
  calibration.Add(320);
  CHECK(calibration.done());
  CHECK(calibration.call_us() == 10);
}

TEST_CASE("WarmUpEndsWhenThreeMediansAgree") {
  WarmUp warm_up(0.02, 1e6);
  for (const double us : {300., 200., 150., 101., 100., 100., 100., 100., 101.}) warm_up.Add(us, us);
  CHECK_FALSE(warm_up.done());  // Medians 200, 100, 100.
  for (int i = 0; i < 3; ++i) warm_up.Add(101, 101);
  CHECK(warm_up.done());  // 100, 100, 101.
}

TEST_CASE("WarmUpEndsWhenItsTimeIsUp") {
  WarmUp warm_up(0.02, 1000);
  warm_up.Add(900, 900);
  CHECK_FALSE(warm_up.done());
  warm_up.Add(100, 100);
  CHECK(warm_up.done());
}

}  // namespace tunefarm
