// Which kernel a config comes to. Several configs come to the same one: an order of loops of which one goes
// round once, the end of an axis that needs none, blocks of more than there is.
#pragma once

#include <cstdint>

#include "schedules/schedule_template.h"

namespace tunefarm::tuner {

// Equal for configs of a task with the same source and compiler flags, in this process. 0: the config has no
// source. About 0.1 ms.
uint64_t KernelId(const schedules::Task& task, const schedules::Config& config);

}  // namespace tunefarm::tuner
