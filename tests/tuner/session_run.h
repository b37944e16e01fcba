// Drives a job's session over fake tasks, whose times a formula gives, as the daemon would over a farm.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/catch.h"
#include "tests/tuner/fake_task.h"
#include "tuner/session.h"

namespace tunefarm::tuner {

inline std::unique_ptr<JobSession> Make(const std::vector<std::shared_ptr<const FakeTask>>& tasks,
                                        SessionOptions options) {
  std::vector<SessionTask> session_tasks;
  for (const auto& task : tasks) session_tasks.push_back({task, 1, {}, {}});
  return *JobSession::Create(std::move(session_tasks), std::move(options));
}

inline void Refit(JobSession& session) {
  if (auto work = session.StartRefit()) {
    work->Run();
    REQUIRE(session.FinishRefit(std::move(work)).ok());
  }
}

// Answers every confirmation with the true times, the same in each round.
inline void Confirm(JobSession& session, const std::vector<std::shared_ptr<const FakeTask>>& tasks) {
  while (auto confirmation = session.NextConfirmation()) {
    ConfirmationOutcome outcome;
    for (const Proposal& kernel : confirmation->kernels) {
      outcome.samples_us.emplace_back(20, tasks[confirmation->task_index]->TimeUs(kernel.config));
    }
    REQUIRE(session.ReportConfirmation(confirmation->task_index, outcome).ok());
  }
}

struct Log {
  std::vector<std::pair<Proposal, bool>> proposals;  // In order, and whether the outcome was reported.
};

// Runs to the end, or until `kill_after` outcomes; `depth` trials are under way at a time, and come back in
// an order that the seed decides.
inline void Run(JobSession& session, const std::vector<std::shared_ptr<const FakeTask>>& tasks, Log& log,
                int depth = 1, int kill_after = 1 << 20, uint64_t order_seed = 0) {
  Rng order(order_seed);
  std::vector<Proposal> under_way = session.Outstanding();
  for (int reported = 0; reported < kill_after; ++reported) {
    Refit(session);
    for (Proposal& proposal : session.Propose(depth - static_cast<int>(under_way.size()))) {
      log.proposals.emplace_back(proposal, false);
      under_way.push_back(std::move(proposal));
    }
    if (under_way.empty()) break;
    std::swap(under_way[order.Uniform(under_way.size())], under_way.back());
    const Proposal proposal = under_way.back();
    under_way.pop_back();
    REQUIRE(
        session
            .Report(proposal.task_index, proposal.trial, tasks[proposal.task_index]->Measure(proposal.config))
            .ok());
    for (auto& [logged, done] : log.proposals) {
      if (logged.task_index == proposal.task_index && logged.trial == proposal.trial) {
        REQUIRE_FALSE(done);  // Nothing is measured twice.
        done = true;
      }
    }
  }
}

inline std::vector<std::string> Texts(const Log& log) {
  std::vector<std::string> texts;
  for (const auto& [proposal, done] : log.proposals) texts.push_back(proposal.config_text);
  return texts;
}

}  // namespace tunefarm::tuner
