#include "bench/coremark_check.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace tunefarm::bench {
namespace {

constexpr absl::string_view kExpected = "seedcrc e9f5 crclist e714 crcmatrix 1fd7 crcstate 8e3a";

}  // namespace

absl::Status CheckCoremark(absl::string_view output, int runs) {
  int found = 0;
  for (const absl::string_view line : absl::StrSplit(output, '\n')) {
    if (!absl::StartsWith(line, "seedcrc ")) continue;
    if (line != kExpected) {
      return absl::DataLossError(
          absl::StrCat("these are not CoreMark 1.0's results: ", line, "; they should be: ", kExpected));
    }
    ++found;
  }
  if (found == runs) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("CoreMark reported ", found, " of ", runs, " runs: ", output));
}

double CoremarkPerMhz(double cycles_per_iteration) { return 1e6 / cycles_per_iteration; }

}  // namespace tunefarm::bench
