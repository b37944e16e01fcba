// Holding peers to the ISA of a target: a library picks its kernels by the machine, and would otherwise be
// compared with code for another one.
#pragma once

#include "base/status.h"
#include "schedules/target.h"

namespace tunefarm::bench {

// Restarts this program once with OPENBLAS_CORETYPE, ONEDNN_MAX_CPU_ISA and one thread in the environment:
// the libraries read them when they are loaded. Returns when the environment is as it should be, or with the
// error of restarting.
absl::Status HoldPeersTo(const schedules::Target& target, char** argv);

// kFailedPrecondition when this machine lacks a feature of the target.
absl::Status CheckMachineRuns(const schedules::Target& target);

// To one of the CPUs that this process may use: `cpu`, or the last one for -1 (the first takes most
// interrupts). Returns its number.
absl::StatusOr<int> PinToCpu(int cpu);

}  // namespace tunefarm::bench
