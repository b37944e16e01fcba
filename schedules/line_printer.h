// Prints a convolution by minimal filtering of lines as C. The ABI is in docs/formats.md.
#pragma once

#include <string>

#include "schedules/c_printer.h"
#include "schedules/line_rule.h"

namespace tunefarm::schedules {

// `compute` is the workload's own definition, unsimplified. kInvalidArgument when the rule refuses the plan.
absl::StatusOr<std::string> PrintTransformed(const LineRule& rule, const LinePlan& plan,
                                             const Workload& workload, const ComputeDefinition& compute,
                                             const PrintOptions& options);

}  // namespace tunefarm::schedules
