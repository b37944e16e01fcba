// The tuner daemon's jobs: accepted, run, watched, cancelled, resumed. Knows nothing of gRPC.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/synchronization/mutex.h"
#include "base/status.h"
#include "tuner/job_runner.h"

namespace tunefarm::tuner {

// Thread safe. What the services name must outlive it.
class Daemon {
 public:
  explicit Daemon(const JobServices& services) : services_(services) {}
  // Stops all jobs where they are; the next Start goes on with them.
  ~Daemon();

  // Takes up the jobs that an earlier process left running.
  absl::Status Start();

  // Checks, stores and begins a job; its id. Idempotent by client_token. Errors name the task or option that
  // is wrong.
  absl::StatusOr<std::string> Submit(v1::SubmitJobRequest request);

  // Writes the events after `after_sequence`, stored ones and then live ones, until the job ends or `write`
  // returns false. kUnavailable: the daemon is stopping.
  absl::Status Watch(const std::string& job_id, uint64_t after_sequence,
                     const std::function<bool(const v1::JobEvent&)>& write);

  // Newest first; all, or just one (kNotFound).
  absl::StatusOr<v1::ListJobsResponse> List(const std::string& job_id);

  // Cancelling a cancelled job and resuming a running one change nothing. kFailedPrecondition: the job is
  // done.
  absl::Status Cancel(const std::string& job_id);
  absl::Status Resume(const std::string& job_id);

  // Ends all watches with kUnavailable. Call before waiting for the calls in progress.
  void StopWatching();

 private:
  std::shared_ptr<JobRunner> FindRunner(const std::string& job_id);
  absl::Status WatchEnded(const db::Job& job, uint64_t after_sequence,
                          const std::function<bool(const v1::JobEvent&)>& write);
  absl::StatusOr<v1::JobInfo> InfoOf(const db::Job& job);

  const JobServices services_;
  absl::Mutex mu_;  // Also: one of Submit, Cancel and Resume at a time.
  std::map<std::string, std::shared_ptr<JobRunner>> runners_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace tunefarm::tuner
