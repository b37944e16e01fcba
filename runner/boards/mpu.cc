#include "runner/boards/mpu.h"

#include <algorithm>
#include <bit>

#include "absl/strings/match.h"

namespace tunefarm {
namespace {

device::MpuRegion EncodeV8(const ProtectedRange& range) {
  constexpr std::uint32_t kReadOnly = 2, kNeverExecute = 1, kEnable = 1;
  device::MpuRegion region;
  region.base = static_cast<std::uint32_t>(range.begin & ~std::uint64_t{31}) |
                (range.writable ? 0 : kReadOnly << 1) | (range.executable ? 0 : kNeverExecute);
  region.limit = (static_cast<std::uint32_t>(range.end - 1) & ~31u) | kEnable;  // Attribute 0.
  return region;
}

device::MpuRegion EncodeV7(const ProtectedRange& range) {
  // The smallest aligned power of two that holds the range.
  std::uint64_t size = std::max<std::uint64_t>(256, std::bit_ceil(range.end - range.begin));
  while ((range.begin & ~(size - 1)) + size < range.end) size *= 2;
  const std::uint64_t base = range.begin & ~(size - 1);
  std::uint32_t disabled = 0;
  for (std::uint64_t eighth = 0; eighth < 8; ++eighth) {
    const std::uint64_t from = base + eighth * size / 8;
    if (from >= range.end || from + size / 8 <= range.begin) disabled |= 1u << eighth;
  }
  constexpr std::uint32_t kFullAccess = 3, kReadOnly = 6, kEnable = 1;
  constexpr std::uint32_t kNormalMemory = 1 << 19;  // TEX 1: normal, not cached.
  device::MpuRegion region;
  region.base = static_cast<std::uint32_t>(base);
  region.limit = (range.executable ? 0 : 1u << 28) | (range.writable ? kFullAccess : kReadOnly) << 24 |
                 kNormalMemory | disabled << 8 | static_cast<std::uint32_t>(std::countr_zero(size) - 1) << 1 |
                 kEnable;
  return region;
}

}  // namespace

device::MpuRegion EncodeMpuRegion(const std::string& architecture, const ProtectedRange& range) {
  return absl::StartsWith(architecture, "armv8") ? EncodeV8(range) : EncodeV7(range);
}

}  // namespace tunefarm
