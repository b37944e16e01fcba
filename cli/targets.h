// tunefarm targets: what code can be generated for.
#pragma once

#include "cli/command.h"

namespace tunefarm::cli {
void AddTargets(CLI::App& app, Invocation& invocation);
}  // namespace tunefarm::cli
