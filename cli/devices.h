// tunefarm devices: what there is to measure on, at a tracker or on this machine.
#pragma once

#include "cli/command.h"

namespace tunefarm::cli {
void AddDevices(CLI::App& app, Invocation& invocation);
}  // namespace tunefarm::cli
