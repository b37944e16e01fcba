#include "bench/search_model.h"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>

#include "bench/recorded_table.h"
#include "cost_model/analytic_model.h"
#include "cost_model/corrected_estimate.h"
#include "cost_model/features.h"
#include "cost_model/ranking_metrics.h"

namespace tunefarm::bench {
namespace {

using cost_model::TrainingSet;

// Held-out trials without which an accuracy says little.
constexpr int kLeastHeldOut = 32;

struct TaskRows {
  std::vector<float> rows, scores;
  int size() const { return static_cast<int>(scores.size()); }
};

TaskRows RowsOf(const RecordedTable& table) {
  TaskRows rows;
  rows.rows = cost_model::ExtractRows(*table.task, table.configs);
  for (const tuner::Outcome& outcome : table.outcomes) {
    const double share = outcome.ok ? table.best_us / outcome.median_us : 0;
    rows.scores.push_back(static_cast<float>(std::min(1.0, share)));
  }
  return rows;
}

void Append(const TaskRows& from, int row, int task, TrainingSet& to) {
  const int width = cost_model::NumFeatures();
  const auto begin = from.rows.begin() + static_cast<std::ptrdiff_t>(row) * width;
  to.rows.insert(to.rows.end(), begin, begin + width);
  to.scores.push_back(from.scores[row]);
  to.task.push_back(task);
}

TrainingSet Empty() {
  TrainingSet set;
  set.features = cost_model::NumFeatures();
  return set;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Accuracy {
  std::vector<double> pairs, recall;
};

absl::Status Judge(const cost_model::CostModel& model, const TrainingSet& held_out, Accuracy& into) {
  TUNEFARM_ASSIGN_OR_RETURN(const std::vector<float> predicted,
                            model.Predict(held_out.rows.data(), held_out.size()));
  into.pairs.push_back(cost_model::ComputePairwiseAccuracy(predicted, held_out.scores).accuracy);
  into.recall.push_back(cost_model::RecallAt(std::max(1, held_out.size() / 10), predicted, held_out.scores));
  return absl::OkStatus();
}

absl::Status FitAndJudge(const TrainingSet& data, const TrainingSet& held_out, Accuracy& into) {
  if (data.size() == 0) return absl::OkStatus();
  TUNEFARM_ASSIGN_OR_RETURN(const auto model, cost_model::CorrectedEstimate::Create());
  TUNEFARM_RETURN_IF_ERROR(model->Fit(data));
  return Judge(*model, held_out, into);
}

}  // namespace

absl::Status JudgeModels(const ModelOptions& options) {
  TUNEFARM_ASSIGN_OR_RETURN(const std::vector<RecordedTable> tables,
                            LoadTables(options.databases, options.train + kLeastHeldOut));
  std::vector<TaskRows> rows;
  rows.reserve(tables.size());
  for (const RecordedTable& table : tables) rows.push_back(RowsOf(table));
  if (!options.json)
    std::printf("pairwise accuracy (recall of the best tenth) on held-out trials\n%-15s %-15s %-15s %-15s\n",
                "estimate", "other tasks", "this task", "both");
  std::vector<double> own_accuracies;
  for (std::size_t t = 0; t < tables.size(); ++t) {
    Accuracy estimate, others, own, both;
    for (int split = 0; split < options.splits; ++split) {
      std::vector<int> order(rows[t].size());
      std::iota(order.begin(), order.end(), 0);
      Rng(static_cast<uint64_t>(split)).Shuffle(order);
      TrainingSet train = Empty(), held_out = Empty(), foreign = Empty();
      for (std::size_t i = 0; i < order.size(); ++i) {
        Append(rows[t], order[i], static_cast<int>(t),
               static_cast<int>(i) < options.train ? train : held_out);
      }
      for (std::size_t other = 0; other < tables.size(); ++other) {
        if (other == t || tables[other].device_class != tables[t].device_class) continue;
        for (int row = 0; row < rows[other].size(); ++row)
          Append(rows[other], row, static_cast<int>(other), foreign);
      }
      TUNEFARM_RETURN_IF_ERROR(Judge(cost_model::AnalyticModel(), held_out, estimate));
      TUNEFARM_RETURN_IF_ERROR(FitAndJudge(foreign, held_out, others));
      TUNEFARM_RETURN_IF_ERROR(FitAndJudge(train, held_out, own));
      if (foreign.size() == 0) continue;
      for (int i = 0; i < train.size(); ++i) Append(rows[t], order[i], static_cast<int>(t), foreign);
      TUNEFARM_RETURN_IF_ERROR(FitAndJudge(foreign, held_out, both));
    }
    own_accuracies.push_back(Median(own.pairs));
    const std::string name = tables[t].task->workload().ToString();
    nlohmann::json object = {{"event", "model"},
                             {"workload", name},
                             {"device_class", tables[t].device_class},
                             {"train", options.train},
                             {"held_out", rows[t].size() - options.train}};
    std::string line;
    for (const auto& [label, accuracy] : {std::pair<const char*, Accuracy&>{"estimate", estimate},
                                          {"others", others},
                                          {"own", own},
                                          {"both", both}}) {
      char text[32] = "-";
      if (!accuracy.pairs.empty()) {
        object[label] = {{"pairwise_accuracy", Median(accuracy.pairs)}, {"recall", Median(accuracy.recall)}};
        std::snprintf(text, sizeof text, "%.3f (%.2f)", Median(accuracy.pairs), Median(accuracy.recall));
      }
      char padded[40];
      std::snprintf(padded, sizeof padded, "%-15s ", text);
      line += padded;
    }
    if (options.json) {
      std::printf("%s\n", object.dump().c_str());
    } else {
      std::printf("%s %s\n", line.c_str(), name.c_str());
    }
  }
  const double mean = std::accumulate(own_accuracies.begin(), own_accuracies.end(), 0.0) /
                      static_cast<double>(own_accuracies.size());
  if (options.json) {
    std::printf("%s\n", nlohmann::json({{"event", "mean"}, {"own", mean}}).dump().c_str());
  } else {
    std::printf("mean of the models of this task: %.3f\n", mean);
  }
  return absl::OkStatus();
}

}  // namespace tunefarm::bench
