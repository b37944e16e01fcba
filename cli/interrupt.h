// Ctrl-C (and SIGTERM, SIGHUP): the first asks for a clean stop, the second leaves at once with kInterrupted.
#pragma once

#include "base/status.h"

namespace tunefarm::cli {

// While one lives, signals are counted instead of ending the process. One at a time, on the main thread.
class InterruptScope {
 public:
  InterruptScope();
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;

  // True after the first signal. Safe from any thread.
  static bool requested();
  // kCancelled with exit status kInterrupted after the first signal, naming what was given up.
  static absl::Status Check(absl::string_view what);
};

}  // namespace tunefarm::cli
