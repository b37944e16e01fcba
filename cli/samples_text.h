// The samples of a measurement for people. Pure.
#pragma once

#include <string>
#include <vector>

#include "tunefarm/v1/measurement.pb.h"

namespace tunefarm::cli {

// One character a sample in the order taken, from the fastest to the slowest of them; at most `width` (then
// each stands for the slowest of its neighbours, so that no outlier is lost).
std::string Sparkline(const std::vector<double>& samples, std::size_t width);

// Median and interval, what was dropped or noisy, the spread, a sparkline, and the reference kernel's times.
std::string DescribeSamples(const v1::KernelResult& result);

}  // namespace tunefarm::cli
