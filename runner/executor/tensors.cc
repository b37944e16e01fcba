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

template <typename T>
void FillIntegers(const ArgumentSpec& spec, std::uint64_t seed, std::uint32_t argument, void* data) {
  auto* const values = static_cast<T*>(data);
  for (std::uint64_t i = 0; i < spec.elements; ++i) {
    values[i] = static_cast<T>(InputInt(seed, argument, i, spec.low, spec.high));
  }
}

}  // namespace

std::size_t BytesOf(Type type) { return type == Type::kI8 ? 1 : 4; }

void FillInput(const ArgumentSpec& spec, std::uint64_t seed, std::uint32_t argument, void* data) {
  if (spec.type == Type::kF32) {
    auto* const values = static_cast<float*>(data);
    for (std::uint64_t i = 0; i < spec.elements; ++i) values[i] = InputFloat(seed, argument, i);
  } else if (spec.type == Type::kI32) {
    FillIntegers<std::int32_t>(spec, seed, argument, data);
  } else if (spec.low != 0 || spec.high != 0) {
    FillIntegers<std::int8_t>(spec, seed, argument, data);
  } else {
    auto* const values = static_cast<std::int8_t*>(data);
    for (std::uint64_t i = 0; i < spec.elements; ++i) values[i] = InputInt8(seed, argument, i);
  }
}

void Poison(Type type, std::uint64_t elements, const void* want, void* data) {
  const std::size_t bytes = elements * BytesOf(type);
  if (type == Type::kF32) {
    std::memset(data, 0xff, bytes);  // 0xffffffff is a NaN.
  } else if (want == nullptr) {
    std::memset(data, 0x80, bytes);
  } else {
    const auto* const from = static_cast<const unsigned char*>(want);
    auto* const to = static_cast<unsigned char*>(data);
    for (std::size_t i = 0; i < bytes; ++i) to[i] = static_cast<unsigned char>(~from[i]);
  }
}

Mismatch Compare(Type type, std::uint64_t elements, const void* got, const void* want, double absolute,
                 double relative) {
  switch (type) {
    case Type::kF32:
      return CompareAs(elements, static_cast<const float*>(got), static_cast<const float*>(want), absolute,
                       relative);
    case Type::kI32:
      return CompareAs(elements, static_cast<const std::int32_t*>(got),
                       static_cast<const std::int32_t*>(want), absolute, relative);
    case Type::kI8:
      break;
  }
  return CompareAs(elements, static_cast<const std::int8_t*>(got), static_cast<const std::int8_t*>(want),
                   absolute, relative);
}

}  // namespace tunefarm::executor
