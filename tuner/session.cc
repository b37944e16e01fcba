#include "tuner/session.h"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <map>
#include <unordered_set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cost_model/analytic_model.h"
#include "cost_model/corrected_estimate.h"
#include "cost_model/features.h"
#include "db/shape.h"
#include "tuner/carry_over.h"
#include "tuner/task_scheduler.h"
#include "tuner/task_state.h"

namespace tunefarm::tuner {
namespace {

using schedules::Config;

// Outcomes before the first training, of all tasks together: fewer than this and the model repeats its few
// examples.
constexpr int kFirstRefit = 8;
// Then again after this many new ones, or this share of the data when that is more, so that the cost of
// training all of it stays in proportion.
constexpr int kRefitEvery = 8;
constexpr double kRefitShare = 0.15;
// Outcomes of a task before the trained model chooses for it; until then the analytic estimate does.
constexpr int kWarmStart = 8;
// Share of random picks. They keep a model honest about where the search does not go, and are more while only
// the estimate speaks, so that the first model learns not just of what the estimate liked.
constexpr double kRandomShare = 0.05;
constexpr double kWarmRandomShare = 0.1;
// Whose best configs are worth trying: so many tasks of the job, not further away than that in octaves, with
// so many configs each.
constexpr std::size_t kSiblings = 3;
constexpr float kSiblingOctaves = 4;
constexpr std::size_t kBestOfSibling = 2;
// A sibling's config that is not faster than its default by this share is nothing that it has found.
constexpr double kFound = 0.02;
// Held-out rows of a task before its model is called no better than chance.
constexpr int kJudgeAfter = 32;

}  // namespace

struct JobSession::Impl {
  struct TaskRows {
    // By trial, not in the order of the reports, so that a restored session trains the same model.
    std::map<int, std::vector<float>> features;
    bool told_of_chance = false;
    bool told_of_end = false;
  };

  SessionOptions options;
  bool uses_model = false;
  std::vector<double> weights;
  std::vector<db::Shape> shapes;                 // By task.
  std::vector<std::vector<Config>> given_hints;  // By task.
  bool any_hints = false;                        // For any task.
  std::deque<TaskState> tasks;                   // Which do not move.
  std::vector<TaskRows> rows;
  cost_model::AnalyticModel analytic;
  std::shared_ptr<const cost_model::CostModel> model;  // Null until there is one.
  bool trained = false;  // The model was trained here, and does not just start the search.
  bool refit_out = false;
  int rows_now = 0;
  int rows_at_refit = 0;
  std::vector<v1::Notice> notices;

  void Tell(v1::Notice::Severity severity, std::string text) {
    v1::Notice notice;
    notice.set_severity(severity);
    notice.set_text(std::move(text));
    notices.push_back(std::move(notice));
  }

  absl::Status CheckTask(int task_index) const {
    if (task_index >= 0 && task_index < static_cast<int>(tasks.size())) return absl::OkStatus();
    return absl::NotFoundError(absl::StrCat("the job has no task ", task_index));
  }

  // The best configs of the most similar other tasks.
  std::vector<Config> HintsFor(int task_index) const {
    std::vector<Config> hints = given_hints[task_index];
    std::vector<std::pair<float, const TaskState*>> siblings;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      if (static_cast<int>(i) == task_index || shapes[i].family != shapes[task_index].family) continue;
      const float distance = db::Distance(shapes[i], shapes[task_index]);
      if (distance <= kSiblingOctaves) siblings.emplace_back(distance, &tasks[i]);
    }
    std::stable_sort(siblings.begin(), siblings.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    if (siblings.size() > kSiblings) siblings.resize(kSiblings);
    for (const auto& [distance, sibling] : siblings) {
      const TaskHistory::Entry* standard = sibling->history().Find(0);
      std::size_t taken = 0;
      for (const TaskHistory::Entry* entry : sibling->history().Ranked()) {
        const bool timed = standard != nullptr && standard->done && standard->outcome.ok;
        const bool found = !timed || entry->outcome.median_us * (1 + kFound) < standard->outcome.median_us;
        if (!found || taken++ == kBestOfSibling) break;
        std::optional<Config> config =
            CarryOver(sibling->task().space().ToText(entry->config), tasks[task_index].task().space());
        if (config.has_value()) hints.push_back(*std::move(config));
      }
    }
    return hints;
  }

