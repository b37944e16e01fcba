#include "base/clock.h"

namespace tunefarm {
namespace {
class SystemClock : public Clock {
 public:
  absl::Time Now() override { return absl::Now(); }
};
}  // namespace

Clock& RealClock() {
  static SystemClock clock;
  return clock;
}

}  // namespace tunefarm
