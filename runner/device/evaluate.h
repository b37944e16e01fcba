// From what an executor reported to a Measurement: typed failures, plausibility, statistics. Pure: the
// executor runs foreign code, so nothing it says is believed without a look.
#pragma once

#include "runner/device/executor_process.h"
#include "tunefarm/v1/measurement.pb.h"

namespace tunefarm {

// What a measurement is judged by, besides the report itself.
struct Judgement {
  double baseline_us = 0;       // Of the reference kernel; 0: unknown, times stay uncorrected.
  double peak_flop_per_us = 0;  // More than this no core of this device can do; 0: unknown.
};

// The core's clock as the executor saw it; 0 when it cannot be believed.
double MhzOf(const executor::Done& done);

// Fills `kernels` or `failure`, `failed_kernel`, and of the environment what the executor saw (mhz, cpu,
// reference_us, reference_baseline_us, context_switches).
v1::Measurement Evaluate(const v1::RunDescription& run, const ExecutorOutcome& outcome,
                         const Judgement& judgement);

}  // namespace tunefarm
