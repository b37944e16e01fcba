// Sizes in whole parts.
#pragma once

#include <cstdint>

namespace tunefarm {

// a / b, rounded up; a from 0 on, b from 1 on.
constexpr int64_t CeilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

// The smallest multiple of b that is not less than a.
constexpr int64_t RoundUp(int64_t a, int64_t b) { return CeilDivide(a, b) * b; }

}  // namespace tunefarm
