#include "tracker/busy_share.h"

#include <algorithm>

namespace tunefarm {
namespace {
// Gaps below this are one busy stretch: it keeps the list to at most 60 s / 10 ms entries and changes the
// share by less than what the eye sees.
constexpr absl::Duration kMerge = absl::Milliseconds(10);
}  // namespace

void BusyShare::Add(absl::Time start, absl::Time end) {
  if (end <= start) return;
  while (!intervals_.empty() && intervals_.front().second < end - kWindow) intervals_.pop_front();
  if (!intervals_.empty() && start - intervals_.back().second < kMerge) {
    intervals_.back().second = std::max(intervals_.back().second, end);
  } else {
    intervals_.emplace_back(start, end);
  }
}

double BusyShare::Share(absl::Time now, absl::Time running_since) const {
  const absl::Time from = now - kWindow;
  absl::Duration busy;
  for (const auto& [start, end] : intervals_) {
    busy += std::max(absl::ZeroDuration(), std::min(end, now) - std::max(start, from));
  }
  if (running_since < now) busy += now - std::max(running_since, from);
  return std::min(1.0, absl::FDivDuration(busy, kWindow));
}

}  // namespace tunefarm
