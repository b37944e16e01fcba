// A job as submitted, checked and understood.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "tunefarm/v1/tuner.pb.h"
#include "tuner/session.h"

namespace tunefarm::tuner {

// Puts a submitted request into its stored form: canonical workloads, targets as full text (so that "host"
// stays the machine it was when the job was submitted), defaults filled in. An error names the task or option
// that is wrong and carries the exit status of its kind. Idempotent.
absl::Status Normalise(v1::SubmitJobRequest* request);

struct JobSpec {
  std::vector<SessionTask> tasks;
  SessionOptions options;
};
// Of a normalised request.
absl::StatusOr<JobSpec> ParseJob(const v1::SubmitJobRequest& request);

// kMissingCompiler, naming the package, when the compiler of one of the targets is not there.
absl::Status CheckCompilers(const JobSpec& spec);

// Decides the inputs of a task's measurements: the same for all jobs, so that a record can be replayed by
// anyone.
uint64_t InputSeedOf(const schedules::Workload& workload);

}  // namespace tunefarm::tuner
