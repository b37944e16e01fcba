// What the QEMU plugin counted between two addresses, and its text form.
//
// The plugin appends one section per region to its file:
//
//   region INSTRUCTIONS LOADS STORES      executed in it; loads and stores are 0 without a data cache
//   cache NAME FETCH_MISSES LOAD_MISSES STORE_MISSES        one line for each cache, in the order of the spec
//   block ADDRESS EXECUTIONS TAKEN SIZES CODE               one line for each translated block that ran
//   end
//
// ADDRESS and CODE are hexadecimal; SIZES has a digit for each instruction: its bytes. TAKEN counts how often
// what ran next in the region did not begin where the block ends. A section without its "end" was cut off.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/status.h"

namespace tunefarm::cycles {

// Instructions that follow each other in memory. QEMU's translated blocks may end where a page ends and
// overlap; those of basic_blocks.h do not.
struct CodeBlock {
  std::uint64_t address = 0;
  std::uint64_t executions = 0;
  std::uint64_t taken = 0;          // Of the executions: something else ran next than what follows in memory.
  std::vector<std::uint8_t> sizes;  // Of its instructions.
  std::string code;                 // Their bytes.
};

struct CacheMisses {
  std::string name;
  std::uint64_t fetch = 0;
  std::uint64_t load = 0;
  std::uint64_t store = 0;
};

struct Region {
  std::uint64_t instructions = 0;
  std::uint64_t loads = 0;
  std::uint64_t stores = 0;
  std::vector<CacheMisses> caches;
  std::vector<CodeBlock> blocks;  // As translated, by address.
};

// All sections of a file. kDataLoss when the text is not of this form or the last section was cut off.
absl::StatusOr<std::vector<Region>> ParseRegions(absl::string_view text);

}  // namespace tunefarm::cycles
