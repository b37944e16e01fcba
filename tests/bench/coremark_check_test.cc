#include "bench/coremark_check.h"

#include <string>

#include "tests/catch.h"

namespace tunefarm::bench {
namespace {

constexpr char kRight[] = "seedcrc e9f5 crclist e714 crcmatrix 1fd7 crcstate 8e3a\n";

TEST_CASE("CoremarkIsCheckedInEveryRun") {
  CHECK(CheckCoremark(kRight, 1).ok());
  CHECK(CheckCoremark(std::string(kRight) + kRight, 2).ok());
  CHECK(CheckCoremark(kRight, 2).code() == absl::StatusCode::kDataLoss);
  CHECK(CheckCoremark("", 1).code() == absl::StatusCode::kDataLoss);
}

TEST_CASE("CoremarkWithAnotherChecksumIsRefused") {
  const absl::Status status =
      CheckCoremark(std::string(kRight) + "seedcrc e9f5 crclist e714 crcmatrix 1fd7 crcstate 8e3b\n", 2);
  CHECK(status.code() == absl::StatusCode::kDataLoss);
  CHECK_THAT(std::string(status.message()), Catch::Contains("8e3b"));
}

TEST_CASE("CoremarkPerMhzIsIterationsOfAMillionCycles") { CHECK(CoremarkPerMhz(250000) == Approx(4)); }

}  // namespace
}  // namespace tunefarm::bench
