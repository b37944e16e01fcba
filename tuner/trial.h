// A trial as the session sees it: what is proposed, and what came of it.
#pragma once

#include <string>

#include "schedules/config_space.h"
#include "tunefarm/v1/measurement.pb.h"

namespace tunefarm::tuner {

struct Proposal {
  int task_index = 0;
  int trial = 0;  // Counted from 0 in its task; 0 is the default config.
  schedules::Config config;
  std::string config_text;
};

// Times are of one call, in microseconds.
struct Outcome {
  bool ok = false;
  double median_us = 0;
  double low_us = 0;  // 95 % interval of the median; 0 when unknown.
  double high_us = 0;
  bool noisy = false;
  bool censored = false;  // Cut short: median_us is only a lower bound.
  double cycles = 0;      // 0: unknown.
  // The time is a model's: the same on every run, and off by up to error_band (a share).
  bool estimated = false;
  double error_band = 0;
  std::string cycle_model;
  v1::FailureKind failure = v1::FAILURE_KIND_UNSPECIFIED;
  std::string message;        // Of the failure.
  std::string kernel_digest;  // Empty when it was not built.
};

// From a stored or reported measurement of one kernel.
Outcome OutcomeOf(const v1::Measurement& measurement, const std::string& kernel_digest);

// True when the failure tells something of the kernel; false when it belongs to the farm (device lost,
// upload, cancelled, ...), in which case the cost model must not learn from it.
bool IsCandidateFailure(v1::FailureKind kind);

// "wrong_result": the kind in lower case, as in TrialEvent.status.
std::string FailureName(v1::FailureKind kind);

}  // namespace tunefarm::tuner
