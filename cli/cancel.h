// tunefarm cancel JOB: ends a job; what was measured stays, and it can be resumed.
#pragma once

#include "cli/command.h"

namespace tunefarm::cli {
void AddCancel(CLI::App& app, Invocation& invocation);
}  // namespace tunefarm::cli
