// As much of a linked 32-bit ELF file as loading it needs: what goes where, and where functions are.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/status.h"

namespace tunefarm {

struct ElfSegment {
  std::uint32_t address = 0;
  std::string content;
  std::uint32_t memory_bytes = 0;  // At least content.size(); the rest is zero.
  std::uint32_t end() const { return address + memory_bytes; }
};

struct ElfImage {
  std::vector<ElfSegment> segments;  // In the file's order; none is empty.
  std::map<std::string, std::uint32_t>
      symbols;  // Global ones, defined here; functions without the Thumb bit.
};

// kInvalidArgument: not such a file, or one that points outside of itself.
absl::StatusOr<ElfImage> ReadElf(absl::string_view file);

}  // namespace tunefarm
