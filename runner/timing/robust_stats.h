// Medians and their confidence intervals, without any assumption about the shape of the noise.
#pragma once

#include <cstddef>
#include <vector>

namespace tunefarm {

// The middle value, or the mean of the two middle ones. 0 for no values.
double Median(std::vector<double> values);

// The value below which a share `q` of the values lies, by linear interpolation; q in [0, 1]. 0 for no
// values.
double Quantile(std::vector<double> values, double q);

struct Interval {
  double low = 0;
  double high = 0;
};

// The narrowest pair of order statistics, symmetric in rank, that encloses the true median with at least 95 %
// probability (David and Nagaraja, Order Statistics, 7.1: the count of values below the median is Binomial(n,
// 1/2)). Fewer than six values cannot reach 95 %: then it is their whole range. {0, 0} for no values.
Interval MedianInterval95(std::vector<double> values);

// How many order statistics MedianInterval95 skips at each end of n sorted values.
std::size_t MedianIntervalRank(std::size_t n);

}  // namespace tunefarm
