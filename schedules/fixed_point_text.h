// The arithmetic of schedules/fixed_point.h in generated C: `scale` is MultiplyByQuantizedMultiplier. The
// text needs <stdint.h>.
#pragma once

#include "schedules/workload.h"

namespace tunefarm::schedules {

inline const char* ScaleText(Rounding rounding) {
  if (rounding == Rounding::kSingle) {
    return R"(static inline int32_t scale(int32_t acc, int32_t multiplier, int32_t shift) {
  const int total = 31 - shift;
  return (int32_t)(((int64_t)acc * multiplier + ((int64_t)1 << (total - 1))) >> total);
}
)";
  }
  return R"(static inline int32_t scale(int32_t acc, int32_t multiplier, int32_t shift) {
  const int left = shift > 0 ? shift : 0, right = shift > 0 ? 0 : -shift;
  const int32_t shifted = (int32_t)((uint32_t)acc << left);
  const int32_t high = (int32_t)(((int64_t)shifted * multiplier + (1 << 30)) >> 31);
  const int32_t mask = (int32_t)((1u << right) - 1);
  return (high >> right) + ((high & mask) > (mask >> 1) + (high < 0));
}
)";
}

}  // namespace tunefarm::schedules
