// One task of a session, from its first trial to its settled winner.
//
//   searching -> draining (no more proposals, some outstanding) -> confirmation due -> out -> finished
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "cost_model/cross_validation.h"
#include "schedules/schedule_template.h"
#include "tunefarm/v1/tuner.pb.h"
#include "tuner/confirmation.h"
#include "tuner/search_strategy.h"
#include "tuner/task_history.h"
#include "tuner/trial.h"

namespace tunefarm::tuner {

// When a task ends by itself, other than by its budget: see task_state.cc for the constants.
struct TaskLimits {
  int trials = 64;
  int early_stopping = 0;  // 0: never.
};

class TaskState {
 public:
  // `fixed`: measure just these; empty: search, the default config first.
  TaskState(int index, std::shared_ptr<const schedules::Task> task, std::vector<schedules::Config> fixed,
            std::unique_ptr<SearchStrategy> strategy, TaskLimits limits);

  absl::Status Restore(int trial, const std::string& config, std::optional<Outcome> outcome);
  // The next trial, or nothing when the task takes none now. `seed` is the session's.
  std::optional<Proposal> Propose(const Predictor& predict, uint64_t seed);
  absl::Status Report(int trial, const Outcome& outcome);
  std::optional<Confirmation> TakeConfirmation();
  absl::Status ReportConfirmation(const ConfirmationOutcome& outcome);
  void Stop(const std::string& why);
  // Forgets what was planned and not proposed: there is a better model.
  void DropPlan() { plan_.clear(); }
  // Goes as far as it can without new events. Called by the session after any change, but not while
  // restoring.
  void Advance();

  const schedules::Task& task() const { return *task_; }
  const TaskHistory& history() const { return history_; }
  bool searching() const { return phase_ == Phase::kSearching; }
  bool finished() const { return phase_ == Phase::kFinished; }
  // To propose, or under way.
  bool has_trials_left() const { return phase_ == Phase::kSearching || phase_ == Phase::kDraining; }
  const std::string& why() const { return why_; }
  bool ended_by_failures() const { return ended_by_failures_; }
  std::optional<int> FindTwin(const std::string& digest) const;
  std::vector<Proposal> Outstanding() const;
  int best_trial() const;
  v1::TaskSummary Summary() const;
  void set_quality(const cost_model::ModelQuality& quality) { quality_ = quality; }

 private:
  enum class Phase { kSearching, kDraining, kConfirmationDue, kConfirmationOut, kFinished };

  Proposal ProposalOf(const TaskHistory::Entry& entry) const;
  bool RefillPlan(const Predictor& predict, uint64_t seed);
  void EndSearch(std::string why);
  std::string ReasonToEnd() const;
  std::string AllFailed() const;
  const TaskHistory::Entry* Default() const;  // With a time; null: there is none.
  Confirmation MakeConfirmation() const;
  void Settle(int trial, double best_us, double default_us, bool tie, const std::string& how);
  void SettleUnpaired(const std::string& how);
  void SettleEstimated();

  const int index_;
  const std::shared_ptr<const schedules::Task> task_;
  const std::vector<schedules::Config> fixed_;
  const std::unique_ptr<SearchStrategy> strategy_;
  const TaskLimits limits_;

  Phase phase_ = Phase::kSearching;
  TaskHistory history_;
  std::vector<schedules::Config> plan_;  // To propose next, the next one last.
  bool exhausted_ = false;
  bool ended_by_failures_ = false;
  std::unordered_map<std::string, int> digests_;  // Of successful trials.
  Confirmation confirmation_;
  int confirmation_failures_ = 0, confirmation_repeats_ = 0;
  std::string why_;
  std::optional<cost_model::ModelQuality> quality_;
  struct Settled {
    int trial;
    double best_us, default_us;
    bool tie;
  };
  std::optional<Settled> settled_;
};

}  // namespace tunefarm::tuner
