#include "tuner/prior_knowledge.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "cost_model/corrected_estimate.h"
#include "cost_model/features.h"
#include "db/shape.h"

namespace tunefarm::tuner {
namespace {

using schedules::Config;

// Fewer trials than this order a new task's configs no better than the analytic estimate.
constexpr int kLeastRecords = 64;
// As within a job (session.cc): so many similar tasks, so far away at most, so many configs of each.
constexpr std::size_t kSimilar = 3;
constexpr float kOctaves = 4;
constexpr std::size_t kBest = 2;

// The trials of one workload on one class of devices.
struct Group {
  std::shared_ptr<const schedules::Task> task;
  db::Shape shape;
  std::vector<Config> configs;
  std::vector<double> times_us;  // As many; 0: failed.
  std::unordered_set<Config, schedules::ConfigHash> known;
  double best_us = 0;
};

using Groups = std::map<std::tuple<std::string, std::string, int, std::string>, Group>;

absl::Status Add(const db::Record& record, Groups& groups) {
  const Outcome outcome = OutcomeOf(record.measurement, record.kernel_digest);
  if (!outcome.ok && !IsCandidateFailure(outcome.failure)) return absl::OkStatus();
  Group& group = groups[{record.workload, record.target_json, record.threads, record.device_class}];
  if (group.task == nullptr) {
    TUNEFARM_ASSIGN_OR_RETURN(const schedules::Workload workload,
                              schedules::Workload::Parse(record.workload));
    TUNEFARM_ASSIGN_OR_RETURN(const schedules::Target target, schedules::ParseTarget(record.target_json));
    TUNEFARM_ASSIGN_OR_RETURN(group.task, schedules::Task::Create(workload, target, record.threads));
    group.shape = db::ParseShape(record.workload);
  }
  if (record.template_version != group.task->template_version()) return absl::OkStatus();
  const schedules::ConfigSpace& space = group.task->space();
  const absl::StatusOr<Config> config = space.FromText(record.config);
  if (!config.ok() || !space.IsLegal(*config) || !group.known.insert(*config).second) return absl::OkStatus();
  group.configs.push_back(*config);
  group.times_us.push_back(outcome.ok ? outcome.median_us : 0);
  if (outcome.ok && !outcome.censored && (group.best_us == 0 || outcome.median_us < group.best_us)) {
    group.best_us = outcome.median_us;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Train(const Groups& groups) {
  cost_model::TrainingSet data;
  data.features = cost_model::NumFeatures();
  int32_t number = 0;
  for (const auto& [key, group] : groups) {
    if (group.best_us == 0) continue;
    const std::vector<float> rows = cost_model::ExtractRows(*group.task, group.configs);
    data.rows.insert(data.rows.end(), rows.begin(), rows.end());
    for (const double us : group.times_us) {
      data.scores.push_back(us > 0 ? static_cast<float>(std::min(1.0, group.best_us / us)) : 0.0f);
      data.task.push_back(number);
    }
    ++number;
  }
  if (data.size() < kLeastRecords) return std::string();
  TUNEFARM_ASSIGN_OR_RETURN(const auto model, cost_model::CorrectedEstimate::Create());
  TUNEFARM_RETURN_IF_ERROR(model->Fit(data));
  return model->Save();
}

std::vector<std::string> HintsFor(const SessionTask& task, const Groups& groups) {
  const db::Shape shape = db::ParseShape(task.task->workload().ToString());
  const std::string target = task.task->target().ToJson();
  std::vector<std::pair<float, const Group*>> similar;
  for (const auto& [key, group] : groups) {
    if (std::get<1>(key) != target || std::get<2>(key) != task.task->threads()) continue;
    if (group.best_us == 0 || group.shape.family != shape.family) continue;
    const float distance = db::Distance(group.shape, shape);
    if (distance <= kOctaves) similar.emplace_back(distance, &group);
  }
  std::stable_sort(similar.begin(), similar.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  if (similar.size() > kSimilar) similar.resize(kSimilar);
  std::vector<std::string> hints;
  for (const auto& [distance, group] : similar) {
    std::vector<std::size_t> ranked;
    for (std::size_t i = 0; i < group->configs.size(); ++i) {
      if (group->times_us[i] > 0) ranked.push_back(i);
    }
    std::stable_sort(ranked.begin(), ranked.end(),
                     [&](std::size_t a, std::size_t b) { return group->times_us[a] < group->times_us[b]; });
    if (ranked.size() > kBest) ranked.resize(kBest);
    for (const std::size_t i : ranked) hints.push_back(group->task->space().ToText(group->configs[i]));
  }
  return hints;
}

}  // namespace

absl::StatusOr<PriorKnowledge> LearnFrom(const std::vector<db::Record>& records,
                                         const std::vector<SessionTask>& tasks) {
  std::set<std::tuple<std::string, int, std::string>> wanted;
  for (const SessionTask& task : tasks) {
    wanted.emplace(task.task->target().ToJson(), task.task->threads(),
                   db::ParseShape(task.task->workload().ToString()).family);
  }
  Groups groups;
  for (const db::Record& record : records) {
    if (!wanted.contains({record.target_json, record.threads, db::ParseShape(record.workload).family}))
      continue;
    // A workload that this version cannot serve any more teaches nothing.
    if (!Add(record, groups).ok()) continue;
  }
  std::erase_if(groups, [](const auto& entry) { return entry.second.task == nullptr; });
  PriorKnowledge knowledge;
  TUNEFARM_ASSIGN_OR_RETURN(knowledge.start_model, Train(groups));
  for (const SessionTask& task : tasks) knowledge.hints.push_back(HintsFor(task, groups));
  return knowledge;
}

}  // namespace tunefarm::tuner
