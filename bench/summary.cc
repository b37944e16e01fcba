#include "bench/summary.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "runner/timing/robust_stats.h"

namespace tunefarm::bench {

Ratio SpeedRatio(const std::vector<double>& a_seconds, double a_flop, const std::vector<double>& b_seconds,
                 double b_flop) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < std::min(a_seconds.size(), b_seconds.size()); ++i) {
    ratios.push_back(a_flop / a_seconds[i] / (b_flop / b_seconds[i]));
  }
  const Interval interval = MedianInterval95(ratios);
  return {Median(ratios), interval.low, interval.high};
}

double GeometricMean(const std::vector<double>& values) {
  if (values.empty()) return 0;
  double sum = 0;
  for (const double value : values) sum += std::log(value);
  return std::exp(sum / static_cast<double>(values.size()));
}

int BestOf(const std::vector<double>& gflops, const std::vector<bool>& competes) {
  int best = -1;
  for (std::size_t i = 0; i < gflops.size(); ++i) {
    if (competes[i] && (best < 0 || gflops[i] > gflops[best])) best = static_cast<int>(i);
  }
  return best;
}

std::string GroupOf(const schedules::Workload& workload) {
  std::string group = workload.dtype() == schedules::DType::kI8 ? "int8 " : "";
  absl::StrAppend(&group, workload.op_name());
  if (workload.op() != schedules::Operator::kConv2d) return group;
  absl::StrAppend(&group, " ", workload.dim("kh"), "x", workload.dim("kw"));
  if (workload.dim("stride_h") != 1) absl::StrAppend(&group, " stride ", workload.dim("stride_h"));
  return group;
}

std::vector<GroupMean> MeansByGroup(const std::vector<ShapeRatio>& shapes) {
  std::vector<GroupMean> means;
  std::vector<std::vector<double>> ratios;
  const auto add = [&](const std::string& group, const ShapeRatio& shape) {
    auto found =
        std::find_if(means.begin(), means.end(), [&](const GroupMean& m) { return m.group == group; });
    if (found == means.end()) {
      means.push_back({group, 0, 0, shape.ratio, shape.task});
      ratios.emplace_back();
      found = means.end() - 1;
    }
    ++found->shapes;
    ratios[found - means.begin()].push_back(shape.ratio);
    if (shape.ratio < found->worst) {
      found->worst = shape.ratio;
      found->worst_task = shape.task;
    }
  };
  for (const ShapeRatio& shape : shapes) add(shape.group, shape);
  if (means.size() > 1) {
    for (const ShapeRatio& shape : shapes) add("all", shape);
  }
  for (std::size_t i = 0; i < means.size(); ++i) means[i].mean = GeometricMean(ratios[i]);
  return means;
}

}  // namespace tunefarm::bench
