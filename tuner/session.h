// The tuning session of one job, as a pure state machine: no I/O, no clock, no thread. It decides what to
// measure next and judges what came back; the daemon builds, measures and stores.
//
//   Propose -> (store the proposal, build, measure, store the record) -> Report -> ... -> NextConfirmation ->
//   (measure interleaved) -> ReportConfirmation -> summary(task).finished
//
// The same seed and the same order of calls give the same proposals, on every machine.
// Not thread safe: the caller guards it. The one exception is RefitWork, which runs on any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "schedules/schedule_template.h"
#include "tunefarm/v1/tuner.pb.h"
#include "tuner/confirmation.h"
#include "tuner/refit_work.h"
#include "tuner/trial.h"

namespace tunefarm::tuner {

struct SessionTask {
  std::shared_ptr<const schedules::Task> task;
  double weight = 1;                 // How often the task occurs in the model; <= 0 means 1.
  std::vector<std::string> configs;  // Measure just these, in this order (replay); empty: search.
  // Configs of similar tasks that did well there, the most promising first, in the text form of whatever
  // space they are of: strategies with a model measure them early (CarryOver says what becomes of them).
  std::vector<std::string> hints = {};
};

struct SessionOptions {
  int trials = 64;               // Per task, the default config's included.
  std::string strategy = "xgb";  // One of StrategyNames().
  uint64_t seed = 0;
  int early_stopping = 0;  // End a task after that many trials without improvement; 0: never.
  // No winner is confirmed while any task has trials left: builds would disturb what is compared, where they
  // run on the device's cores.
  bool confirms_last = false;
  // A saved model (SaveModel) to search with until there is data; empty: none. Where tasks have hints, those
  // without are of a kind that it does not know, and do without it.
  std::string start_model;
};

class JobSession {
 public:
  // kInvalidArgument: an unknown strategy (the message lists the known ones), a config of a replay that does
  // not parse or is illegal, a start model of another feature version. kInternal: XGBoost fails its
  // self-test.
  static absl::StatusOr<std::unique_ptr<JobSession>> Create(std::vector<SessionTask> tasks,
                                                            SessionOptions options);
  ~JobSession();

  // After a crash, before any other call: a trial found in the database. With an outcome it is complete;
  // without one it is an open proposal, which the daemon carries out again under the same numbers. Trials of
  // a task in ascending order, gaps allowed. kInvalidArgument: the config does not belong to the task's
  // space, or the trial is already known. When all are restored, train (StartRefit) before proposing, or the
  // first proposals go without the trained model. Confirmations that were stored can be reported again: the
  // same outcomes give the same NextConfirmation.
  absl::Status Restore(int task_index, int trial, const std::string& config, std::optional<Outcome> outcome);

  // Up to `count` new trials, fewer when there is nothing sensible to propose now (all tasks have ended, or
  // wait for reports). Trial 0 of a task is its default config and comes first; no config of a task is
  // proposed twice. Takes below 0.2 s; most calls microseconds, as searching is done for a batch ahead.
  std::vector<Proposal> Propose(int count);

  // The outcome of a trial proposed or restored. kNotFound: no such trial; kAlreadyExists: it has an outcome.
  absl::Status Report(int task_index, int trial, const Outcome& outcome);

  // A completed trial of the task that came to the same compiled kernel: its outcome can be reported for the
  // new one without measuring again. Nothing when there is none, or when that one did not succeed.
  std::optional<int> FindTwin(int task_index, const std::string& kernel_digest) const;

  // The cost model. Non-null when enough new outcomes came in to train it again; the caller calls Run() (up
  // to a second) on any thread while the session goes on, then FinishRefit here. At most one is out at a
  // time.
  std::unique_ptr<RefitWork> StartRefit();
  // Puts the new model in place. An error of training is returned and leaves the old model.
  absl::Status FinishRefit(std::unique_ptr<RefitWork> work);
  // Trained on this job's trials; empty when there is no model yet. Load as SessionOptions::start_model.
  std::string SaveModel() const;

  // When all trials of a task are in, its winner is settled by a paired measurement: these kernels,
  // interleaved in one process. Each is handed out once, then again only if the session was restored from the
  // database. Nothing when none is due.
  std::optional<Confirmation> NextConfirmation();
  // kNotFound: none is out for the task.
  absl::Status ReportConfirmation(int task_index, const ConfirmationOutcome& outcome);

  // Ends a task now (cancelled): no more proposals, no confirmation; its best stands unconfirmed.
  void Stop(int task_index, const std::string& why);

  int num_tasks() const;
  // Trials that were proposed or restored and have no outcome, in order.
  std::vector<Proposal> Outstanding() const;
  // Everything but `record`, which the caller knows by best_trial(). Figures come from the confirmation once
  // there is one, from single measurements before.
  v1::TaskSummary Summary(int task_index) const;
  // -1: none yet. Confirmed once the task has finished by itself.
  int best_trial(int task_index) const;
  // No proposals to come, nothing outstanding, winner settled.
  bool finished(int task_index) const;
  bool finished() const;

  // Sentences for people since the last call: a task that ends early and why, a model no better than chance.
  std::vector<v1::Notice> TakeNotices();

 private:
  struct Impl;
  explicit JobSession(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tunefarm::tuner
