// Runs one job: the threads around a JobPipeline.
//
// The job's thread owns the pipeline; builders, sender, collector, refit and reference computation answer by
// posting to its inbox. Destroying a runner at any moment loses nothing: another one goes on from the
// database.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "base/clock.h"
#include "db/database.h"
#include "tuner/builder_pool.h"
#include "tuner/event_log.h"
#include "tuner/job_pipeline.h"
#include "tuner/measurement_client.h"

namespace tunefarm::tuner {

// What jobs share. All of it must outlive them, and is thread safe.
struct JobServices {
  db::Database& database;
  BuilderPool& builders;
  MeasurementClient& client;
  Clock& clock;
  std::function<absl::StatusOr<Kernel>(const schedules::Task&, const schedules::Config&)> build;
  std::function<Artifact(const schedules::Workload&)> expected_output;
  bool confirms_last = false;  // Of SessionOptions.
};

// Thread safe.
class JobRunner {
 public:
  // Begins at once. The job's state in the database is running.
  JobRunner(const JobServices& services, db::Job job);
  // Ends as soon as the calls in progress allow. The job stays as it is in the database.
  ~JobRunner();

  // Ends the job for good: takes back what is being measured, records what has been. The caller has stored
  // the state.
  void Cancel();

  EventLog& events() { return events_; }
  // The runner has done all it will do: the job has ended.
  bool ended() const;
  v1::JobProgress progress() const;  // As of the last second.

 private:
  class Helpers;  // The other threads.
  using Message = std::function<void(JobPipeline&)>;

  void Run();
  std::unique_ptr<JobPipeline> Load();
  void RunPipeline(JobPipeline& pipeline);
  void TakeBack(JobPipeline& pipeline);
  void Finish(const JobPipeline& pipeline);
  void End(const v1::JobSummary& summary);
  void Post(Message message);
  bool HandleMessages(JobPipeline& pipeline, absl::Duration timeout);
  bool Sleep(absl::Duration duration);  // False when the runner is to stop.

  const JobServices services_;
  const db::Job job_;
  EventLog events_;
  mutable absl::Mutex mu_;
  std::deque<Message> inbox_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  v1::JobProgress progress_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<Helpers> helpers_;  // Of the job's thread.
  std::thread thread_;
};

}  // namespace tunefarm::tuner
