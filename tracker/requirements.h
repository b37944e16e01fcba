// Which devices can run which work. Pure functions of the facts a runner reported and what the client asked
// for.
#pragma once

#include <string>

#include "tunefarm/v1/measurement.pb.h"
#include "tunefarm/v1/tracker.pb.h"

namespace tunefarm {

// The first requirement that the device does not meet, as a phrase that fits behind a device's name ("lacks
// avx512f", "is of class pi4, not pi5"); empty when it meets all.
std::string UnmetRequirement(const v1::DeviceRequirements& wanted, const v1::DeviceFacts& device);

// Features sorted and without repeats, so that equal wishes have equal text.
v1::DeviceRequirements CanonicalRequirements(const v1::DeviceRequirements& wanted);

// Equal for requirements that mean the same. Opaque.
std::string RequirementsKey(const v1::DeviceRequirements& canonical);

// "isa avx2+fma, class pi4, at least 1048576 bytes of memory"; "any device" when nothing is asked.
std::string DescribeRequirements(const v1::DeviceRequirements& wanted);

}  // namespace tunefarm
