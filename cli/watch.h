// tunefarm watch JOB: looks at a job that runs in a daemon. Ctrl-C looks away; the job goes on.
#pragma once

#include "cli/command.h"

namespace tunefarm::cli {
void AddWatch(CLI::App& app, Invocation& invocation);
}  // namespace tunefarm::cli
