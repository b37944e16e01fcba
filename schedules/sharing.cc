#include "schedules/sharing.h"

#include <algorithm>
#include <utility>

namespace tunefarm::schedules {
namespace {

// Starting threads and waiting for them takes some 10,000 cycles where they still spin, and several times
// that where they sleep. A kernel that would take less than this alone, at full speed, is not shared out.
constexpr double kCyclesWorthSharing = 50000;

// The work of the first `count` iterations of the loops, whose `total` is that of all.
double WorkOfFirst(std::span<const SharedLoop> loops, int64_t count, double total) {
  if (loops.empty()) return static_cast<double>(count) * total;
  const SharedLoop& loop = loops.front();
  int64_t inside = 1;
  for (const SharedLoop& inner : loops.subspan(1)) inside *= inner.extent;
  const double one = total / loop.iterations;
  const int64_t whole = count / inside;
  if (whole >= loop.extent) return total;
  const double last = loop.iterations - static_cast<double>(loop.extent - 1);
  return static_cast<double>(whole) * one +
         WorkOfFirst(loops.subspan(1), count % inside, whole + 1 == loop.extent ? last * one : one);
}

}  // namespace

double BusiestShare(std::span<const SharedLoop> loops, int threads) {
  int64_t count = 1;
  for (const SharedLoop& loop : loops) count *= loop.extent;
  double busiest = 0, done = 0;
  for (int64_t thread = 0, first = 0; thread < threads && first < count; ++thread) {
    first += count / threads + (thread < count % threads ? 1 : 0);
    const double before = std::exchange(done, WorkOfFirst(loops, first, 1));
    busiest = std::max(busiest, done - before);
  }
  return busiest;
}

bool PaysToShare(const ComputeFacts& facts, const Target& target) {
  const double cycles = facts.compute.flop / (2.0 * std::max(1, target.lanes(sizeof(float))) *
                                              std::max<double>(1, target.fma_per_cycle));
  return cycles >= kCyclesWorthSharing;
}

}  // namespace tunefarm::schedules
