// Gives out a board's memory, region by region, from the bottom up. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "runner/boards/board.h"

namespace tunefarm {

class MemoryMap {
 public:
  explicit MemoryMap(const Board& board);

  // The next free bytes of a region, aligned to `alignment` (a power of two). kResourceExhausted names
  // `what`, the region, and how much of it is missing. The region must be one of the board's.
  absl::StatusOr<std::uint32_t> Take(const std::string& region, std::uint64_t bytes, std::uint64_t alignment,
                                     const std::string& what);
  // Where the next Take of this alignment would be.
  std::uint32_t Next(const std::string& region, std::uint64_t alignment) const;
  std::uint64_t Free(const std::string& region) const;

 private:
  struct Region {
    MemoryRegion facts;
    std::uint64_t next;
  };
  std::size_t IndexOf(const std::string& region) const;
  std::vector<Region> regions_;
};

}  // namespace tunefarm
