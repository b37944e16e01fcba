// What a device file says about time: which cycle model, which caches, which corrections. Plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tunefarm::cycles {

// Addresses begin to end - 1.
struct AddressRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

enum class Serves { kFetch, kData, kBoth };

// A cache, or the lines of a flash accelerator: least recently used, read and write allocate. What no cache's
// range holds costs no wait state.
struct CacheSpec {
  std::string name;                // In the breakdown: "icache", "flash_data"; letters, digits, '_' and '-'.
  Serves serves = Serves::kBoth;   // Instruction fetches, data accesses, or both.
  std::uint32_t level = 1;         // Level 2 sees what level 1 missed (and all, where there is no level 1).
  std::uint64_t bytes = 0;         // A power of two times `ways` lines.
  std::uint32_t line_bytes = 0;    // One tag's, a power of two, 4 to 256.
  std::uint32_t sector_bytes = 0;  // What one miss brings in, of a line; 0: the whole line.
  std::uint32_t ways = 0;          // 0: fully associative.
  std::vector<AddressRange> ranges;  // What it caches, at most four; empty: every address.
  double miss_cycles = 0;            // What a missed fetch or load costs on top.
  double store_miss_cycles = 0;      // Usually 0: the store buffer hides it.
};

// The cycle model of a device file.
struct ModelSpec {
  std::string name;                           // Of ModelNames(): "cortex-m4".
  std::vector<CacheSpec> caches;              // Empty: every memory answers without wait states.
  std::optional<double> taken_branch_cycles;  // Corrections; absent: the model's own value.
  std::optional<double> mispredict_cycles;
  double scale = 1;                  // Calibration: multiplies the sum.
  std::optional<double> error_band;  // Of this board, relative; absent: the model's own.
};

}  // namespace tunefarm::cycles
