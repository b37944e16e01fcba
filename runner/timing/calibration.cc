#include "runner/timing/calibration.h"

#include <algorithm>
#include <cmath>

#include "runner/timing/robust_stats.h"

namespace tunefarm {
namespace {

// Two readings closer than this are believed. A preemption costs a sample of 1 ms several times its length,
// and ordinary noise stays below a quarter (a neighbour waking up); at half of it calibration would often
// need a third reading, at double a slowed reading would pass.
constexpr double kAgreement = 0.25;

// Aim above the minimum, so that ordinary noise does not make a sample too short.
constexpr double kMargin = 1.1;

// After one short reading believe at most this much growth: the clock's resolution and cold caches distort
// it.
constexpr double kMaxGrowth = 10;

// On a machine that never gives two equal readings, go on with the fastest.
constexpr int kMaxReadings = 6;

}  // namespace

void Calibration::Add(double elapsed_us) {
  const double call_us = elapsed_us / static_cast<double>(iterations_);
  if (elapsed_us < min_sample_us_) {
    const double wanted =
        call_us > 0 ? kMargin * min_sample_us_ / call_us : kMaxGrowth * static_cast<double>(iterations_);
    const double next = std::min(std::ceil(wanted), kMaxGrowth * static_cast<double>(iterations_));
    iterations_ = std::max(iterations_ + 1, static_cast<std::uint64_t>(next));
    previous_us_ = 0;
    readings_ = 0;
    call_us_ = 0;
    return;
  }
  ++readings_;
  call_us_ = call_us_ == 0 ? call_us : std::min(call_us_, call_us);
  const bool agree =
      previous_us_ > 0 && std::abs(call_us - previous_us_) <= kAgreement * std::min(call_us, previous_us_);
  previous_us_ = call_us;
  done_ = agree || readings_ >= kMaxReadings;
}

void WarmUp::Add(double sample_us, double elapsed_us) {
  spent_us_ += elapsed_us;
  window_.push_back(sample_us);
  if (window_.size() < 3) return;
  medians_.push_back(Median(window_));
  window_.clear();
}

bool WarmUp::done() const {
  if (spent_us_ >= max_us_) return true;
  if (medians_.size() < 3) return false;
  const auto [low, high] = std::minmax_element(medians_.end() - 3, medians_.end());
  return *high - *low <= agreement_ * *low;
}

}  // namespace tunefarm
