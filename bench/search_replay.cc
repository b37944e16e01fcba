#include "bench/search_replay.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bench/transfer_model.h"

namespace tunefarm::bench {
namespace {

// A table with fewer configs says little of a search.
constexpr int kLeastConfigs = 100;

template <typename T>
T Quantile(std::vector<T> values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(std::lround(share * static_cast<double>(values.size() - 1)))];
}

int WithinFivePercent(const RecordedTable& table) {
  return static_cast<int>(
      std::count_if(table.outcomes.begin(), table.outcomes.end(), [&](const tuner::Outcome& outcome) {
        return outcome.ok && !outcome.censored && table.best_us / outcome.median_us >= 0.95;
      }));
}

struct Runs {
  std::vector<int> to_95, to_98;
  std::vector<double> after_16, after_32;
};

void Tell(const RecordedTask& task, const std::string& strategy, const Runs& runs, bool json) {
  const std::string workload = task.workload().ToString();
  if (json) {
    const nlohmann::json object = {{"event", "search"},
                                   {"workload", workload},
                                   {"device_class", task.table().device_class},
                                   {"strategy", strategy},
                                   {"configs", task.table().configs.size()},
                                   {"to_95", runs.to_95},
                                   {"to_98", runs.to_98},
                                   {"median_to_95", Quantile(runs.to_95, 0.5)},
                                   {"median_to_98", Quantile(runs.to_98, 0.5)},
                                   {"median_share_after_16", Quantile(runs.after_16, 0.5)},
                                   {"median_share_after_32", Quantile(runs.after_32, 0.5)}};
    std::printf("%s\n", object.dump().c_str());
    return;
  }
  std::printf("  %-13s %5d (%d-%d)", strategy.c_str(), Quantile(runs.to_95, 0.5), Quantile(runs.to_95, 0.25),
              Quantile(runs.to_95, 0.75));
  std::printf("\t%5d (%d-%d)\t%.3f\t%.3f\n", Quantile(runs.to_98, 0.5), Quantile(runs.to_98, 0.25),
              Quantile(runs.to_98, 0.75), Quantile(runs.after_16, 0.5), Quantile(runs.after_32, 0.5));
}

}  // namespace

absl::StatusOr<SearchRun> RunSearch(const std::shared_ptr<const RecordedTask>& task,
                                    tuner::SessionOptions options, int in_flight) {
  const int size = static_cast<int>(task->table().configs.size());
  options.trials = size;
  TUNEFARM_ASSIGN_OR_RETURN(const auto session,
                            tuner::JobSession::Create({{task, 1, {}, {}}}, std::move(options)));
  SearchRun run{size, size, 0, 0};
  double best = 0;
  std::deque<tuner::Proposal> under_way;
  for (int done = 0; done < size;) {
    for (tuner::Proposal& proposal : session->Propose(in_flight - static_cast<int>(under_way.size()))) {
      under_way.push_back(std::move(proposal));
    }
    if (under_way.empty()) break;
    const tuner::Proposal proposal = std::move(under_way.front());
    under_way.pop_front();
    const tuner::Outcome& outcome = task->OutcomeOf(proposal.config);
    TUNEFARM_RETURN_IF_ERROR(session->Report(0, proposal.trial, outcome));
    if (outcome.ok && !outcome.censored) best = std::max(best, task->table().best_us / outcome.median_us);
    ++done;
    if (best >= 0.95) run.to_95 = std::min(run.to_95, done);
    if (done <= 16) run.after_16 = best;
    if (done <= 32) run.after_32 = best;
    if (best >= 0.98) {
      run.to_98 = done;
      break;
    }
    if (auto work = session->StartRefit()) {
      work->Run();
      TUNEFARM_RETURN_IF_ERROR(session->FinishRefit(std::move(work)));
    }
  }
  // Stopped early: it had at least this.
  run.after_16 = std::max(run.after_16, run.to_98 <= 16 ? best : 0);
  run.after_32 = std::max(run.after_32, run.to_98 <= 32 ? best : 0);
  return run;
}

absl::Status ReplayTables(const ReplayOptions& options) {
  TUNEFARM_ASSIGN_OR_RETURN(std::vector<RecordedTable> tables, LoadTables(options.databases, kLeastConfigs));
  struct Searched {
    std::string name, strategy;
    bool transfer;
  };
  std::vector<Searched> searches;
  for (const std::string& strategy : options.strategies) {
    searches.push_back({strategy, strategy, false});
    if (options.transfer && strategy == "xgb") searches.push_back({"xgb+transfer", strategy, true});
  }
  std::map<std::string, std::pair<double, double>> logs;  // Sums of logarithms of the medians, by search.
  for (std::size_t t = 0; t < tables.size(); ++t) {
    const auto task = RecordedTask::Create(tables[t]);
    if (!options.json) {
      std::printf("%s on %s: %zu configs, %d of them within 5 %% of the best\n",
                  task->workload().ToString().c_str(), task->table().device_class.c_str(),
                  task->table().configs.size(), WithinFivePercent(task->table()));
      std::printf("  %-13s trials to 95 %% (quartiles)\tto 98 %%\tshare after 16\tafter 32\n", "strategy");
    }
    for (const Searched& search : searches) {
      tuner::SessionOptions session;
      session.strategy = search.strategy;
      if (search.transfer) {
        TUNEFARM_ASSIGN_OR_RETURN(session.start_model, TrainOnOthers(tables, t));
      }
      Runs runs;
      for (int seed = 1; seed <= options.seeds; ++seed) {
        session.seed = static_cast<uint64_t>(seed);
        const std::size_t start = Rng(session.seed).Fork("start").Uniform(task->table().configs.size());
        TUNEFARM_ASSIGN_OR_RETURN(const SearchRun run,
                                  RunSearch(task->StartingAt(start), session, options.in_flight));
        runs.to_95.push_back(run.to_95);
        runs.to_98.push_back(run.to_98);
        runs.after_16.push_back(run.after_16);
        runs.after_32.push_back(run.after_32);
      }
      Tell(*task, search.name, runs, options.json);
      std::fflush(stdout);
      logs[search.name].first += std::log(Quantile(runs.to_95, 0.5));
      logs[search.name].second += std::log(Quantile(runs.to_98, 0.5));
    }
  }
  const auto tasks = static_cast<double>(tables.size());
  for (const Searched& search : searches) {
    const double to_95 = std::exp(logs[search.name].first / tasks),
                 to_98 = std::exp(logs[search.name].second / tasks);
    if (options.json) {
      const nlohmann::json object = {
          {"event", "mean"}, {"strategy", search.name}, {"to_95", to_95}, {"to_98", to_98}};
      std::printf("%s\n", object.dump().c_str());
    } else {
      std::printf("geometric mean over %zu tasks: %-13s %6.1f trials to 95 %%, %6.1f to 98 %%\n",
                  tables.size(), search.name.c_str(), to_95, to_98);
    }
  }
  return absl::OkStatus();
}

}  // namespace tunefarm::bench
