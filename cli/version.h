// tunefarm version.
#pragma once

#include "cli/command.h"

namespace tunefarm::cli {
void AddVersion(CLI::App& app, Invocation& invocation);
}  // namespace tunefarm::cli
