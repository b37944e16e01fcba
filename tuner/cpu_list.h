// Lists of cores as flags take them: "0,2-3".
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace tunefarm::tuner {

// In the order given. kInvalidArgument names the text.
absl::StatusOr<std::vector<int>> ParseCpuList(const std::string& text);

// Keeps this process, its threads to come and its children on those cores. Empty: leaves it where it is.
absl::Status StayOnCpus(const std::vector<int>& cpus);

// How many cores this process may use.
int AllowedCpuCount();

}  // namespace tunefarm::tuner
