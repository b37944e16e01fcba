// Holding peers to the ISA of a target: a library picks its kernels by the machine, and would otherwise be
// compared with code for another one.
#pragma once

#include "base/status.h"
#include "schedules/target.h"

namespace tunefarm::bench {

// Restarts this program once with OPENBLAS_CORETYPE, ONEDNN_MAX_CPU_ISA, the number of
// threads, and huge pages for malloc in the environment: the libraries read them when they are loaded.
// Returns when the environment is as it should be, or with the error of restarting.
absl::Status HoldPeersTo(const schedules::Target& target, int threads, char** argv);

// kFailedPrecondition when this machine lacks a feature of the target.
absl::Status CheckMachineRuns(const schedules::Target& target);

// To as many of the CPUs that this process may use as there are `threads`, `cpu` among them and last; for -1
// the last one (the first takes most interrupts). Returns its number.
absl::StatusOr<int> PinToCpus(int cpu, int threads);

// The machine has no vectors wider than the target's: a library that chooses its kernels by the machine runs
// code of the target's ISA.
bool IsMachinesOwnIsa(const schedules::Target& target);

}  // namespace tunefarm::bench
