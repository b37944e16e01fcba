#include "cli/cycles_text.h"

#include "tests/catch.h"

namespace tunefarm::cli {

TEST_CASE("CyclesAreToldByCauseWithTheirShares") {
  v1::KernelResult result;
  result.set_cycles(1000);
  result.set_cycle_breakdown("1000 cycles: base 900, unmodelled_instructions 0, taken_branches 100");
  CHECK(DescribeCycles(result) ==
        "base                             900   90.0 %\n"
        "unmodelled_instructions            0    0.0 %\n"
        "taken_branches                   100   10.0 %\n");
}

TEST_CASE("ACalibratedEstimateSaysByWhat") {
  v1::KernelResult result;
  result.set_cycles(1040);
  result.set_cycle_breakdown("1040 cycles: base 900, flash 100");
  CHECK(DescribeCycles(result) ==
        "base                900   90.0 %\n"
        "flash               100   10.0 %\n"
        "in all             1040, their sum times the board's calibration of 1.040\n");
}

TEST_CASE("MeasuredKernelsHaveNoBreakdown") {
  CHECK(DescribeCycles(v1::KernelResult()).empty());
  CHECK(ParseCycleBreakdown("").empty());
  CHECK(ParseCycleBreakdown("12 cycles").empty());
  CHECK(ParseCycleBreakdown("12 cycles: base").empty());
  CHECK(ParseCycleBreakdown("12 cycles: base many").empty());
}

}  // namespace tunefarm::cli
