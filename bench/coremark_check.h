// What CoreMark must have computed, and its score. Pure.
#pragma once

#include "absl/strings/string_view.h"
#include "base/status.h"

namespace tunefarm::bench {

// Of the lines that bench/programs/core_portme.c prints there must be `runs`, each with the checksums that
// CoreMark 1.0 knows for its performance run with 2000 bytes of data (core_main.c). kDataLoss says what
// differs.
absl::Status CheckCoremark(absl::string_view output, int runs);

// Iterations a second for each MHz.
double CoremarkPerMhz(double cycles_per_iteration);

}  // namespace tunefarm::bench
