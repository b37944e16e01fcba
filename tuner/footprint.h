// What a kernel needs of its device's memory, known before it is built. Pure.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "schedules/schedule_template.h"

namespace tunefarm::tuner {

struct Footprint {
  int64_t data_bytes = 0;      // Inputs, output, workspace.
  int64_t constant_bytes = 0;  // Constants, as they are and packed.
};
Footprint FootprintOf(const schedules::ComputeDefinition& compute, const schedules::KernelSource& source);

// kResourceExhausted when it exceeds what the target says that its devices have (Target::data_bytes), with
// both numbers.
absl::Status CheckFootprint(const Footprint& footprint, const schedules::Target& target);

}  // namespace tunefarm::tuner
