// Which system calls a kernel may make: memory, clocks, reading the files that the dynamic loader needs,
// writing to the two descriptors it has. Everything else is trapped and reported by its kind.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "tunefarm/v1/measurement.pb.h"

namespace tunefarm {

struct FilterOptions {
  int channel_fd = -1;                // The executor's report channel.
  std::uint64_t largest_mapping = 0;  // One mapping above this is trapped: the kernel allocates without end.
  bool threads = false;               // May start threads of its own process.
  // QEMU's user mode is started under the filter, and it is QEMU that makes the calls: it may be executed,
  // and write what the box lets it write.
  bool emulator = false;
};

// The filter as BPF instructions for this machine's architecture (struct sock_filter, 8 bytes each).
absl::StatusOr<std::vector<std::uint64_t>> CompileFilter(const FilterOptions& options);

struct TrappedCall {
  v1::FailureKind kind;
  std::string message;  // "tried to use the network (socket)"
};

// What a trapped call means. `number` is this machine's, `arguments` its six arguments.
TrappedCall ClassifyTrapped(int number, const std::uint64_t (&arguments)[6]);

}  // namespace tunefarm
