// The measurement policies that daemon and runner know by name. The daemon chooses one and sends its numbers.
#pragma once

#include "tunefarm/v1/measurement.pb.h"

namespace tunefarm {

// For every candidate: about 60 to 120 ms, enough to rank.
v1::MeasurementPolicy ScreeningPolicy();

// For a few kernels of one work measured interleaved (A B B A): narrow enough to declare a winner. A call of
// each takes `round_us` together, 0: not known.
v1::MeasurementPolicy ConfirmationPolicy(double round_us = 0);

}  // namespace tunefarm
