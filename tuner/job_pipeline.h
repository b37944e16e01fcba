// One job on its way: what the session proposes is stored, built, sent to be measured, recorded, and told to
// the session.
//
// Nothing is told to anybody before it is stored, and every step can be taken again after a crash: a trial
// keeps its number and its work its name, so that each is measured once and recorded once.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "base/status.h"
#include "db/database.h"
#include "tuner/builder_pool.h"
#include "tuner/device_choice.h"
#include "tuner/event_log.h"
#include "tuner/job_spec.h"
#include "tuner/job_totals.h"
#include "tuner/result_collector.h"
#include "tuner/session.h"
#include "tuner/work_id.h"
#include "tuner/work_sender.h"

namespace tunefarm::tuner {

// What the pipeline sets in motion. Each answers through the On... call of the same row, on the job's thread.
struct PipelinePorts {
  std::function<void(const std::string& work_id, int kernel, int task_index, const schedules::Config&)> build;
  std::function<void(OutgoingWork)> send;
  std::function<void(std::vector<std::string> work_ids)> acknowledge;
  std::function<void(std::unique_ptr<RefitWork>)> refit;
};

// Not thread safe: lives on the job's thread. Does not block but for the database.
class JobPipeline {
 public:
  // Takes a job up where the database says it is. The database, log and clock must outlive it. An error means
  // that the job cannot go on (an unknown strategy, a template that has changed), or is the database's.
  // `confirms_last` as in SessionOptions.
  static absl::StatusOr<std::unique_ptr<JobPipeline>> Load(db::Database& database, EventLog& events,
                                                           Clock& clock, const db::Job& job, int builders,
                                                           bool confirms_last, PipelinePorts ports);

  void OnBuilt(const std::string& work_id, int kernel, absl::StatusOr<Kernel> result);
  void OnExpectedOutput(int task_index, Artifact output);
  void OnSent(const std::string& work_id, const absl::Status& status, uint64_t number);
  void OnUpdate(ResultCollector::Update update);
  void OnDevices(const v1::ListDevicesResponse& devices);
  void OnRefit(std::unique_ptr<RefitWork> work);

  // Stores what came in, then sets in motion what is next. Call after each batch of On... calls and once a
  // second. When the database does not store, everything waits and the next call tries again.
  void Step();

  // No new work from now on; what completes is recorded, what was cancelled is not.
  void Drain();
  // While draining: nothing more can come of work that is out. `asked_at` as in ResultCollector::Update.
  bool drained(uint64_t asked_at) const { return stored() && drained_at_ >= asked_at; }

  // All has been recorded, every task's winner is settled. Or the job cannot go on: `failure` says why.
  bool finished() const;
  absl::Status failure() const { return failure_; }
  bool WantsDevices() const;

  v1::JobProgress Progress() const;
  v1::JobSummary Summary(v1::JobState state, const std::string& message) const;
  // True when not one trial of the job has succeeded.
  bool AllFailed() const;
  int num_tasks() const { return static_cast<int>(tasks_.size()); }
  const schedules::Task& task(int index) const { return *tasks_[static_cast<std::size_t>(index)].task; }

 private:
  struct StoredConfirmation {
    std::vector<int> trials;  // As they were measured.
    v1::Measurement measurement;
  };
  struct TaskState {
    std::shared_ptr<const schedules::Task> task;
    v1::DeviceRequirements requirements;  // With the device class, once that is fixed.
    std::optional<Artifact> expected_output;
    std::map<int, int64_t> records;  // By trial.
    double best_us = 0;
    std::vector<StoredConfirmation> confirmations;  // Measured so far, this and earlier processes.
    bool announced_end = false;
  };
  // A trial or a confirmation between its proposal and its record.
  struct Work {
    WorkId id;
    std::vector<Proposal> proposals;             // One per kernel.
    double round_us = 0;                         // As Confirmation's.
    std::vector<std::optional<Kernel>> kernels;  // As they are built.
    v1::MeasurementPolicy policy;
    bool sent = false;
    std::optional<uint64_t> accepted;     // The number of its acceptance.
    std::optional<v1::WorkResult> early;  // Of an earlier process's submission, come before the rebuild.

