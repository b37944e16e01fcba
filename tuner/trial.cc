#include "tuner/trial.h"

#include <cctype>

namespace tunefarm::tuner {

Outcome OutcomeOf(const v1::Measurement& measurement, const std::string& kernel_digest) {
  Outcome outcome;
  outcome.kernel_digest = kernel_digest;
  outcome.failure = measurement.failure().kind();
  outcome.message = measurement.failure().message();
  if (outcome.failure == v1::FAILURE_KIND_UNSPECIFIED && measurement.kernels_size() == 0) {
    outcome.failure = v1::FAILURE_KIND_INTERNAL;
    outcome.message = "the measurement has neither a result nor a failure";
  }
  if (outcome.failure != v1::FAILURE_KIND_UNSPECIFIED) return outcome;
  const v1::KernelResult& kernel = measurement.kernels(0);
  outcome.ok = true;
  outcome.median_us = kernel.median_us();
  outcome.low_us = kernel.low_us();
  outcome.high_us = kernel.high_us();
  outcome.noisy = kernel.noisy();
  outcome.censored = kernel.censored();
  outcome.cycles = kernel.cycles();
  outcome.estimated = kernel.estimated();
  outcome.error_band = kernel.error_band();
  outcome.cycle_model = kernel.cycle_model();
  return outcome;
}

bool IsCandidateFailure(v1::FailureKind kind) {
  switch (kind) {
    case v1::FAILURE_KIND_INSTANTIATE:
    case v1::FAILURE_KIND_COMPILE:
    case v1::FAILURE_KIND_LINK:
    case v1::FAILURE_KIND_BUILD_TIMEOUT:
    case v1::FAILURE_KIND_LOAD:
    case v1::FAILURE_KIND_CRASH:
    case v1::FAILURE_KIND_TIMEOUT:
    case v1::FAILURE_KIND_WRONG_RESULT:
    case v1::FAILURE_KIND_OUT_OF_MEMORY:
    case v1::FAILURE_KIND_FORKED:
    case v1::FAILURE_KIND_WROTE_FILE:
    case v1::FAILURE_KIND_FORBIDDEN_CALL:
    case v1::FAILURE_KIND_EXITED:
    case v1::FAILURE_KIND_FAULT:
    case v1::FAILURE_KIND_STACK_OVERFLOW:
    case v1::FAILURE_KIND_MEMORY_OVERRUN:
      return true;
    default:
      return false;
  }
}

std::string FailureName(v1::FailureKind kind) {
  static constexpr std::size_t kPrefix = sizeof("FAILURE_KIND_") - 1;
  std::string name = v1::FailureKind_Name(kind).substr(kPrefix);
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

}  // namespace tunefarm::tuner
