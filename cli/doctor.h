// tunefarm doctor: proves that a kernel can be compiled, uploaded, run and timed, and says what is missing if
// not.
#pragma once

#include "cli/command.h"

namespace tunefarm::cli {
void AddDoctor(CLI::App& app, Invocation& invocation);
}  // namespace tunefarm::cli
