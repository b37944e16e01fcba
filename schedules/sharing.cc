#include "schedules/sharing.h"

#include <algorithm>

namespace tunefarm::schedules {
namespace {

// Starting threads and waiting for them takes some 10,000 cycles where they still spin, and several times
// that where they sleep. A kernel that would take less than this alone, at full speed, is not shared out.
constexpr double kCyclesWorthSharing = 50000;

}  // namespace

bool PaysToShare(const ComputeFacts& facts, const Target& target) {
  const double cycles = facts.compute.flop / (2.0 * std::max(1, target.lanes(sizeof(float))) *
                                              std::max<double>(1, target.fma_per_cycle));
  return cycles >= kCyclesWorthSharing;
}

}  // namespace tunefarm::schedules
