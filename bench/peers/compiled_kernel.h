// A kernel in this process: compiled as the tuner compiles it, then loaded.
#pragma once

#include "base/status.h"
#include "schedules/schedule_template.h"
#include "schedules/target.h"

namespace tunefarm::bench {

// The kernel ABI of docs/formats.md.
struct CompiledKernel {
  void (*prepare)(const void* const* constants,
                  void* packed) = nullptr;  // nullptr when the kernel packs nothing.
  void (*run)(void* const* arguments, const void* packed, void* workspace) = nullptr;
};

// Stays loaded for the process's life. Runs in this process without a sandbox: for kernels of our own making
// only.
absl::StatusOr<CompiledKernel> CompileAndLoad(const schedules::KernelSource& source,
                                              const schedules::Target& target);

}  // namespace tunefarm::bench
