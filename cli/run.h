// The tunefarm command as a function.
#pragma once

namespace tunefarm::cli {

// Parses, runs the command, tells errors on stderr (and as an object on stdout with --json). Returns the exit
// status.
int Run(int argc, char** argv);

}  // namespace tunefarm::cli
