// A piece of work laid out in a board's memory. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "base/status.h"
#include "runner/boards/board.h"
#include "runner/boards/memory_map.h"
#include "runner/boards/runtime/control.h"
#include "tunefarm/v1/measurement.pb.h"

namespace tunefarm {

// Bytes of one element.
std::uint64_t ElementBytes(v1::DataType type);

struct BoardJob {
  device::ControlBlock control = {};  // All but the command, the kernel's functions and memory protection.
  std::vector<std::uint32_t> packed;  // Where each kernel's packed constants go.
  std::uint64_t output_bytes = 0;
  // The buffer of the output.
  const device::Buffer& output() const { return control.buffer[control.arguments - 1]; }
};

// Gives arguments, packed constants (for each kernel) and workspace their memory, with guards around them.
// kInvalidArgument: a description that no kernel can have; kResourceExhausted: it does not fit.
absl::StatusOr<BoardJob> LayOut(const v1::RunDescription& run, std::size_t kernels, const Board& board,
                                std::uint32_t stack_low, MemoryMap& map);

// Sets the memory protection for a kernel's functions: what the board has outside of its regions, code, and
// flash but for `flash_writable` (while constants are packed into it) are out of their reach.
void Protect(const Board& board, bool flash_writable, device::ControlBlock& control);

}  // namespace tunefarm
