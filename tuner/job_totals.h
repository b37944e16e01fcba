// How fast a job runs and how well its devices are used, since this daemon took it up. Pure.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "absl/time/time.h"
#include "tunefarm/v1/measurement.pb.h"

namespace tunefarm::tuner {

class JobTotals {
 public:
  explicit JobTotals(absl::Time start) : start_(start) {}

  void AddTrial() { ++trials_; }
  // A measurement that was taken for this job (not one copied from a twin), of one kernel or several.
  void AddMeasurement(const v1::Measurement& measurement) {
    busy_us_ += measurement.busy_us();
    if (!measurement.environment().device_id().empty())
      devices_.insert(measurement.environment().device_id());
  }

  double wall_s(absl::Time now) const { return absl::ToDoubleSeconds(now - start_); }
  double trials_per_second(absl::Time now) const { return now > start_ ? trials_ / wall_s(now) : 0; }
  // Time the devices spent on us, as a share of the wall time, averaged over the devices that we used. 0..1.
  double device_busy(absl::Time now) const {
    return devices_.empty() || now <= start_
               ? 0
               : busy_us_ * 1e-6 / wall_s(now) / static_cast<double>(devices_.size());
  }

 private:
  absl::Time start_;
  int64_t trials_ = 0;
  double busy_us_ = 0;
  std::set<std::string> devices_;
};

}  // namespace tunefarm::tuner
