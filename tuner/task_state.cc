#include "tuner/task_state.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tuner/kernel_id.h"

namespace tunefarm::tuner {
namespace {

using schedules::Config;

// The circuit breaker: so many failures of one kind before any success end a task. A space where most configs
// fail still shows a success in eight; half would end tasks by bad luck, double wastes as much time again on
// a broken toolchain.
constexpr int kSameFailures = 8;
// And so many of any kinds.
constexpr int kAnyFailures = 24;
// How often a confirmation is repeated after a failure that is not a candidate's.
constexpr int kConfirmationRetries = 2;
// And after a tie of a candidate that came out faster, for the pairs lay too far apart: a neighbour on the
// core holds it for seconds, which another measurement may miss.
constexpr int kConfirmationRepeats = 3;
// Only candidates within this share of the fastest single measurement are confirmed; single measurements
// hours apart differ by a few per cent for no reason.
constexpr double kConfirmWithin = 0.1;
// Nor those slower than the default by more than this in single measurements: a core here drops by a quarter
// for seconds at a time, so less would give up on good ones, and more would confirm what is plainly slower.
constexpr double kHopeless = 0.3;
// Of slow kernels fewer are confirmed: the rounds that it takes last half a minute at most then, but for a
// single candidate.
constexpr double kLongestRoundUs = 2e6;
// Assumed half-width of an interval that was not reported.
constexpr double kUnknownInterval = 0.05;

double Low(const Outcome& o) { return o.low_us > 0 ? o.low_us : o.median_us * (1 - kUnknownInterval); }
double High(const Outcome& o) { return o.high_us > 0 ? o.high_us : o.median_us * (1 + kUnknownInterval); }

}  // namespace

TaskState::TaskState(int index, std::shared_ptr<const schedules::Task> task, std::vector<Config> fixed,
                     std::unique_ptr<SearchStrategy> strategy, TaskLimits limits)
    : index_(index),
      task_(std::move(task)),
      fixed_(std::move(fixed)),
      strategy_(std::move(strategy)),
      limits_(limits),
      history_(task_->space(),
               [task = task_.get()](const Config& config) { return KernelId(*task, config); }) {}

absl::Status TaskState::Restore(int trial, const std::string& text, std::optional<Outcome> outcome) {
  const absl::StatusOr<Config> config = task_->space().FromText(text);
  const std::string name = absl::StrCat("trial ", trial, " of ", task_->workload().ToString());
  if (!config.ok()) return WithContext(config.status(), name);
  if (trial < 0 || !history_.Add(trial, *config)) {
    return absl::InvalidArgumentError(absl::StrCat(name, " (", text, ") was already restored"));
  }
  if (outcome.has_value()) return Report(trial, *outcome);
  return absl::OkStatus();
}

Proposal TaskState::ProposalOf(const TaskHistory::Entry& entry) const {
  return {index_, entry.trial, entry.config, task_->space().ToText(entry.config)};
}

bool TaskState::RefillPlan(const Predictor& predict, uint64_t seed) {
  if (!fixed_.empty()) {
    for (const Config& config : fixed_) {
      if (!history_.Seen(config)) plan_.push_back(config);
    }
  } else if (!history_.Seen(task_->space().default_config())) {
    plan_ = {task_->space().default_config()};
  } else {
    const int count = std::min(strategy_->batch(), limits_.trials - history_.trials());
    // A generator of its own for every trial: what was drawn before a crash does not matter after it.
    Rng rng = Rng(seed).Fork(absl::StrCat("task ", index_, " trial ", history_.next_trial()));
    history_.IdentifyKernels();
    plan_ = strategy_->Ask(history_, predict, count, rng);
  }
  std::reverse(plan_.begin(), plan_.end());
  return !plan_.empty();
}

std::optional<Proposal> TaskState::Propose(const Predictor& predict, uint64_t seed) {
  Advance();
  if (!searching()) return std::nullopt;
  if (plan_.empty() && !RefillPlan(predict, seed)) {
    exhausted_ = true;
    Advance();
    return std::nullopt;
  }
  const Config config = std::move(plan_.back());
  plan_.pop_back();
  const int trial = history_.next_trial();
  history_.Add(trial, config);
  return ProposalOf(*history_.Find(trial));
}

absl::Status TaskState::Report(int trial, const Outcome& outcome) {
  const TaskHistory::Entry* entry = history_.Find(trial);
  if (entry == nullptr) {
    return absl::NotFoundError(absl::StrCat("task ", index_, " has no trial ", trial));
  }
  if (entry->done) {
    return absl::AlreadyExistsError(
        absl::StrCat("trial ", trial, " of task ", index_, " has an outcome already"));
  }
  history_.Complete(trial, outcome);
  if (outcome.ok && !outcome.kernel_digest.empty()) digests_.emplace(outcome.kernel_digest, trial);
  return absl::OkStatus();
}

std::string TaskState::AllFailed() const {
  if (history_.done() < kSameFailures || history_.failures() < history_.done()) return "";
  std::set<v1::FailureKind> kinds;
  const Outcome* first = nullptr;
  for (const auto& [trial, entry] : history_.entries()) {
    if (!entry.done) continue;
    if (first == nullptr) first = &entry.outcome;
    kinds.insert(entry.outcome.failure);
  }
  if (kinds.size() > 1 && history_.done() < kAnyFailures) return "";
  return absl::StrCat("all of the first ", history_.done(), " trials failed",
                      kinds.size() == 1 ? " the same way: " : " in several ways; the first: ",
                      FailureName(first->failure), first->message.empty() ? "" : ": ", first->message);
}

std::string TaskState::ReasonToEnd() const {
  if (exhausted_) {
    return fixed_.empty()
               ? absl::StrCat("all ", history_.trials(), " configs that could be found are measured")
               : absl::StrCat("all ", history_.trials(), " given configs are measured");
  }
  if (!fixed_.empty()) return "";
  if (history_.trials() >= limits_.trials) return absl::StrCat("all ", history_.trials(), " trials are done");
  if (limits_.early_stopping > 0 && history_.Best() != nullptr &&
      history_.TrialsSinceBest() >= limits_.early_stopping) {
    return absl::StrCat("no improvement in the last ", history_.TrialsSinceBest(), " trials");
  }
  return "";
}

void TaskState::EndSearch(std::string why) {
  why_ = std::move(why);
  plan_.clear();
  phase_ = Phase::kDraining;
}

void TaskState::Advance() {
  if (phase_ == Phase::kSearching) {
    std::string failed = AllFailed();
    if (!failed.empty()) {
      ended_by_failures_ = true;
      EndSearch(std::move(failed));
    } else if (std::string why = ReasonToEnd(); !why.empty()) {
      EndSearch(std::move(why));
    }
  }
  if (phase_ != Phase::kDraining || history_.done() < history_.trials()) return;
  if (history_.Best() == nullptr) {
    phase_ = Phase::kFinished;
    if (!ended_by_failures_) absl::StrAppend(&why_, "; none of them gave a time");
    return;
  }
  if (!fixed_.empty()) {  // A replay measures; it does not choose.
    const TaskHistory::Entry* best = history_.Best();
    const TaskHistory::Entry* standard = Default();
    Settle(best->trial, best->outcome.median_us, standard != nullptr ? standard->outcome.median_us : 0, false,
           "");
    return;
  }
  if (history_.Best()->outcome.estimated) return SettleEstimated();
  confirmation_ = MakeConfirmation();
  if (confirmation_.kernels.size() < 2) {
    SettleUnpaired(Default() == nullptr ? "; the default gave no time, so nothing was compared"
                                        : "; nothing came near the default");
    return;
  }
  phase_ = Phase::kConfirmationDue;
}

const TaskHistory::Entry* TaskState::Default() const {
  for (const auto& [trial, entry] : history_.entries()) {
    if (entry.config == task_->space().default_config()) {
      return entry.done && entry.outcome.ok && !entry.outcome.censored ? &entry : nullptr;
    }
  }
  return nullptr;
}

Confirmation TaskState::MakeConfirmation() const {
  Confirmation confirmation;
  confirmation.task_index = index_;
  const TaskHistory::Entry* standard = Default();
  std::set<std::string> digests;
  const auto is_twin = [&](const TaskHistory::Entry& entry) {
    const std::string& digest = entry.outcome.kernel_digest;
    return !digest.empty() && !digests.insert(digest).second;
  };
  const auto add = [&](const TaskHistory::Entry& entry) {
    confirmation.kernels.push_back(ProposalOf(entry));
    confirmation.round_us += entry.outcome.median_us;
  };
  if (standard != nullptr && !is_twin(*standard)) add(*standard);
  int candidates = 0;
  double fastest = 0;
  for (const TaskHistory::Entry* entry : history_.Ranked()) {
    if (entry == standard || is_twin(*entry)) continue;
    if (fastest == 0) fastest = entry->outcome.median_us;
    const double us = entry->outcome.median_us;
    if (us > fastest * (1 + kConfirmWithin) || candidates == kMaxCandidates) break;
    if (standard != nullptr && us > standard->outcome.median_us * (1 + kHopeless)) break;
    if (candidates > 0 && confirmation.round_us + us > kLongestRoundUs) break;
    add(*entry);
    ++candidates;
  }
  return confirmation;
}

std::optional<Confirmation> TaskState::TakeConfirmation() {
  Advance();
  if (phase_ != Phase::kConfirmationDue) return std::nullopt;
  phase_ = Phase::kConfirmationOut;
  return confirmation_;
}

absl::Status TaskState::ReportConfirmation(const ConfirmationOutcome& outcome) {
  if (phase_ != Phase::kConfirmationOut) {
    return absl::NotFoundError(absl::StrCat("task ", index_, " waits for no confirmation"));
  }
  const bool complete = outcome.failure == v1::FAILURE_KIND_UNSPECIFIED &&
                        outcome.samples_us.size() == confirmation_.kernels.size();
  if (!complete) {
    const bool droppable = IsCandidateFailure(outcome.failure) && outcome.failed_kernel > 0 &&
                           outcome.failed_kernel < static_cast<int>(confirmation_.kernels.size());
    if (droppable) {
      confirmation_.kernels.erase(confirmation_.kernels.begin() + outcome.failed_kernel);
    } else {
      ++confirmation_failures_;
    }
    if (confirmation_failures_ > kConfirmationRetries || confirmation_.kernels.size() < 2) {
      SettleUnpaired(absl::StrCat("; the confirming measurement failed (", FailureName(outcome.failure),
                                  outcome.message.empty() ? "" : ": ", outcome.message,
                                  "), so single measurements decided"));
    } else {
      phase_ = Phase::kConfirmationDue;
    }
    return absl::OkStatus();
  }
  const Verdict verdict = Judge(confirmation_, outcome.samples_us);
  if (!verdict.decided) {
    const std::size_t candidates = confirmation_.kernels.size() - 1;
    if (candidates > 1) {  // Fewer of them have more rounds.
      confirmation_.kernels.resize(1 + candidates / 2);
      phase_ = Phase::kConfirmationDue;
    } else {
      SettleUnpaired("; too few undisturbed pairs to compare, so single measurements decided");
    }
    return absl::OkStatus();
  }
  const bool with_default = Default() != nullptr;
  if (with_default && !verdict.promising.empty() && confirmation_repeats_ < kConfirmationRepeats) {
    ++confirmation_repeats_;
    const std::size_t kept =
        std::min(verdict.promising.size(), std::max<std::size_t>(1, (confirmation_.kernels.size() - 1) / 2));
    std::vector<Proposal> kernels = {confirmation_.kernels[0]};
    for (std::size_t i = 0; i < kept; ++i) kernels.push_back(confirmation_.kernels[verdict.promising[i]]);
    confirmation_.kernels = std::move(kernels);
    phase_ = Phase::kConfirmationDue;
    return absl::OkStatus();
  }
  const std::string how = !with_default ? "; the default gave no time"
                          : verdict.tie
                              ? "; nothing is distinguishably faster than the default"
                              : absl::StrFormat("; %.2f x the default, confirmed by pairs", verdict.speedup);
  Settle(confirmation_.kernels[verdict.winner].trial, verdict.winner_us, with_default ? verdict.first_us : 0,
         with_default && verdict.tie, how);
  return absl::OkStatus();
}

void TaskState::Settle(int trial, double best_us, double default_us, bool tie, const std::string& how) {
  settled_ = Settled{trial, best_us, default_us, tie};
  absl::StrAppend(&why_, how);
  phase_ = Phase::kFinished;
}

void TaskState::SettleUnpaired(const std::string& how) {
  const TaskHistory::Entry* best = history_.Best();
  const TaskHistory::Entry* standard = Default();
  // Against the default, a time from another moment must be better by more than both intervals.
  const bool tie = standard != nullptr && best != nullptr && High(best->outcome) >= Low(standard->outcome);
  const TaskHistory::Entry* chosen = tie ? standard : best;
  if (chosen == nullptr) {
    absl::StrAppend(&why_, how);
    phase_ = Phase::kFinished;
    return;
  }
  Settle(chosen->trial, chosen->outcome.median_us, standard != nullptr ? standard->outcome.median_us : 0, tie,
         how);
}

// Measuring again would give the same numbers. What the model cannot tell apart is a tie, but no reason to
// take the kernel that is slower by the model.
void TaskState::SettleEstimated() {
  const TaskHistory::Entry* best = history_.Best();
  const TaskHistory::Entry* standard = Default();
  const double default_us = standard != nullptr ? standard->outcome.median_us : 0;
  const bool tie =
      standard != nullptr && default_us < best->outcome.median_us * (1 + best->outcome.error_band);
  const std::string how =
      standard == nullptr ? "; the default gave no time"
      : tie
          ? absl::StrFormat("; nothing is faster than the default by more than the model's error of %.0f %%",
                            100 * best->outcome.error_band)
          : absl::StrFormat("; %.2f x the default by the model %s", default_us / best->outcome.median_us,
                            best->outcome.cycle_model);
  Settle(best->trial, best->outcome.median_us, default_us, tie, how);
}

void TaskState::Stop(const std::string& why) {
  if (finished()) return;
  why_ = why;
  plan_.clear();
  SettleUnpaired("");
}

std::optional<int> TaskState::FindTwin(const std::string& digest) const {
  const auto it = digests_.find(digest);
  if (digest.empty() || it == digests_.end()) return std::nullopt;
  return it->second;
}

std::vector<Proposal> TaskState::Outstanding() const {
  std::vector<Proposal> open;
  for (const auto& [trial, entry] : history_.entries()) {
    if (!entry.done) open.push_back(ProposalOf(entry));
  }
  return open;
}

int TaskState::best_trial() const {
  if (settled_.has_value()) return settled_->trial;
  const TaskHistory::Entry* best = history_.Best();
  return best == nullptr ? -1 : best->trial;
}

v1::TaskSummary TaskState::Summary() const {
  v1::TaskSummary summary;
  summary.set_task(task_->workload().ToString());
  summary.set_task_index(index_);
  summary.set_trials(history_.done());
  summary.set_failures(history_.failures());
  summary.set_trials_planned(searching() && fixed_.empty() ? limits_.trials
                             : searching()                 ? static_cast<int>(fixed_.size())
                                                           : history_.trials());
  const auto gflops = [&](double us) { return us > 0 ? task_->workload().flop() / us / 1e3 : 0; };
  double best_us = 0, default_us = 0;
  if (settled_.has_value()) {
    best_us = settled_->best_us;
    default_us = settled_->default_us;
    summary.set_tie(settled_->tie);
  } else {
    if (const TaskHistory::Entry* best = history_.Best()) best_us = best->outcome.median_us;
    if (const TaskHistory::Entry* standard = Default()) default_us = standard->outcome.median_us;
  }
  summary.set_best_gflops(gflops(best_us));
  summary.set_default_gflops(gflops(default_us));
  if (best_us > 0 && default_us > 0) summary.set_speedup(default_us / best_us);
  if (const int best = best_trial(); best >= 0) {
    const TaskHistory::Entry& entry = *history_.Find(best);
    summary.set_best_config(task_->space().ToText(entry.config));
    summary.set_best_cycles(entry.outcome.cycles);
    summary.set_estimated(entry.outcome.estimated);
    summary.set_cycle_model(entry.outcome.cycle_model);
    summary.set_error_band(entry.outcome.error_band);
  }
  if (const TaskHistory::Entry* standard = Default()) summary.set_default_cycles(standard->outcome.cycles);
  if (quality_.has_value()) {
    summary.set_model_pairwise_accuracy(quality_->pairwise_accuracy);
    summary.set_model_recall(quality_->recall);
  }
  summary.set_finished(finished());
  if (!searching()) summary.set_finished_why(why_);
  return summary;
}

}  // namespace tunefarm::tuner