  Predictor PredictorFor(int task_index) const {
    if (!uses_model) return {};
    const bool measured = tasks[task_index].history().done() >= kWarmStart;
    // Of a kind of task that it was not trained on, a start model knows nothing: it misled for 80 trials
    // where the estimate needed 20.
    const bool strange = given_hints[task_index].empty() && any_hints;
    const bool started = !options.start_model.empty() && !strange;
    const bool believed = model != nullptr && (measured || started);
    const cost_model::CostModel* ranker = believed ? model.get() : &analytic;
    return {[this, task_index, ranker](const std::vector<Config>& configs) {
              const std::vector<float> features = cost_model::ExtractRows(tasks[task_index].task(), configs);
              absl::StatusOr<std::vector<float>> scores = ranker->Predict(features.data(), configs.size());
              return scores.ok() ? *std::move(scores) : std::vector<float>(configs.size(), 0.0f);
            },
            believed ? kRandomShare : kWarmRandomShare, [this, task_index] { return HintsFor(task_index); }};
  }

  void Learn(int task_index, int trial, const Outcome& outcome) {
    if (!uses_model || (!outcome.ok && !IsCandidateFailure(outcome.failure))) return;
    TaskRows& task_rows = rows[task_index];
    const TaskState& state = tasks[task_index];
    task_rows.features[trial] = cost_model::ExtractRows(state.task(), {state.history().Find(trial)->config});
    ++rows_now;
  }

  cost_model::TrainingSet Snapshot() const {
    cost_model::TrainingSet data;
    data.features = cost_model::NumFeatures();
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      const TaskHistory& history = tasks[i].history();
      const TaskHistory::Entry* best = history.Best();
      for (const auto& [trial, row] : rows[i].features) {
        data.rows.insert(data.rows.end(), row.begin(), row.end());
        const Outcome& outcome = history.Find(trial)->outcome;
        const double share = outcome.ok && best != nullptr ? best->outcome.median_us / outcome.median_us : 0;
        // A censored lower bound may be below the best time there is; it is still not better.
        data.scores.push_back(static_cast<float>(std::min(1.0, share)));
        data.task.push_back(static_cast<int32_t>(i));
      }
    }
    return data;
  }

  int ChooseTask(const std::vector<bool>& passed_over) const {
    std::vector<TaskPromise> promises(tasks.size());
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      const TaskHistory& history = tasks[i].history();
      const TaskHistory::Entry* best = history.Best();
      promises[i] = {tasks[i].searching() && !passed_over[i], weights[i], history.trials(),
                     best != nullptr ? best->outcome.median_us : 0, RecentGain(history)};
    }
    return NextTask(promises);
  }

  void NoticeEnd(int task_index) {
    const TaskState& state = tasks[task_index];
    if (!state.ended_by_failures() || std::exchange(rows[task_index].told_of_end, true)) return;
    Tell(v1::Notice::ERROR, absl::StrCat(state.task().workload().ToString(), ": stopped, as ", state.why()));
  }
};

