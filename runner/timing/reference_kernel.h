// Two fixed pieces of work that tell the state of the core right now. On a shared machine two different
// things slow a core, and they hit kernels differently: its clock drops (every kernel is slower by the same
// share), or another thread shares its execution units (a kernel that keeps them busy loses up to a third,
// another nothing).
//   Clock(): a chain of dependent additions. Feels the clock alone.
//   Crowd(): arithmetic and loads that keep all units busy. Feels both. Crowd over Clock is the contention.
// Their work must never change: stored baselines refer to it. kReferenceWorkVersion (runner/version.h) names
// it.
#pragma once

#include <vector>

namespace tunefarm {

// Not thread safe. Allocates at construction only.
class ReferenceKernel {
 public:
  ReferenceKernel();
  // Call before timing the others: brings code and data into the cache, so that they read the same beside a
  // kernel that fills the caches and beside one that does not.
  void Warm();
  // 40,000 dependent additions: as many cycles.
  static void Clock();
  // About 0.1 ms on a server core.
  void Crowd();

  // How many additions Clock() does: on the cores we know each takes one cycle.
  static constexpr double kClockCycles = 40000;

 private:
  void Pass(int passes, int steps);
  std::vector<float> buffer_;
  volatile float sink_ = 0;  // Keeps the optimiser from seeing that nobody uses the result.
};

}  // namespace tunefarm
