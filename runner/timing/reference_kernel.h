// A fixed piece of work that tells how fast the core is right now: arithmetic out of registers, and loads and
// stores in the first-level cache. It brings its data in before the clock starts, so that it reads the same
// beside a kernel that fills the caches and beside one that does not. A few tenths of a millisecond on a
// server core. Its work must never change: stored baselines refer to it. kReferenceWorkVersion
// (runner/version.h) names it.
#pragma once

#include <vector>

namespace tunefarm {

// Not thread safe. Allocates at construction only.
class ReferenceKernel {
 public:
  ReferenceKernel();
  // Call before timing: brings code and data into the cache.
  void Warm();
  // Does the work once.
  void Run();

 private:
  void Pass(int passes, int steps);
  std::vector<float> buffer_;
  volatile float sink_ = 0;  // Keeps the optimiser from seeing that nobody uses the result.
};

// The core's clock in MHz: dependent additions take one cycle each on every core we know. About 0.1 ms; the
// best of a few readings. 0 where it cannot be measured.
double MeasureMhz();

}  // namespace tunefarm
