#include "runner/executor/tensors.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "base/inputs.h"

namespace tunefarm::executor {
namespace {

template <typename T>
Mismatch CompareAs(std::uint64_t elements, const T* got, const T* want, double absolute, double relative) {
  Mismatch mismatch;
  for (std::uint64_t i = 0; i < elements; ++i) {
    const auto g = static_cast<double>(got[i]);
    const auto w = static_cast<double>(want[i]);
    if (std::abs(g - w) <= absolute + relative * std::abs(w)) continue;
    if (mismatch.count++ == 0) {
      mismatch.first = i;
      mismatch.got = g;
      mismatch.want = w;
    }
  }
  return mismatch;
}

}  // namespace

std::size_t BytesOf(Type type) { return type == Type::kF32 ? 4 : 1; }

void FillInput(Type type, std::uint64_t seed, std::uint32_t argument, std::uint64_t elements, void* data) {
  if (type == Type::kF32) {
    auto* const values = static_cast<float*>(data);
    for (std::uint64_t i = 0; i < elements; ++i) values[i] = InputFloat(seed, argument, i);
  } else {
    auto* const values = static_cast<std::int8_t*>(data);
    for (std::uint64_t i = 0; i < elements; ++i) values[i] = InputInt8(seed, argument, i);
  }
}

void Poison(Type type, std::uint64_t elements, void* data) {
  // 0xffffffff is a NaN.
  std::memset(data, type == Type::kF32 ? 0xff : 0x80, elements * BytesOf(type));
}

Mismatch Compare(Type type, std::uint64_t elements, const void* got, const void* want, double absolute,
                 double relative) {
  if (type == Type::kF32) {
    return CompareAs(elements, static_cast<const float*>(got), static_cast<const float*>(want), absolute,
                     relative);
  }
  return CompareAs(elements, static_cast<const std::int8_t*>(got), static_cast<const std::int8_t*>(want),
                   absolute, relative);
}

}  // namespace tunefarm::executor
