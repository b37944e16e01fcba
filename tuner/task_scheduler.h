// Which task gets the next trial: the one where it promises most end-to-end time.
#pragma once

#include <vector>

#include "tuner/task_history.h"

namespace tunefarm::tuner {

struct TaskPromise {
  bool open = false;   // Can take another trial.
  double weight = 1;   // How often the task occurs in the model.
  int trials = 0;      // Proposed so far.
  double best_us = 0;  // 0: no time yet.
  double gain = 0;     // RecentGain().
};

// Trials that every task gets before any promise is compared: what one says of a task before is luck.
inline constexpr int kMinimumTrials = 8;

// The position of the task, or -1 when none is open. Tasks below the minimum first, fewest trials first; then
// by weight * best time * gain per trial. Where there was no gain lately, a task is still credited with one
// that falls with its number of trials, so that none starves and an unlucky start is not the end (compare the
// optimistic guess of Zheng et al., Ansor, OSDI 2020, section 6).
int NextTask(const std::vector<TaskPromise>& tasks);

// How much the best time fell over the latest trials, as a share of it and per trial; 0 without two times.
double RecentGain(const TaskHistory& history);

}  // namespace tunefarm::tuner
