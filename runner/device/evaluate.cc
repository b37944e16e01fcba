#include "runner/device/evaluate.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "runner/device/seccomp_filter.h"
#include "runner/timing/correction.h"
#include "runner/timing/reference_kernel.h"
#include "runner/timing/robust_stats.h"

namespace tunefarm {
namespace {

const char* PhaseName(executor::Phase phase) {
  switch (phase) {
    case executor::Phase::kLoad:
      return "loading";
    case executor::Phase::kCheck:
      return "the check";
    case executor::Phase::kWarmUp:
      return "warm-up";
    case executor::Phase::kTime:
      return "timing";
  }
  return "an unknown phase";
}

std::string SignalName(int signal) {
  const char* const name = sigabbrev_np(signal);
  return name != nullptr ? absl::StrCat("SIG", name) : absl::StrCat("signal ", signal);
}

void DescribeSignal(const executor::FaultReport& fault, v1::Failure& failure) {
  failure.set_kind(v1::FAILURE_KIND_CRASH);
  failure.set_signal(fault.signal);
  std::string message = absl::StrCat("crashed with ", SignalName(fault.signal));
  if (fault.address != 0 || fault.signal == SIGSEGV)
    absl::StrAppendFormat(&message, " at address 0x%x", fault.address);
  if (fault.text[0] != '\0') absl::StrAppend(&message, ": ", fault.text);
  if (fault.address_space_exhausted != 0 && fault.signal != SIGFPE && fault.signal != SIGILL) {
    failure.set_kind(v1::FAILURE_KIND_OUT_OF_MEMORY);
    absl::StrAppend(&message, ", with its memory limit used up");
  }
  failure.set_message(absl::StrCat(message, " during ", PhaseName(fault.phase)));
}

void DescribeFault(const executor::FaultReport& fault, v1::Failure& failure) {
  switch (fault.fault) {
    case executor::Fault::kSignal:
      DescribeSignal(fault, failure);
      return;
    case executor::Fault::kSystemCall: {
      const TrappedCall call = ClassifyTrapped(fault.system_call, fault.system_call_arguments);
      failure.set_kind(call.kind);
      failure.set_message(absl::StrCat(call.message, " during ", PhaseName(fault.phase)));
      return;
    }
    case executor::Fault::kLoad:
      failure.set_kind(v1::FAILURE_KIND_LOAD);
      break;
    case executor::Fault::kWrongResult:
      failure.set_kind(v1::FAILURE_KIND_WRONG_RESULT);
      break;
    case executor::Fault::kOutOfMemory:
      failure.set_kind(v1::FAILURE_KIND_OUT_OF_MEMORY);
      break;
    default:
      failure.set_kind(v1::FAILURE_KIND_INTERNAL);
  }
  failure.set_message(fault.text);
}

void DescribeEnd(const ExecutorOutcome& outcome, v1::Failure& failure) {
  if (outcome.cancelled) {
    failure.set_kind(v1::FAILURE_KIND_CANCELLED);
    failure.set_message("stopped because the tracker asked for it");
  } else if (outcome.timed_out) {
    const bool memory = outcome.address_space_exhausted;
    failure.set_kind(memory ? v1::FAILURE_KIND_OUT_OF_MEMORY : v1::FAILURE_KIND_TIMEOUT);
    failure.set_message(absl::StrCat("passed its deadline during ", PhaseName(outcome.phase),
                                     memory ? ", with its memory limit used up" : ""));
  } else if (outcome.fault.has_value()) {
    DescribeFault(*outcome.fault, failure);
  } else if (!outcome.started) {
    failure.set_kind(v1::FAILURE_KIND_INTERNAL);
    failure.set_message("the sandbox did not start; see the detail");
  } else if (WIFSIGNALED(outcome.wait_status) || WEXITSTATUS(outcome.wait_status) > 128) {
    // Not by its own handlers: the system's doing (out of memory) or a kernel that took the handlers away.
    const int signal = WIFSIGNALED(outcome.wait_status) ? WTERMSIG(outcome.wait_status)
                                                        : WEXITSTATUS(outcome.wait_status) - 128;
    failure.set_kind(signal == SIGKILL ? v1::FAILURE_KIND_OUT_OF_MEMORY : v1::FAILURE_KIND_CRASH);
    failure.set_signal(signal);
    failure.set_message(
        absl::StrCat("was ended by ", SignalName(signal), " during ", PhaseName(outcome.phase)));
  } else {
    failure.set_kind(v1::FAILURE_KIND_EXITED);
    failure.set_message(absl::StrCat("ended its process (exit status ", WEXITSTATUS(outcome.wait_status),
                                     ") during ", PhaseName(outcome.phase)));
  }
}

// Why the numbers cannot be true; empty when they can.
std::string Implausible(const v1::RunDescription& run, const KernelSamples& samples,
                        const Judgement& judgement) {
  if (samples.samples_us.empty() || samples.iterations == 0) return "no sample was taken";
  if (samples.reference_us.size() != samples.reference_positions.size())
    return "the reference readings do not fit";
  if (!std::is_sorted(samples.reference_positions.begin(), samples.reference_positions.end())) {
    return "the reference readings are out of order";
  }
  const auto sane = [](double us) { return std::isfinite(us) && us > 0 && us < 1e12; };
  if (!std::all_of(samples.samples_us.begin(), samples.samples_us.end(), sane))
    return "a sample is not a positive time";
  if (!std::all_of(samples.reference_us.begin(), samples.reference_us.end(), sane))
    return "a reference reading is not a positive time";
  const double median = Median(samples.samples_us);
  const double threads = std::max(run.threads(), 1u);
  if (judgement.peak_flop_per_us > 0 && run.flop() > judgement.peak_flop_per_us * threads * median) {
    return absl::StrFormat("%.0f GFLOP/s are more than this core can do: the kernel does not do the work",
                           run.flop() / median * 1e-3);
  }
  return "";
}

v1::KernelResult Summarise(const KernelSamples& samples, double baseline_us) {
  v1::KernelResult result;
  result.mutable_samples_us()->Add(samples.samples_us.begin(), samples.samples_us.end());
  result.mutable_reference_us()->Add(samples.reference_us.begin(), samples.reference_us.end());
  result.mutable_reference_positions()->Add(samples.reference_positions.begin(),
                                            samples.reference_positions.end());
  const std::vector<double> corrected =
      CorrectSamples(samples.samples_us, samples.reference_us, samples.reference_positions, baseline_us);
  const Interval interval = MedianInterval95(corrected);
  result.set_iterations(samples.iterations);
  result.set_median_us(Median(corrected));
  result.set_raw_median_us(Median(samples.samples_us));
  result.set_low_us(interval.low);
  result.set_high_us(interval.high);
  result.set_noisy(samples.noisy);
  result.set_censored(samples.censored);
  result.set_dropped(samples.dropped);
  return result;
}

}  // namespace

double MhzOf(const executor::Done& done) {
  return std::isfinite(done.clock_us) && done.clock_us > 1 ? ReferenceKernel::kClockCycles / done.clock_us
                                                           : 0;
}

v1::Measurement Evaluate(const v1::RunDescription& run, const ExecutorOutcome& outcome,
                         const Judgement& judgement) {
  v1::Measurement measurement;
  v1::Environment& environment = *measurement.mutable_environment();
  environment.set_reference_baseline_us(judgement.baseline_us);
  environment.set_cpu(-1);
  v1::Failure failure;
  std::uint32_t failed_kernel = outcome.kernel;
  if (!outcome.done.has_value()) {
    DescribeEnd(outcome, failure);
    failure.set_phase(static_cast<v1::Phase>(outcome.phase));
  } else {
    environment.set_mhz(MhzOf(*outcome.done));
    environment.set_cpu(outcome.done->cpu);
    environment.set_context_switches(outcome.done->context_switches);
    for (std::uint32_t k = 0; k < outcome.samples.size(); ++k) {
      const std::string why = Implausible(run, outcome.samples[k], judgement);
      if (why.empty()) continue;
      const bool none = outcome.samples[k].samples_us.empty();
      failure.set_kind(none ? v1::FAILURE_KIND_NOISY : v1::FAILURE_KIND_WRONG_RESULT);
      failure.set_phase(v1::PHASE_TIME);
      failure.set_message(why);
      failed_kernel = k;
      break;
    }
  }
  if (failure.kind() != v1::FAILURE_KIND_UNSPECIFIED) {
    failure.set_detail(outcome.error_tail);
    *measurement.mutable_failure() = failure;
    measurement.set_failed_kernel(failed_kernel);
    return measurement;
  }
  if (!outcome.samples.empty()) environment.set_reference_us(Median(outcome.samples[0].reference_us));
  for (const KernelSamples& samples : outcome.samples) {
    *measurement.add_kernels() = Summarise(samples, judgement.baseline_us);
  }
  return measurement;
}

}  // namespace tunefarm
