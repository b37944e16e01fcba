// tunefarm show RECORD: everything about one measurement.
#pragma once

#include "cli/command.h"

namespace tunefarm::cli {
void AddShow(CLI::App& app, Invocation& invocation);
}  // namespace tunefarm::cli
