// Tasks of int8 operators: the dot-product template.
#pragma once

#include <memory>

#include "schedules/schedule_template.h"

namespace tunefarm::schedules {

// The workload's dtype is i8. kInvalidArgument when the tensors are too large.
absl::StatusOr<std::shared_ptr<const Task>> CreateDotTask(const Workload& workload, const Target& target,
                                                          int threads);

}  // namespace tunefarm::schedules
