// What is known of one task: which configs were proposed and what came of them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "schedules/config_space.h"
#include "tuner/trial.h"

namespace tunefarm::tuner {

class TaskHistory {
 public:
  struct Entry {
    int trial = 0;
    schedules::Config config;
    bool done = false;
    Outcome outcome;
  };

  // Which kernel a config comes to (KernelId); 0: not known.
  using Identify = std::function<uint64_t(const schedules::Config&)>;

  // `space` must outlive the history. Without `kernel_of` no two configs count as the same kernel.
  explicit TaskHistory(const schedules::ConfigSpace& space, Identify kernel_of = nullptr)
      : space_(&space), kernel_of_(std::move(kernel_of)) {}

  const schedules::ConfigSpace& space() const { return *space_; }
  // False, and nothing happens, when the trial or the config is already there.
  bool Add(int trial, const schedules::Config& config);
  // The trial must be there, and not done.
  void Complete(int trial, Outcome outcome);

  bool Seen(const schedules::Config& config) const { return seen_.contains(config); }
  uint64_t KernelOf(const schedules::Config& config) const {
    return kernel_of_ == nullptr ? 0 : kernel_of_(config);
  }
  // Finds out which kernels the trials are that were added since the last call. Not when they are added: of
  // the tasks that a session is restored with, most propose nothing more.
  void IdentifyKernels();
  // One of the trials identified so far comes to this kernel.
  bool HasKernel(uint64_t kernel) const { return kernels_.contains(kernel); }
  const Entry* Find(int trial) const;
  const std::map<int, Entry>& entries() const { return entries_; }  // By trial.
  int trials() const { return static_cast<int>(entries_.size()); }
  int done() const { return done_; }
  int failures() const { return failures_; }
  int next_trial() const { return entries_.empty() ? 0 : entries_.rbegin()->first + 1; }

  // Trials with a time that can be trusted (successful, not censored), fastest first; of equals the earliest.
  std::vector<const Entry*> Ranked() const;
  // The first of Ranked(), or null.
  const Entry* Best() const;
  // Completed trials numbered above the best one; all of them while there is no best.
  int TrialsSinceBest() const;

 private:
  const schedules::ConfigSpace* space_;
  const Identify kernel_of_;
  std::map<int, Entry> entries_;
  std::vector<schedules::Config> unidentified_;
  std::unordered_set<uint64_t> kernels_;
  std::unordered_set<schedules::Config, schedules::ConfigHash> seen_;
  int done_ = 0;
  int failures_ = 0;
};

}  // namespace tunefarm::tuner
