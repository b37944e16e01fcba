// tunefarm jobs: lists jobs, of a daemon or of a database file.
#pragma once

#include "cli/command.h"

namespace tunefarm::cli {
void AddJobs(CLI::App& app, Invocation& invocation);
}  // namespace tunefarm::cli
