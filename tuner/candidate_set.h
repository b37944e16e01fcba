// The configs that one Ask() is about to return: distinct, new to the history, and of kernels that are.
#pragma once

#include <cstdint>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "tuner/task_history.h"

namespace tunefarm::tuner {

class CandidateSet {
 public:
  explicit CandidateSet(const TaskHistory& history) : history_(history) {}

  // False when it was seen before, here or in the history, or comes to the kernel of one that was.
  bool Add(const schedules::Config& config);
  // A random unseen legal config; when sampling finds none and the space is small enough, by walking through
  // all of it. False: there is none.
  bool AddRandom(Rng& rng);

  int size() const { return static_cast<int>(configs_.size()); }
  const std::vector<schedules::Config>& configs() const { return configs_; }
  std::vector<schedules::Config> Take() { return std::move(configs_); }

 private:
  bool AddByEnumeration(Rng& rng);

  const TaskHistory& history_;
  std::vector<schedules::Config> configs_;
  std::unordered_set<schedules::Config, schedules::ConfigHash> set_;
  std::unordered_set<uint64_t> kernels_;
  int twins_ = 0;  // Refused.
};

}  // namespace tunefarm::tuner
