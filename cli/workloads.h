// tunefarm workloads [SET]: the built-in sets and their layers.
#pragma once

#include "cli/command.h"

namespace tunefarm::cli {
void AddWorkloads(CLI::App& app, Invocation& invocation);
}  // namespace tunefarm::cli
