#include "runner/emulated/call_deadline.h"

#include <algorithm>

namespace tunefarm {
namespace {

// A multiply-add may take as many cycles for each of its two operations; naive code with all its checks takes
// 50.
constexpr double kSlowestCyclesPerFlop = 100;
// What an emulator with its counting plugin does at the least on a busy machine.
constexpr double kSlowestHz = 20e6;
constexpr absl::Duration kMost = absl::Minutes(1);
// But never less, for what does not depend on the work.
constexpr absl::Duration kLeast = absl::Seconds(1);

}  // namespace

absl::Duration EmulatedCallDeadline(const v1::RunDescription& run) {
  const absl::Duration slow = std::min(absl::Seconds(run.flop() * kSlowestCyclesPerFlop / kSlowestHz), kMost);
  return std::max({kLeast, absl::Microseconds(run.check_deadline_us()), slow});
}

}  // namespace tunefarm
