// The clock as an interface, so that tests move time instead of waiting for it.
#pragma once

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace tunefarm {

// Thread safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // Wall time. May jump; use it for what is stored and shown, and for deadlines that outlive a process.
  virtual absl::Time Now() = 0;
};

// The system's clock; lives for ever.
Clock& RealClock();

// A clock that stands still until it is told to move.
class FakeClock : public Clock {
 public:
  explicit FakeClock(absl::Time start) : now_(start) {}
  absl::Time Now() override {
    absl::MutexLock lock(&mu_);
    return now_;
  }
  void Advance(absl::Duration by) {
    absl::MutexLock lock(&mu_);
    now_ += by;
  }

 private:
  absl::Mutex mu_;
  absl::Time now_ ABSL_GUARDED_BY(mu_);
};

}  // namespace tunefarm
