#include "cli/samples_text.h"

#include "tests/catch.h"

namespace tunefarm::cli {

TEST_CASE("SparklineGoesFromTheFastestToTheSlowest") {
  CHECK(Sparkline({1, 2, 3, 4, 5, 6, 7, 8}, 60) == "▁▂▃▄▅▆▇█");
  CHECK(Sparkline({5, 5, 5}, 60) == "▁▁▁");
  CHECK(Sparkline({}, 60).empty());
}

TEST_CASE("ShorteningASparklineKeepsTheOutlier") { CHECK(Sparkline({1, 1, 1, 9, 1, 1, 1, 1}, 4) == "▁█▁▁"); }

TEST_CASE("SamplesAreDescribedWithTheirDoubts") {
  v1::KernelResult result;
  for (const double us : {10.0, 12.0, 11.0}) result.add_samples_us(us);
  result.set_iterations(100);
  result.set_median_us(11);
  result.set_raw_median_us(11);
  result.set_low_us(10.5);
  result.set_high_us(11.5);
  result.set_noisy(true);
  result.set_dropped(2);
  CHECK(DescribeSamples(result) ==
        "median     11 us (95 %: 10.5 us to 11.5 us), noisy: the interval is wider than asked\n"
        "samples    3 of 100 calls each, 2 dropped\n"
        "spread     10 us to 12 us\n"
        "           ▁█▅\n");
}

}  // namespace tunefarm::cli
