// KernelRun's timing phase, for boards whose core counts cycles.
#include <algorithm>
#include <cmath>

#include "absl/time/clock.h"
#include "runner/boards/kernel_run.h"
#include "runner/device/job.h"
#include "runner/timing/robust_stats.h"
#include "runner/timing/stopping_criterion.h"

namespace tunefarm {
namespace {

// Samples asked for at once of a single kernel: a command costs some milliseconds over a probe.
constexpr std::uint32_t kBatch = 8;
// The counters have 32 bits; half of that leaves room for a call that takes longer than the first.
constexpr double kMostCycles = 2147483648.0;
// Beyond what samples should take, for a kernel whose time varies, and for the probe.
constexpr double kSlack = 4;
constexpr absl::Duration kCommandSlack = absl::Seconds(2);

}  // namespace

absl::Status KernelRun::TimeSamples(std::size_t kernel, std::uint32_t samples, std::uint32_t calls,
                                    std::vector<double>& cycles_of_one_call) {
  device::ControlBlock& control = job_.control;
  control.timer = static_cast<std::uint32_t>(parts_.board.gdb.timer);
  control.samples = samples;
  control.calls = calls;
  const double call_us = cycles_of_one_call.empty() ? absl::ToDoubleMicroseconds(CallDeadline())
                                                    : ToMicroseconds(cycles_of_one_call.back());
  TUNEFARM_RETURN_IF_ERROR(Command(device::kTime, kernel, v1::PHASE_TIME,
                                   kCommandSlack + absl::Microseconds(kSlack * samples * calls * call_us)));
  for (std::uint32_t i = 0; i < samples; ++i) {
    if (control.cycles[i] == 0) {
      return Fail(v1::FAILURE_KIND_WRONG_RESULT, v1::PHASE_TIME,
                  "a call takes no time: the kernel does no work");
    }
    cycles_of_one_call.push_back(static_cast<double>(control.cycles[i]) / calls);
  }
  return absl::OkStatus();
}

absl::Status KernelRun::TimeKernels() {
  phase_ = v1::PHASE_WARM_UP;
  control_.phase.store(phase_, std::memory_order_relaxed);
  const TimingPolicy policy = ToTimingPolicy(run_.policy());
  struct Series {
    StoppingCriterion criterion;
    std::vector<double> cycles;
    std::uint32_t calls = 1;
    bool censored = false;
  };
  std::vector<Series> series(kernels_.size(), Series{StoppingCriterion(policy), {}, 1, false});
  for (current_ = 0; current_ < series.size(); ++current_) {
    Series& s = series[current_];
    std::vector<double> first;
    TUNEFARM_RETURN_IF_ERROR(TimeSamples(current_, 1, 1, first));
    const double us = ToMicroseconds(first[0]);
    s.censored = policy.cutoff_us > 0 && us > policy.cutoff_us;
    if (s.censored) s.cycles = first;
    const double calls = std::min(std::ceil(policy.min_sample_us / us), kMostCycles / first[0]);
    s.calls = static_cast<std::uint32_t>(std::max(1.0, calls));
  }
  phase_ = v1::PHASE_TIME;
  control_.phase.store(phase_, std::memory_order_relaxed);
  // In turn, so that what drifts hits all alike.
  for (bool more = true; more;) {
    more = false;
    for (current_ = 0; current_ < series.size(); ++current_) {
      Series& s = series[current_];
      if (s.censored) continue;
      std::vector<double> cycles = s.cycles;
      const std::uint32_t samples = series.size() == 1 ? kBatch : 1;
      TUNEFARM_RETURN_IF_ERROR(TimeSamples(current_, samples, s.calls, cycles));
      for (std::size_t i = s.cycles.size(); i < cycles.size(); ++i) {
        s.criterion.Add(cycles[i], ToMicroseconds(cycles[i]) * s.calls);
      }
      s.cycles = std::move(cycles);
      more = more || s.criterion.Decide() == Sampling::kContinue;
    }
  }
  current_ = 0;
  for (const Series& s : series) {
    std::vector<double> us;
    us.reserve(s.cycles.size());
    for (const double cycles : s.cycles) us.push_back(ToMicroseconds(cycles));
    const Interval interval = MedianInterval95(us);
    v1::KernelResult& result = *measurement_.add_kernels();
    result.mutable_samples_us()->Add(us.begin(), us.end());
    result.set_iterations(s.calls);
    result.set_median_us(Median(us));
    result.set_raw_median_us(Median(us));
    result.set_low_us(interval.low);
    result.set_high_us(interval.high);
    result.set_noisy(!s.censored && s.criterion.Decide() == Sampling::kNoisy);
    result.set_censored(s.censored);
    result.set_cycles(Median(s.cycles));
  }
  return absl::OkStatus();
}

}  // namespace tunefarm
