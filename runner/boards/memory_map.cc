#include "runner/boards/memory_map.h"

#include <algorithm>
#include <cstdlib>

namespace tunefarm {
namespace {

std::uint64_t RoundUp(std::uint64_t value, std::uint64_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}

}  // namespace

MemoryMap::MemoryMap(const Board& board) {
  for (const MemoryRegion& region : board.memory) regions_.push_back({region, region.start});
}

std::size_t MemoryMap::IndexOf(const std::string& name) const {
  const auto found = std::find_if(regions_.begin(), regions_.end(),
                                  [&](const Region& region) { return region.facts.name == name; });
  if (found == regions_.end()) std::abort();  // ParseBoard checks all names.
  return static_cast<std::size_t>(found - regions_.begin());
}

std::uint32_t MemoryMap::Next(const std::string& name, std::uint64_t alignment) const {
  return static_cast<std::uint32_t>(RoundUp(regions_[IndexOf(name)].next, alignment));
}

std::uint64_t MemoryMap::Free(const std::string& name) const {
  const Region& region = regions_[IndexOf(name)];
  return region.facts.start + region.facts.bytes - region.next;
}

absl::StatusOr<std::uint32_t> MemoryMap::Take(const std::string& name, std::uint64_t bytes,
                                              std::uint64_t alignment, const std::string& what) {
  Region& region = regions_[IndexOf(name)];
  const std::uint64_t start = RoundUp(region.next, alignment);
  const std::uint64_t end = region.facts.start + region.facts.bytes;
  if (start > end || bytes > end - start) {
    return absl::ResourceExhaustedError(absl::StrCat(what, " (", bytes, " bytes) does not fit: of the ",
                                                     region.facts.bytes, " bytes of ", name, ", ",
                                                     end > start ? end - start : 0, " are left"));
  }
  region.next = start + bytes;
  return static_cast<std::uint32_t>(start);
}

}  // namespace tunefarm
