// Stored with every measurement.
#pragma once

namespace tunefarm {

inline constexpr char kRunnerVersion[] = "0.1.0";

// Of the work that the reference kernel does (runner/timing/reference_kernel.h): times of different ones do
// not compare.
inline constexpr int kReferenceWorkVersion = 1;

}  // namespace tunefarm