JobSession::JobSession(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
JobSession::~JobSession() = default;

absl::StatusOr<std::unique_ptr<JobSession>> JobSession::Create(std::vector<SessionTask> tasks,
                                                               SessionOptions options) {
  if (tasks.empty()) return absl::InvalidArgumentError("a job needs at least one task");
  if (options.trials < 1) return absl::InvalidArgumentError("trials must be at least 1");
  if (options.early_stopping < 0) return absl::InvalidArgumentError("early_stopping must not be negative");
  auto impl = std::make_unique<Impl>();
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const schedules::ConfigSpace& space = tasks[i].task->space();
    std::vector<Config> fixed;
    std::unordered_set<Config, schedules::ConfigHash> distinct;
    for (const std::string& text : tasks[i].configs) {
      const std::string context =
          absl::StrCat("config '", text, "' of ", tasks[i].task->workload().ToString());
      absl::StatusOr<Config> config = space.FromText(text);
      if (!config.ok()) return WithContext(config.status(), context);
      TUNEFARM_RETURN_IF_ERROR(WithContext(space.Check(*config), context));
      if (distinct.insert(*config).second) fixed.push_back(*std::move(config));
    }
    std::vector<Config> hints;
    for (const std::string& text : tasks[i].hints) {
      std::optional<Config> hint = CarryOver(text, space);
      if (hint.has_value()) hints.push_back(*std::move(hint));
    }
    impl->any_hints = impl->any_hints || !hints.empty();
    impl->given_hints.push_back(std::move(hints));
    impl->shapes.push_back(db::ParseShape(tasks[i].task->workload().ToString()));
    TUNEFARM_ASSIGN_OR_RETURN(std::unique_ptr<SearchStrategy> strategy, MakeStrategy(options.strategy));
    impl->uses_model = strategy->uses_model();
    impl->weights.push_back(tasks[i].weight > 0 ? tasks[i].weight : 1);
    impl->tasks.emplace_back(static_cast<int>(i), std::move(tasks[i].task), std::move(fixed),
                             std::move(strategy), TaskLimits{options.trials, options.early_stopping});
  }
  impl->rows.resize(impl->tasks.size());
  if (impl->uses_model) {
    TUNEFARM_ASSIGN_OR_RETURN(std::unique_ptr<cost_model::CorrectedEstimate> model,
                              cost_model::CorrectedEstimate::Create(options.start_model));
    if (!options.start_model.empty()) impl->model = std::move(model);
  }
  impl->options = std::move(options);
  return std::unique_ptr<JobSession>(new JobSession(std::move(impl)));
}

absl::Status JobSession::Restore(int task_index, int trial, const std::string& config,
                                 std::optional<Outcome> outcome) {
  TUNEFARM_RETURN_IF_ERROR(impl_->CheckTask(task_index));
  TUNEFARM_RETURN_IF_ERROR(impl_->tasks[task_index].Restore(trial, config, outcome));
  if (outcome.has_value()) impl_->Learn(task_index, trial, *outcome);
  return absl::OkStatus();
}

std::vector<Proposal> JobSession::Propose(int count) {
  std::vector<Proposal> proposals;
  std::vector<bool> passed_over(impl_->tasks.size(), false);
  for (TaskState& state : impl_->tasks) state.Advance();
  while (static_cast<int>(proposals.size()) < count) {
    const int chosen = impl_->ChooseTask(passed_over);
    if (chosen < 0) break;
    TaskState& state = impl_->tasks[chosen];
    std::optional<Proposal> proposal = state.Propose(impl_->PredictorFor(chosen), impl_->options.seed);
    if (proposal.has_value()) {
      proposals.push_back(*std::move(proposal));
    } else {
      passed_over[chosen] = true;
    }
  }
  return proposals;
}

absl::Status JobSession::Report(int task_index, int trial, const Outcome& outcome) {
  TUNEFARM_RETURN_IF_ERROR(impl_->CheckTask(task_index));
  TaskState& state = impl_->tasks[task_index];
  TUNEFARM_RETURN_IF_ERROR(state.Report(trial, outcome));
  impl_->Learn(task_index, trial, outcome);
  state.Advance();
  impl_->NoticeEnd(task_index);
  return absl::OkStatus();
}

std::optional<int> JobSession::FindTwin(int task_index, const std::string& kernel_digest) const {
  if (!impl_->CheckTask(task_index).ok()) return std::nullopt;
  return impl_->tasks[task_index].FindTwin(kernel_digest);
}

