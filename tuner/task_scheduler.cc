#include "tuner/task_scheduler.h"

#include <algorithm>
#include <cstddef>

namespace tunefarm::tuner {
namespace {

// Trials that count as the latest. Half of it sees nothing between two improvements; double keeps paying for
// old ones.
constexpr int kWindow = 16;
// The credit: a task with n trials may gain this share / n per trial. Public logs gain some 10 % in the
// second half of their trials.
constexpr double kCredit = 0.1;

double Promise(const TaskPromise& task) {
  const double gain = std::max(task.gain, kCredit / std::max(1, task.trials));
  return task.weight * task.best_us * gain;
}

}  // namespace

int NextTask(const std::vector<TaskPromise>& tasks) {
  int chosen = -1;
  const auto below_minimum = [&](int i) { return tasks[i].trials < kMinimumTrials; };
  for (int i = 0; i < static_cast<int>(tasks.size()); ++i) {
    if (!tasks[i].open) continue;
    const auto goes_before = [&](int other) {
      if (below_minimum(i) || below_minimum(other)) return tasks[i].trials < tasks[other].trials;
      return Promise(tasks[i]) > Promise(tasks[other]);
    };
    if (chosen < 0 || goes_before(chosen)) chosen = i;
  }
  return chosen;
}

double RecentGain(const TaskHistory& history) {
  const int old_trials = history.done() - kWindow;
  double before = 0, now = 0;
  int seen = 0;
  for (const auto& [trial, entry] : history.entries()) {
    if (!entry.done) continue;
    const double us = entry.outcome.ok && !entry.outcome.censored ? entry.outcome.median_us : 0;
    if (us > 0 && (now == 0 || us < now)) now = us;
    // What it is compared with: the best of the trials before the window, or else the first time.
    if (us > 0 && (before == 0 || (seen < old_trials && us < before))) before = us;
    ++seen;
  }
  if (now == 0) return 0;
  return (before / now - 1) / std::min(kWindow, std::max(1, history.done()));
}

}  // namespace tunefarm::tuner
