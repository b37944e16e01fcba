// Settling a winner: the top candidates against the default, measured interleaved in one process, and judged
// by the paired log-ratios of their samples. Machines drift by far more than kernels differ, but drift hits
// neighbours alike, so pairs tell what separate measurements cannot.
#pragma once

#include <string>
#include <vector>

#include "tunefarm/v1/measurement.pb.h"
#include "tuner/trial.h"

namespace tunefarm::tuner {

// The most candidates measured against the default at once; each costs a share of the confirmation's time.
inline constexpr int kMaxCandidates = 5;

struct Confirmation {
  int task_index = 0;
  // The default config first when it works, then the candidates, the most promising first. At least two.
  std::vector<Proposal> kernels;
  double round_us = 0;  // A call of each, by what their trials measured.
};

struct ConfirmationOutcome {
  // One per kernel, in the order of Confirmation::kernels; sample i of each was taken in the same round.
  // Empty on failure.
  std::vector<std::vector<double>> samples_us;
  v1::FailureKind failure = v1::FAILURE_KIND_UNSPECIFIED;
  int failed_kernel = 0;  // Which one, when the failure is a candidate's.
  std::string message;
};

ConfirmationOutcome ConfirmationOutcomeOf(const v1::Measurement& measurement);

// Interval of the median of log(b[i] / a[i]): order statistics of the binomial distribution, at confidence
// 1 - alpha (Hahn and Meeker, Statistical Intervals, 1991, 5.2). Distribution-free. Fewer than 6 pairs: an
// infinitely wide interval.
struct PairedRatio {
  double ratio = 1;  // Median of b / a.
  double low = 0;
  double high = 0;
};
PairedRatio ComparePaired(const std::vector<double>& a, const std::vector<double>& b, double alpha);

struct Verdict {
  int winner = 0;        // Position in Confirmation::kernels.
  bool decided = true;   // False: too few pairs to tell anything from the first kernel.
  bool tie = false;      // The winner is the default, because nothing is distinguishably faster.
  double speedup = 1;    // Of the winner over the first kernel.
  double first_us = 0;   // Median.
  double winner_us = 0;  // first_us / speedup, so that the two agree though the machine drifted.
  // Of a tie: positions of candidates that came out faster by more than kWorthAnother, though not beyond the
  // interval; the fastest first. As many pairs again may tell.
  std::vector<int> promising;
};

// The first kernel wins unless a candidate is faster beyond the interval (95 % over all candidates together,
// by Bonferroni). Among the candidates that are, the fastest wins; of those within kTieShare of it and not
// distinguishable from it, the earliest trial.
inline constexpr double kTieShare = 0.01;
// Of equal kernels hardly any come out so far apart in forty pairs; less is not worth another measurement.
inline constexpr double kWorthAnother = 0.02;
Verdict Judge(const Confirmation& confirmation, const std::vector<std::vector<double>>& samples_us);

}  // namespace tunefarm::tuner
