// The measurement itself, as an algorithm over readings: calibration, warm-up, and samples of several kernels
// interleaved with each other (A B B A) and with the reference kernel. It knows no clock and runs no code:
// the executor passes readings of real kernels, tests pass scripted ones.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "runner/timing/timing_policy.h"

namespace tunefarm {

struct Reading {
  double us = 0;
  bool disturbed = false;   // Preempted or moved to another core while it ran.
  bool own_time = false;    // Although disturbed: `us` is the time that it had the core for.
  bool of_threads = false;  // Of several, which wait for one another: only the clock says anything.
};

// The core's state between samples (reference_kernel.h).
struct CoreReading {
  double clock_us = 0;  // Of the chain of dependent additions: what samples are corrected by.
  double contention =
      0;  // Crowd over clock: a constant of the core while it has its units to itself, more otherwise.
  bool disturbed = false;
  bool uneven = false;  // The chain's two times differ: a clock to use, but no moment to call calm.

  bool calm() const { return !disturbed && !uneven; }
};

// The core's state from the chain, the mix, and the chain again. The shorter chain counts: what the kernel
// under us does not see (a host that gives the core to others for some microseconds) lengthens one of them,
// and would otherwise pass for a slow clock beside calm neighbours.
CoreReading Combine(const Reading& clock, const Reading& crowd, const Reading& clock_again);

// What the sampler may do. Both run to completion on the caller's thread.
struct Bench {
  std::function<Reading(std::size_t kernel, std::uint64_t iterations)> run;
  std::function<CoreReading()> reference;
  std::function<void()> begin_sampling;  // Warm-up is over.
};

struct KernelSamples {
  std::vector<double> samples_us;  // Of one call.
  std::vector<double> reference_us;
  std::vector<std::uint32_t> reference_positions;
  std::uint64_t iterations = 0;
  bool noisy = false;
  bool censored = false;
  std::uint32_t dropped = 0;
};

// All kernels get the same number of samples, and sample i of each is a neighbour in time of sample i of the
// others: a round in which one was disturbed is dropped for all. Where too few are left alone, as on a
// machine with other work and kernels of many milliseconds, rounds of disturbed readings count that are own
// time.
std::vector<KernelSamples> Sample(const TimingPolicy& policy, std::size_t kernels, const Bench& bench,
                                  double* calm_contention);

}  // namespace tunefarm
