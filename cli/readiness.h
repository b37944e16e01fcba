// Whether what a target needs is there: its compiler, and a device that has its instructions.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "schedules/target.h"
#include "tunefarm/v1/measurement.pb.h"

namespace tunefarm::cli {

// The first line of `compiler --version`. kMissingCompiler says which package has it.
absl::StatusOr<std::string> CompilerVersion(const schedules::Target& target);

// Compiles a small function with the target's flags. The compiler's message on failure.
absl::Status CheckCompiles(const schedules::Target& target);

// OK when one of the devices can run code for the target; kNoDevice says what the nearest one lacks. Pure.
absl::Status CheckDevice(const schedules::Target& target, const std::vector<v1::DeviceFacts>& devices);

// FindTarget with kUnknownTarget attached.
absl::StatusOr<schedules::Target> FindTargetOrExplain(const std::string& name);

}  // namespace tunefarm::cli
