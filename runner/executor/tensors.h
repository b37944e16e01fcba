// The tensors of one job: filled from the seed, poisoned, and compared with what the operator should give.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runner/executor/guarded_buffer.h"
#include "runner/executor/protocol.h"

namespace tunefarm::executor {

std::size_t BytesOf(Type type);

// Element i becomes that of base/inputs.h for (seed, argument, i), as v1::Argument says.
void FillInput(const ArgumentSpec& spec, std::uint64_t seed, std::uint32_t argument, void* data);

// Sets every element so that one that is not written cannot pass: NaN for floats, the complement of what is
// wanted for integers, 0x80 bytes where nothing is (`want` is nullptr).
void Poison(Type type, std::uint64_t elements, const void* want, void* data);

struct Mismatch {
  std::uint64_t count = 0;
  std::uint64_t first = 0;  // Index of the first.
  double got = 0;
  double want = 0;
};

// |got - want| <= absolute + relative * |want| for every element; NaN never passes.
Mismatch Compare(Type type, std::uint64_t elements, const void* got, const void* want, double absolute,
                 double relative);

}  // namespace tunefarm::executor
