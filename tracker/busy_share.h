// How much of the last minute a device was in use.
#pragma once

#include <deque>
#include <utility>

#include "absl/time/time.h"

namespace tunefarm {

// Not thread safe. Memory: one entry per lease that ended within the window, neighbours merged.
class BusyShare {
 public:
  static constexpr absl::Duration kWindow = absl::Seconds(60);

  void Add(absl::Time start, absl::Time end);
  // 0..1; `running_since` is the start of the running lease, InfiniteFuture() without one.
  double Share(absl::Time now, absl::Time running_since) const;

 private:
  std::deque<std::pair<absl::Time, absl::Time>> intervals_;  // In order, disjoint.
};

}  // namespace tunefarm
