// Register values for the memory protection units of Armv7-M (DDI 0403E, B3.5) and Armv8-M (DDI 0553, D1.2).
// Pure.
#pragma once

#include <cstdint>
#include <string>

#include "runner/boards/runtime/control.h"

namespace tunefarm {

struct ProtectedRange {
  std::uint64_t begin = 0, end = 0;
  bool writable = false;
  bool executable = false;
};

// An Armv7-M region is a power of two with eighths that can be left out, so it may reach up to an eighth of
// its size beyond the range; an Armv8-M one is exact to 32 bytes.
device::MpuRegion EncodeMpuRegion(const std::string& architecture, const ProtectedRange& range);

}  // namespace tunefarm
