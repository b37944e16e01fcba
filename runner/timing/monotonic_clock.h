// The clock that samples are taken with: not slewed by NTP, not moved by an operator.
#pragma once

#include <time.h>

namespace tunefarm {

// Microseconds since some fixed moment.
inline double MonotonicMicros() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC_RAW, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) * 1e-3;
}

}  // namespace tunefarm
