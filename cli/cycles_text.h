// Where an estimate's cycles go, as `tunefarm show` tells it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "tunefarm/v1/measurement.pb.h"

namespace tunefarm::cli {

// KernelResult.cycle_breakdown, "812345 cycles: base 700000, taken_branches 112345": causes with their
// cycles, in its order. Empty when the text is not of this form.
std::vector<std::pair<std::string, double>> ParseCycleBreakdown(absl::string_view text);

// A line for each cause with its share of their sum, and one for the device file's calibration where the
// whole is not the sum. Empty when there is no breakdown.
std::string DescribeCycles(const v1::KernelResult& result);

}  // namespace tunefarm::cli
