#include "tuner/grid_search.h"

#include <numeric>

#include "tuner/candidate_set.h"

namespace tunefarm::tuner {
namespace {

// Illegal points passed over in one Ask, for spaces that are legal almost nowhere: some 0.1 s. After that
// many, sampling, which knows the way to legal points, has to help.
constexpr int64_t kMaxSteps = 2'000'000;

int64_t GoldenStep(int64_t size) {
  int64_t step = static_cast<int64_t>(static_cast<double>(size) * 0.6180339887498949);
  if (step < 1) step = 1;
  while (std::gcd(step, size) != 1) ++step;
  return step;
}

}  // namespace

std::vector<schedules::Config> GridSearch::Ask(const TaskHistory& history, const Predictor&, int count,
                                               Rng& rng) {
  const schedules::ConfigSpace& space = history.space();
  const int64_t step = GoldenStep(space.size());
  CandidateSet picked(history);
  int64_t steps = 0;
  bool moving_start = true;
  for (int64_t i = position_; i < space.size() && picked.size() < count && steps < kMaxSteps; ++i, ++steps) {
    const int64_t index = static_cast<int64_t>(static_cast<__int128>(i) * step % space.size());
    const schedules::Config config = space.FromIndex(index);
    const bool fresh = space.IsLegal(config) && picked.Add(config);
    // What is only picked may not be proposed after all; the start moves past what is settled.
    if (fresh) moving_start = false;
    if (moving_start) position_ = i + 1;
  }
  if (steps == kMaxSteps) {
    while (picked.size() < count && picked.AddRandom(rng)) {
    }
  }
  return picked.Take();
}

}  // namespace tunefarm::tuner
