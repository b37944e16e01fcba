// The tensors of one emulated call, in memory that the harness shares: filled before, judged after, on this
// side.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"
#include "runner/emulated/arena_layout.h"
#include "runner/executor/protocol.h"

namespace tunefarm {

class Arena {
 public:
  // Inputs and constants from the job's seed, the output poisoned (`expected`: what it should be; nullptr:
  // not known), everything else filled with a pattern. kResourceExhausted: larger than kMaxBytes or than this
  // machine's memory.
  static absl::StatusOr<std::unique_ptr<Arena>> Create(const executor::Job& job, const void* expected);
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena();

  static constexpr std::uint64_t kMaxBytes = std::uint64_t{2} << 30;

  int fd() const { return fd_; }
  // What the harness wrote there is a foreign process's word.
  const arena_header& header() const { return *header_; }
  const void* Output() const;
  const void* FirstOutput() const;
  // The first edge that was written across: "argument 2", "the workspace"; empty: none.
  std::string BrokenEdge() const;
  // Whose protected pages an address, as the kernel sees it, lies in; empty: nobody's.
  std::string GuardAt(std::uint64_t address) const;

 private:
  Arena(int fd, arena_header* header, std::uint64_t bytes);
  unsigned char* At(std::uint64_t offset) const;

  const int fd_;
  arena_header* const header_;
  const std::uint64_t bytes_;
  const arena_header laid_out_;  // As it was before foreign code could change it.
};

}  // namespace tunefarm
