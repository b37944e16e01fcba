#include "runner/timing/reference_baseline.h"

#include "runner/timing/robust_stats.h"

namespace tunefarm {
namespace {

// Medians to look back on before the baseline is judged: at 5 trials a second some 6 s, longer than one mood
// of a neighbour. At half of it one lucky second could move the baseline.
constexpr std::size_t kWindow = 32;

// The device is believed to be faster when its best decile beats the baseline by this much. Below lies
// ordinary jitter, and each move makes older times incomparable by as much.
constexpr double kFaster = 0.05;

}  // namespace

bool ReferenceBaseline::Add(double reference_us) {
  if (!(reference_us > 0)) return false;
  if (value_us_ <= 0) {
    value_us_ = reference_us;
    return true;
  }
  recent_.push_back(reference_us);
  if (recent_.size() < kWindow) return false;
  const double calm = Quantile(recent_, 0.1);
  recent_.erase(recent_.begin(), recent_.begin() + kWindow / 2);
  if (calm >= value_us_ * (1 - kFaster)) return false;
  value_us_ = calm;
  return true;
}

}  // namespace tunefarm
