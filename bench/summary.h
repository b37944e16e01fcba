// What the figures of one run say: pure arithmetic on samples.
#pragma once

#include <string>
#include <vector>

#include "schedules/workload.h"

namespace tunefarm::bench {

// A ratio of speeds with the 95 % interval of its median.
struct Ratio {
  double median = 0, low = 0, high = 0;
};

// How many times as fast a is as b, from the seconds of one call of each in the same rounds (as many values,
// paired) and the flop of a call. The median of the rounds' ratios; zeros without values.
Ratio SpeedRatio(const std::vector<double>& a_seconds, double a_flop, const std::vector<double>& b_seconds,
                 double b_flop);

// The geometric mean; 0 for no values. Values are positive.
double GeometricMean(const std::vector<double>& values);

// The index of the largest value among those that `competes`; -1 when none does.
int BestOf(const std::vector<double>& gflops, const std::vector<bool>& competes);

// Which group a workload's ratio is averaged in: its operator, and for convolutions the kernel and the stride
// ("conv2d 1x1", "conv2d 3x3 stride 2"), with
// "int8 " before it for int8.
std::string GroupOf(const schedules::Workload& workload);

// Ours against the best peer for one workload.
struct ShapeRatio {
  std::string group;
  std::string task;
  double ratio = 0;
};
struct GroupMean {
  std::string group;  // "all" comes last, when there is more than one group.
  int shapes = 0;
  double mean = 0;
  double worst = 0;
  std::string worst_task;
};
// In the order in which groups first appear.
std::vector<GroupMean> MeansByGroup(const std::vector<ShapeRatio>& shapes);

}  // namespace tunefarm::bench
