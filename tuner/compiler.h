// From one kernel's C source to what its target's devices take (Target::kernel_format), a shared object or a
// relocatable one: which compiler, which flags, and what its failure means.
//
// A compiler that is kept warm translates a kernel to assembler text, and one call of the compiler driver
// assembles and links it (about 50 ms for a register-tiled kernel, of which 40 ms are translating). What a
// warm compiler refuses is given to a cold one, whose words count; where there is no warm one, one call does
// it all. Behind a launcher such as ccache, distcc or icecc, which only understand separate compilation,
// compiling and linking are two calls.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/status.h"
#include "schedules/schedule_template.h"
#include "schedules/target.h"
#include "tunefarm/v1/measurement.pb.h"

namespace tunefarm::tuner {

class WarmCompilers;

struct CompilerOptions {
  std::vector<std::string> launcher;  // Put before the compiler; empty: none.
  WarmCompilers* warm = nullptr;      // Used without a launcher; null: none.
  std::vector<int> cpus;              // Affinity of compiler processes; empty: ours.
  // A candidate that takes longer than this to compile is not worth it. Register tiles take 0.05 to 0.15 s.
  absl::Duration timeout = absl::Seconds(10);
};

// The first line of `compiler --version`. kNotFound with exit status kMissingCompiler, naming the package to
// install, when it is not there; kFailedPrecondition when it does not run. Thread safe; remembers its answer
// until the program's file changes.
absl::StatusOr<std::string> CompilerVersion(const std::string& compiler);

// All flags a kernel is compiled with, in order: ours, the target's, those of the config.
std::vector<std::string> CompilerFlags(const schedules::Target& target,
                                       const schedules::KernelSource& source);

// What Target::kernel_format says, or why there is none.
struct CompileResult {
  std::string object;
  v1::Failure failure;  // kind UNSPECIFIED on success, else COMPILE, LINK or BUILD_TIMEOUT.
};

// Compiles in a scratch folder of its own, which is gone afterwards, as are all processes that were started.
// An error is ours (no disk, no memory, no compiler) and says nothing about the kernel. Thread safe; blocks.
absl::StatusOr<CompileResult> Compile(const schedules::KernelSource& source, const schedules::Target& target,
                                      const CompilerOptions& options);

}  // namespace tunefarm::tuner
