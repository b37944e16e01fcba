// The device's calm speed, as the time of the reference kernel: what measured times are normalised to.
#pragma once

#include <vector>

namespace tunefarm {

// Pure. Normalised times may be compared only under one baseline, so it moves rarely: never to a slower
// speed, and to a faster one only when the device has shown that its first estimate was taken in a bad
// moment.
class ReferenceBaseline {
 public:
  // `initial_us`: from an earlier run of the same device, or 0 when there is none yet.
  explicit ReferenceBaseline(double initial_us) : value_us_(initial_us) {}

  // The median time of the reference kernel during one measurement. True when the baseline changed.
  bool Add(double reference_us);

  // 0 before the first Add on a device without an earlier one.
  double value_us() const { return value_us_; }

 private:
  double value_us_;
  std::vector<double> recent_;  // The latest medians, oldest first.
};

}  // namespace tunefarm
