#include "bench/search_speed.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cost_model/analytic_model.h"
#include "cost_model/corrected_estimate.h"
#include "cost_model/features.h"
#include "schedules/schedule_template.h"

namespace tunefarm::bench {
namespace {

// What a model is trained on after some hundred trials.
constexpr int kTrained = 256;

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

absl::Status MeasureTask(const schedules::Task& task, const SpeedOptions& options) {
  Rng rng(1);
  double start = Now();
  std::vector<schedules::Config> configs;
  configs.reserve(options.configs);
  while (static_cast<int>(configs.size()) < options.configs) configs.push_back(task.space().Sample(rng));
  const double sampling = Now() - start;

  // Trees that mean something: trained on the estimate.
  cost_model::TrainingSet data;
  data.features = cost_model::NumFeatures();
  const std::vector<schedules::Config> some(configs.begin(),
                                            configs.begin() + std::min<int>(kTrained, options.configs));
  data.rows = cost_model::ExtractRows(task, some);
  TUNEFARM_ASSIGN_OR_RETURN(data.scores, cost_model::AnalyticModel().Predict(data.rows.data(), some.size()));
  const float best = *std::max_element(data.scores.begin(), data.scores.end());
  for (float& score : data.scores) score = std::exp2(score - best);  // A throughput relative to the best.
  data.task.assign(some.size(), 0);
  TUNEFARM_ASSIGN_OR_RETURN(const auto model, cost_model::CorrectedEstimate::Create());
  TUNEFARM_RETURN_IF_ERROR(model->Fit(data));

  start = Now();
  const std::vector<float> rows = cost_model::ExtractRows(task, configs);
  const double features = Now() - start;
  start = Now();
  TUNEFARM_RETURN_IF_ERROR(model->Predict(rows.data(), configs.size()).status());
  const double predicting = Now() - start;
  const double per_second = options.configs / (features + predicting);
  const double promised = 1e5 / per_second;
  const std::string name = task.workload().ToString();
  if (options.json) {
    const nlohmann::json object = {
        {"event", "speed"},           {"workload", name},           {"target", task.target().name},
        {"configs", options.configs}, {"sample_s", sampling},       {"features_s", features},
        {"predict_s", predicting},    {"configs_per_s", per_second}};
    std::printf("%s\n", object.dump().c_str());
  } else {
    std::printf(
        "%7.0f configs/s, 100,000 in %.2f s  (features %.2f us, predicting %.2f us, sampling %.2f us)  %s\n",
        per_second, promised, 1e6 * features / options.configs, 1e6 * predicting / options.configs,
        1e6 * sampling / options.configs, name.c_str());
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status MeasureSpeed(const SpeedOptions& options) {
  cli::WorkloadSelection selection = options.selection;
  if (selection.texts.empty() && selection.files.empty() && selection.sets.empty()) {
    selection.texts = {
        "matmul:m=1024,n=1024,k=1024,dtype=f32",
        "conv2d:n=1,h=56,w=56,ci=64,co=64,kh=3,kw=3,stride=1,pad=1,layout=nhwc,dtype=f32,epilogue=bias+relu",
        "conv2d:n=1,h=28,w=28,ci=128,co=512,kh=1,kw=1,stride=1,pad=0,layout=nhwc,dtype=f32,epilogue=bias",
        "conv2d:n=1,h=224,w=224,ci=3,co=64,kh=7,kw=7,stride=2,pad=3,layout=nhwc,dtype=f32,epilogue=bias+relu",
        "depthwise_conv2d:n=1,h=56,w=56,c=144,kh=3,kw=3,stride=1,pad=1,layout=nhwc,dtype=f32,epilogue=bias",
        "dense:m=1,n=1000,k=512,dtype=f32,epilogue=bias",
        "conv2d:n=1,h=28,w=28,ci=128,co=128,kh=3,kw=3,stride=1,pad=1,layout=nhwc,dtype=i8",
    };
  }
  TUNEFARM_ASSIGN_OR_RETURN(const auto workloads, cli::SelectWorkloads(selection));
  TUNEFARM_ASSIGN_OR_RETURN(const schedules::Target target, schedules::FindTarget(options.target));
  for (const auto& [workload, weight] : workloads) {
    TUNEFARM_ASSIGN_OR_RETURN(const auto task, schedules::Task::Create(workload, target));
    TUNEFARM_RETURN_IF_ERROR(MeasureTask(*task, options));
  }
  return absl::OkStatus();
}

}  // namespace tunefarm::bench
