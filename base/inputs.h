// The contents of tensors: made from a seed wherever they are needed, the same on every machine, so that none
// crosses a network. Never zero pages, never denormals: both make kernels look faster than they are.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tunefarm {

// 64 well-mixed bits for element `index` of argument `argument` under `seed` (splitmix64's finaliser).
inline std::uint64_t InputBits(std::uint64_t seed, std::uint32_t argument, std::uint64_t index) {
  std::uint64_t z = seed + 0x9e3779b97f4a7c15ull * (index + 1) + 0xd1b54a32d192ed03ull * (argument + 1);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

// In [-1, 1), a multiple of 2^-23, never 0.
inline float InputFloat(std::uint64_t seed, std::uint32_t argument, std::uint64_t index) {
  const auto bits = static_cast<std::int32_t>(InputBits(seed, argument, index) >> 40);  // 24 bits.
  return static_cast<float>(2 * bits + 1 - (1 << 24)) * 0x1.0p-24f;
}

// Uniform over low .. high, both included, to within 2^-32 of a share; low <= high.
inline std::int32_t InputInt(std::uint64_t seed, std::uint32_t argument, std::uint64_t index,
                             std::int32_t low, std::int32_t high) {
  const std::uint64_t values = static_cast<std::uint64_t>(std::int64_t{high} - low) + 1;
  const std::uint64_t offset = ((InputBits(seed, argument, index) >> 32) * values) >> 32;
  return static_cast<std::int32_t>(low + static_cast<std::int64_t>(offset));
}

// Uniform over all 256 values.
inline std::int8_t InputInt8(std::uint64_t seed, std::uint32_t argument, std::uint64_t index) {
  return static_cast<std::int8_t>(InputBits(seed, argument, index) >> 56);
}

}  // namespace tunefarm
