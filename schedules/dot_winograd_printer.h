// Prints an int8 convolution by Winograd's minimal filtering as C. The ABI is in docs/formats.md.
#pragma once

#include <string>

#include "schedules/c_printer.h"
#include "schedules/dot_printing.h"
#include "schedules/dot_winograd_rule.h"

namespace tunefarm::schedules {

// `options.dot` holds the micro-kernel, the roles and the channel table, whose tiles are single vectors.
std::string PrintDotWinograd(const DotWinogradPlan& plan, const DotWinogradShape& shape,
                             const Workload& workload, const LoopTree& tree, const ComputeFacts& facts,
                             const PrintOptions& options);

}  // namespace tunefarm::schedules
