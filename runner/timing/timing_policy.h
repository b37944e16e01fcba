// The numbers of v1::MeasurementPolicy as a plain struct: the executor, which runs on the smallest boards,
// does without Protobuf. Field meanings are documented in proto/tunefarm/v1/measurement.proto.
#pragma once

#include <cstdint>

namespace tunefarm {

struct TimingPolicy {
  std::uint32_t min_samples = 0;
  std::uint32_t reference_every = 0;
  double min_time_us = 0;
  double max_time_us = 0;
  double target_half_width = 0;
  double min_sample_us = 0;
  double max_warm_up_us = 0;
  double warm_up_agreement = 0;
  double cutoff_us = 0;
  double drift_limit = 0;
  // The lowest contention (sampler.h) that this device has shown; 0: not known yet. Not part of the wire's
  // policy.
  double calm_contention = 0;
};

}  // namespace tunefarm
