// Programs in C, built for an emulated board and run under QEMU with the counting plugin: cycles are
// estimated of them as of kernels, so that the estimate can be compared with what silicon took for the same
// program.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "runner/boards/board.h"
#include "runner/cycles/region.h"

namespace tunefarm::bench {

// One that defines `int counted_main(void)`, 0 when all is well, and may call `void counted_print(const
// char*)`. On a bare board there is no C library but memcpy, memmove, memset and memcmp.
struct CountedProgram {
  std::vector<std::string> sources;      // Paths.
  std::vector<std::string> own_sources;  // Names of files in bench/programs/.
  std::vector<std::string> flags;        // Beside the board's own: optimisation, folders of headers, macros.
  // Functions that are called, not inlined: what runs from `begin` until `end` is one region.
  std::string begin;
  std::string end;
};

struct CountedRun {
  std::vector<cycles::Region> regions;  // In the order in which they ran.
  std::string output;                   // What the program printed.
};

// Lays the program out as the board places kernels: code and constants, data, stack. kInvalidArgument: a real
// board, or a program without those functions; kNotFound: the compiler, QEMU or the plugin is missing;
// kFailedPrecondition: the compiler's complaints; kAborted: the program did not end well.
absl::StatusOr<CountedRun> RunCounted(const Board& board, const CountedProgram& program);

}  // namespace tunefarm::bench
