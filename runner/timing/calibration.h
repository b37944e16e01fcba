// What comes before the first sample: how many calls make one sample, and when the machine has warmed up.
// Pure classes fed with numbers.
#pragma once

#include <cstdint>
#include <vector>

namespace tunefarm {

// Finds how many calls last at least `min_sample_us`. One reading is not believed (a preemption in it would
// give far too few calls): two in a row must agree.
class Calibration {
 public:
  explicit Calibration(double min_sample_us) : min_sample_us_(min_sample_us) {}

  // How many calls to time next, or, once done(), how many make one sample.
  std::uint64_t iterations() const { return iterations_; }
  // The last iterations() calls lasted this long together.
  void Add(double elapsed_us);
  bool done() const { return done_; }
  // The shortest time of one call seen at the final number of calls.
  double call_us() const { return call_us_; }

 private:
  double min_sample_us_;
  std::uint64_t iterations_ = 1;
  double previous_us_ = 0;  // Of one call, at the same number of calls; 0: none.
  double call_us_ = 0;
  int readings_ = 0;  // At this number of calls.
  bool done_ = false;
};

// Ends when three successive medians (each of three samples) agree within a share, or when time is up.
class WarmUp {
 public:
  WarmUp(double agreement, double max_us) : agreement_(agreement), max_us_(max_us) {}
  void Add(double sample_us, double elapsed_us);
  bool done() const;

 private:
  double agreement_;
  double max_us_;
  double spent_us_ = 0;
  std::vector<double> window_;  // Up to three samples of the next median.
  std::vector<double> medians_;
};

}  // namespace tunefarm
