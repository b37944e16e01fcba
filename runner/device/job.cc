#include "runner/device/job.h"

#include <algorithm>
#include <cmath>

namespace tunefarm {
namespace {

// Room for a kernel that allocates its own small scratch; kernels of ours get theirs as workspace.
constexpr std::uint64_t kDefaultMemoryLimit = 256 << 20;

}  // namespace

TimingPolicy ToTimingPolicy(const v1::MeasurementPolicy& policy) {
  TimingPolicy timing;
  timing.min_samples = policy.min_samples();
  timing.reference_every = policy.reference_every();
  timing.min_time_us = policy.min_time_us();
  timing.max_time_us = policy.max_time_us();
  timing.target_half_width = policy.target_half_width();
  timing.min_sample_us = policy.min_sample_us();
  timing.max_warm_up_us = policy.max_warm_up_us();
  timing.warm_up_agreement = policy.warm_up_agreement();
  timing.cutoff_us = policy.cutoff_us();
  timing.drift_limit = policy.drift_limit();
  return timing;
}

absl::StatusOr<std::unique_ptr<executor::Job>> MakeJob(const LocalWork& work, std::uint64_t memory_bytes) {
  const v1::RunDescription& run = work.item.run();
  auto job = std::make_unique<executor::Job>();
  if (work.kernel_paths.empty() || work.kernel_paths.size() > executor::kMaxKernels) {
    return absl::InvalidArgumentError(absl::StrCat("a piece of work has 1 to ", executor::kMaxKernels,
                                                   " kernels, not ", work.kernel_paths.size()));
  }
  if (run.arguments_size() < 1 || static_cast<std::size_t>(run.arguments_size()) > executor::kMaxArguments) {
    return absl::InvalidArgumentError(absl::StrCat("a kernel takes 1 to ", executor::kMaxArguments,
                                                   " arguments, not ", run.arguments_size()));
  }
  const std::uint64_t room = memory_bytes > 0 ? memory_bytes / 2 : ~std::uint64_t{0};
  std::uint64_t total = 0;
  const auto add = [&total, room](std::uint64_t bytes) {
    if (bytes > room || total > room - bytes) return false;
    total += bytes;
    return true;
  };
  for (int a = 0; a < run.arguments_size(); ++a) {
    const v1::Argument& argument = run.arguments(a);
    const bool last = a + 1 == run.arguments_size();
    if (argument.type() != v1::DATA_TYPE_F32 && argument.type() != v1::DATA_TYPE_I8 &&
        argument.type() != v1::DATA_TYPE_I32) {
      return absl::InvalidArgumentError(
          absl::StrCat("argument ", a, " is none of f32, i8 and i32, the types this runner fills"));
    }
    if (argument.low() > argument.high()) {
      return absl::InvalidArgumentError(
          absl::StrCat("argument ", a, " has a range from ", argument.low(), " to ", argument.high()));
    }
    if ((argument.role() == v1::ARGUMENT_ROLE_OUTPUT) != last) {
      return absl::InvalidArgumentError("exactly the last argument must be the output");
    }
    if (argument.role() == v1::ARGUMENT_ROLE_UNSPECIFIED || argument.elements() == 0) {
      return absl::InvalidArgumentError(absl::StrCat("argument ", a, " has no role or no elements"));
    }
    if (argument.elements() > (room >> 2) || !add(argument.elements() * 4)) {
      return absl::ResourceExhaustedError("the tensors need more than half of the device's memory");
    }
    job->arguments[a] = {static_cast<executor::Type>(argument.type()),
                         static_cast<executor::Role>(argument.role()), argument.elements(), argument.low(),
                         argument.high()};
  }
  if (!add(run.packed_bytes()) || !add(run.workspace_bytes())) {
    return absl::ResourceExhaustedError(
        "packed constants and workspace need more than half of the device's memory");
  }
  const v1::MeasurementPolicy& policy = run.policy();
  if (!(policy.max_time_us() > 0) || !std::isfinite(policy.max_time_us()) || policy.min_samples() == 0 ||
      !(policy.min_sample_us() > 0)) {
    return absl::InvalidArgumentError(
        "the measurement policy needs min_samples, min_sample_us and max_time_us");
  }
  job->kernel_count = static_cast<std::uint32_t>(work.kernel_paths.size());
  job->argument_count = static_cast<std::uint32_t>(run.arguments_size());
  job->input_seed = run.input_seed();
  job->packed_bytes = run.packed_bytes();
  job->workspace_bytes = run.workspace_bytes();
  job->absolute_tolerance = run.absolute_tolerance();
  job->relative_tolerance = run.relative_tolerance();
  job->policy = ToTimingPolicy(policy);
  job->memory_limit_bytes =
      run.memory_limit_bytes() > 0 ? std::min(run.memory_limit_bytes(), room) : kDefaultMemoryLimit;
  job->threads = std::max(run.threads(), 1u);
  return job;
}

}  // namespace tunefarm
