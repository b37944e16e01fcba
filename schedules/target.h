// Targets: what code is generated for. A target is a JSON file (docs/formats.md), not code; those in
// schedules/targets/ are built in.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace tunefarm::schedules {

// What a compiled kernel is: a shared object that a native device loads, or one relocatable ELF object that
// the runner links with its on-device runtime (microcontrollers).
enum class KernelFormat { kSharedLibrary, kObject };

struct Target {
  std::string name;          // "x86-64-v3".
  std::string architecture;  // "x86_64", "aarch64", "armv7-a".
  // A device must have all of these; named as in /proc/cpuinfo (DeviceFacts.isa_features). Those that decide:
  // a core that has them has the rest of its level as well.
  std::vector<std::string> isa_features;
  int vector_bytes = 16;      // Width of one vector register.
  int vector_registers = 16;  // How many there are.
  int fma_per_cycle = 1;      // Vector fused multiply-adds started each cycle.
  int fma_latency = 4;        // Cycles until one that adds to its result can start.
  bool has_fma = true;
  int64_t l1d_bytes = 32 << 10;
  int64_t l2_bytes = 256 << 10;
  int64_t l3_bytes = 0;  // The share one core may count on; 0: none.
  int cores = 1;
  std::string compiler;            // "gcc", "aarch64-linux-gnu-gcc": looked up in PATH.
  std::vector<std::string> flags;  // Fixed flags, as "-march=haswell".
  KernelFormat kernel_format = KernelFormat::kSharedLibrary;  // "shared_library" (when absent) or "object".
  // What the device has for a kernel's tensors, where little is; 0 (or absent): no limit. Kernels that need
  // more are not built.
  int64_t data_bytes = 0;  // RAM for inputs, output, workspace, and for constants where constant_bytes is 0.
  int64_t constant_bytes = 0;  // For constants, as they are and packed.

  int lanes(int element_bytes) const { return vector_bytes / element_bytes; }
  // Canonical JSON, the text stored with records. Parse(ToJson()) is the same target.
  std::string ToJson() const;
};

bool HasFeature(const Target& target, const char* feature);  // Of isa_features.

// JSON text with exactly the fields of Target, by their names; `kernel_format`, `data_bytes` and
// `constant_bytes` may be absent. kInvalidArgument names the field.
absl::StatusOr<Target> ParseTarget(absl::string_view json);

// A built-in name, "host" (detected: the best of the built-in x86-64 levels, or aarch64 core, with this
// machine's cache sizes and cores; its name is the level's, host_target.h), or the path of a file. kNotFound
// lists the built-in names; its exit status and that of a malformed file is kUnknownTarget.
absl::StatusOr<Target> FindTarget(absl::string_view name_or_path);
std::vector<std::string> BuiltinTargetNames();

}  // namespace tunefarm::schedules