    bool built() const;
  };
  struct Completion {
    db::Record record;
    Outcome outcome;
    std::string acknowledge;  // The work id of a result; empty when there is none.
  };
  struct ConfirmationResult {
    Confirmation confirmation;
    v1::Measurement measurement;
    std::string acknowledge;
    bool noted = false;     // Stored.
    bool reported = false;  // Told to the session.
  };

  JobPipeline(db::Database& database, EventLog& events, Clock& clock, const db::Job& job, int builders,
              PipelinePorts ports);
  absl::Status Restore(std::unique_ptr<JobSession> session);
  absl::Status RestoreTask(int task_index, const std::vector<db::Trial>& open,
                           const std::set<std::pair<uint32_t, uint32_t>>& announced);
  absl::Status RestoreConfirmations(int task_index);

  TaskState& TaskOf(int index) { return tasks_[static_cast<std::size_t>(index)]; }

  // job_pipeline.cc: forward, from proposal to measurement.
  void Propose();
  void Confirm();
  void StartWork(WorkId id, std::vector<Proposal> proposals, double round_us = 0);
  void Build(const Work& work);
  void BuildAgain();
  void Advance(const std::string& work_id);
  bool CompleteWithoutMeasuring(Work& work);
  void Send(Work& work);
  int InFlightLimit() const;

  // job_recording.cc: back, from measurement to record.
  void Complete(const Work& work, const v1::Measurement& measurement, const std::string& acknowledge);
  bool StoreCompletions();
  bool StoreConfirmations();
  bool StoreProposals();
  bool StoreEvents();
  void AddTrialEvent(const db::Record& record);
  void AddSummaryEvent(int task_index);
  void AddNotice(v1::Notice::Severity severity, const std::string& text);
  bool stored() const {
    return completions_.empty() && confirmations_.empty() && unstored_.empty() && new_events_.empty();
  }
  bool Check(const absl::Status& status);

  // job_status.cc: what to tell.
  std::string WhyWaiting() const;
  void ExplainWaiting();
  v1::TaskSummary SummaryOf(int task_index) const;

  db::Database& database_;
  EventLog& events_;
  Clock& clock_;
  const db::Job job_;
  const int builders_;
  const PipelinePorts ports_;
  std::unique_ptr<JobSession> session_;
  std::vector<TaskState> tasks_;
  std::map<std::string, Work> works_;     // By work id.
  std::map<std::string, bool> emulated_;  // Devices seen, by id.
  int resumed_ = 0;
  int devices_ = 1;  // That suit, when last seen.
  bool draining_ = false;
  uint64_t drained_at_ = 0;
  bool refitting_ = false;
  bool told_cache_trouble_ = false;
  absl::Status failure_;

  std::vector<db::Trial> unstored_;                           // Proposals not yet in the database.
  std::vector<Proposal> proposed_;                            // The same, to be started when they are.
  std::vector<Completion> completions_;                       // Not yet in the database.
  std::vector<ConfirmationResult> confirmations_;             // Likewise.
  std::vector<v1::JobEvent> new_events_;                      // Likewise.
  std::vector<std::pair<absl::Time, std::string>> rebuilds_;  // When to build which work again.

  absl::Status storage_trouble_;
  absl::Status build_trouble_;
  absl::Status tracker_trouble_;
  std::string no_device_;  // Why no device suits.
  std::string tracker_waits_for_;
  std::string explained_;  // The reason for waiting that was last told.
  std::string waiting_;    // The present reason, and since when.
  absl::Time waiting_since_;
  JobTotals totals_;
};

}  // namespace tunefarm::tuner
