// Taking the machine's mood out of the samples: a core of a shared machine drops by a quarter for seconds at
// a time, and the reference kernel, run between the samples, drops with it.
#pragma once

#include <cstdint>
#include <vector>

namespace tunefarm {

// For each of `count` samples, the reference kernel's time near it: the median of the up to four readings
// around it (two before, two after). references[i] was taken after positions[i] samples; positions do not
// fall. Empty without readings.
std::vector<double> LocalReferences(std::size_t count, const std::vector<double>& references,
                                    const std::vector<std::uint32_t>& positions);

// samples[i] / local[i] * baseline: what the sample would have been on the device at its baseline speed. With
// no references or no baseline the samples as they are.
std::vector<double> CorrectSamples(const std::vector<double>& samples, const std::vector<double>& references,
                                   const std::vector<std::uint32_t>& positions, double baseline);

}  // namespace tunefarm
