#include "tuner/task_history.h"

#include <algorithm>
#include <utility>

namespace tunefarm::tuner {
namespace {

bool HasTime(const TaskHistory::Entry& entry) {
  return entry.done && entry.outcome.ok && !entry.outcome.censored;
}

}  // namespace

bool TaskHistory::Add(int trial, const schedules::Config& config) {
  if (entries_.contains(trial) || !seen_.insert(config).second) return false;
  Entry& entry = entries_[trial];
  entry.trial = trial;
  entry.config = config;
  if (kernel_of_ != nullptr) unidentified_.push_back(config);
  return true;
}

void TaskHistory::IdentifyKernels() {
  for (const schedules::Config& config : unidentified_) {
    if (const uint64_t kernel = kernel_of_(config); kernel != 0) kernels_.insert(kernel);
  }
  unidentified_.clear();
}

void TaskHistory::Complete(int trial, Outcome outcome) {
  Entry& entry = entries_.at(trial);
  entry.done = true;
  entry.outcome = std::move(outcome);
  ++done_;
  if (!entry.outcome.ok) ++failures_;
}

const TaskHistory::Entry* TaskHistory::Find(int trial) const {
  const auto it = entries_.find(trial);
  return it == entries_.end() ? nullptr : &it->second;
}

std::vector<const TaskHistory::Entry*> TaskHistory::Ranked() const {
  std::vector<const Entry*> ranked;
  for (const auto& [trial, entry] : entries_) {
    if (HasTime(entry)) ranked.push_back(&entry);
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const Entry* a, const Entry* b) {
    return a->outcome.median_us < b->outcome.median_us;
  });
  return ranked;
}

const TaskHistory::Entry* TaskHistory::Best() const {
  const Entry* best = nullptr;
  for (const auto& [trial, entry] : entries_) {
    if (HasTime(entry) && (best == nullptr || entry.outcome.median_us < best->outcome.median_us)) {
      best = &entry;
    }
  }
  return best;
}

int TaskHistory::TrialsSinceBest() const {
  const Entry* best = Best();
  int count = 0;
  for (const auto& [trial, entry] : entries_) {
    if (entry.done && (best == nullptr || trial > best->trial)) ++count;
  }
  return count;
}

}  // namespace tunefarm::tuner
