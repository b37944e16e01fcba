// Prints a convolution by Winograd's minimal filtering as C. The ABI is in docs/formats.md.
#pragma once

#include <string>

#include "schedules/c_printer.h"
#include "schedules/compute_facts.h"
#include "schedules/winograd_rule.h"

namespace tunefarm::schedules {

// `compute` is the workload's own definition, unsimplified. kInvalidArgument when the rule refuses the plan.
absl::StatusOr<std::string> PrintTransformed(const WinogradRule& rule, const WinogradPlan& plan,
                                             const Workload& workload, const ComputeDefinition& compute,
                                             const PrintOptions& options);

}  // namespace tunefarm::schedules