std::unique_ptr<RefitWork> JobSession::StartRefit() {
  if (!impl_->uses_model || impl_->refit_out) return nullptr;
  const bool anyone_searches =
      std::any_of(impl_->tasks.begin(), impl_->tasks.end(), [](const TaskState& t) { return t.searching(); });
  const int due =
      impl_->trained
          ? impl_->rows_at_refit + std::max(kRefitEvery, static_cast<int>(impl_->rows_at_refit * kRefitShare))
          : kFirstRefit;
  if (!anyone_searches || impl_->rows_now < due) return nullptr;
  impl_->refit_out = true;
  impl_->rows_at_refit = impl_->rows_now;
  return std::make_unique<RefitWork>(impl_->Snapshot(), impl_->options.start_model);
}

absl::Status JobSession::FinishRefit(std::unique_ptr<RefitWork> work) {
  impl_->refit_out = false;
  TUNEFARM_RETURN_IF_ERROR(work->status());
  impl_->model = work->model();
  impl_->trained = true;
  for (const auto& [task, quality] : work->quality()) {
    TaskState& state = impl_->tasks[task];
    state.set_quality(quality);
    const bool chance = quality.rows >= kJudgeAfter && !quality.better_than_chance;
    const bool told = std::exchange(impl_->rows[task].told_of_chance, chance);
    if (chance && !told) {
      impl_->Tell(v1::Notice::WARNING,
                  absl::StrFormat(
                      "%s: the cost model orders held-out trials no better than chance (pairwise accuracy "
                      "%.2f on %d trials)",
                      state.task().workload().ToString(), quality.pairwise_accuracy, quality.rows));
    }
  }
  for (TaskState& state : impl_->tasks) state.DropPlan();
  return absl::OkStatus();
}

std::string JobSession::SaveModel() const {
  if (impl_->model == nullptr) return "";
  const absl::StatusOr<std::string> bytes = impl_->model->Save();
  return bytes.ok() ? *bytes : "";
}

std::optional<Confirmation> JobSession::NextConfirmation() {
  const auto has_trials_left = [](const TaskState& state) { return state.has_trials_left(); };
  if (impl_->options.confirms_last && std::ranges::any_of(impl_->tasks, has_trials_left)) return std::nullopt;
  for (TaskState& state : impl_->tasks) {
    if (std::optional<Confirmation> confirmation = state.TakeConfirmation()) return confirmation;
  }
  return std::nullopt;
}

absl::Status JobSession::ReportConfirmation(int task_index, const ConfirmationOutcome& outcome) {
  TUNEFARM_RETURN_IF_ERROR(impl_->CheckTask(task_index));
  return impl_->tasks[task_index].ReportConfirmation(outcome);
}

void JobSession::Stop(int task_index, const std::string& why) {
  if (impl_->CheckTask(task_index).ok()) impl_->tasks[task_index].Stop(why);
}

int JobSession::num_tasks() const { return static_cast<int>(impl_->tasks.size()); }

std::vector<Proposal> JobSession::Outstanding() const {
  std::vector<Proposal> all;
  for (const TaskState& state : impl_->tasks) {
    for (Proposal& proposal : state.Outstanding()) all.push_back(std::move(proposal));
  }
  return all;
}

v1::TaskSummary JobSession::Summary(int task_index) const { return impl_->tasks.at(task_index).Summary(); }
int JobSession::best_trial(int task_index) const { return impl_->tasks.at(task_index).best_trial(); }
bool JobSession::finished(int task_index) const { return impl_->tasks.at(task_index).finished(); }

bool JobSession::finished() const {
  return std::all_of(impl_->tasks.begin(), impl_->tasks.end(),
                     [](const TaskState& t) { return t.finished(); });
}

std::vector<v1::Notice> JobSession::TakeNotices() { return std::exchange(impl_->notices, {}); }

}  // namespace tunefarm::tuner
