// tunefarm query best|top|history: what the log database knows.
#pragma once

#include "cli/command.h"

namespace tunefarm::cli {
void AddQuery(CLI::App& app, Invocation& invocation);
}  // namespace tunefarm::cli
