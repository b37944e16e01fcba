// Images for a board, made by its cross toolchain on the runner's machine: the on-device runtime, compiled
// once, and kernels, each linked to addresses of its own, so that several can be in memory together.
#pragma once

#include <cstdint>
#include <string>

#include "base/file.h"
#include "base/status.h"
#include "runner/boards/board.h"
#include "runner/boards/elf_image.h"
#include "runner/boards/memory_map.h"
#include "tunefarm/v1/measurement.pb.h"

namespace tunefarm {

struct LinkedKernel {
  ElfImage image;
  std::uint32_t prepare = 0;  // 0: it packs nothing.
  std::uint32_t run = 0;
  v1::Failure failure;  // LINK, LOAD (it lacks tunefarm_run) or OUT_OF_MEMORY; else kind UNSPECIFIED.
};

class BoardLinker {
 public:
  // Compiles and links the runtime, and gives it and the kernels' stack their memory. kNotFound with
  // ExitCode::kMissingCompiler names what to install; kResourceExhausted: the board is too small.
  static absl::StatusOr<BoardLinker> Create(const Board& board);

  const ElfImage& runtime() const { return runtime_; }
  std::uint32_t stack_low() const { return stack_low_; }
  // With what the runtime and the stack occupy taken.
  const MemoryMap& map() const { return map_; }

  // Links the object in `file` to what is free in `map`, and takes that. An error is ours.
  absl::StatusOr<LinkedKernel> Link(const std::string& file, MemoryMap& map) const;

 private:
  BoardLinker(Board board, TempDir scratch)
      : board_(std::move(board)), scratch_(std::move(scratch)), map_(board_) {}
  absl::Status FindTools();
  absl::Status BuildRuntime();
  // Fails with what the tool said.
  absl::StatusOr<std::string> RunTool(std::vector<std::string> argv) const;

  Board board_;
  TempDir scratch_;
  MemoryMap map_;
  std::string ld_, libgcc_;
  ElfImage runtime_;
  std::uint32_t stack_low_ = 0;
};

}  // namespace tunefarm
