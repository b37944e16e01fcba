#include "bench/report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "runner/timing/robust_stats.h"

namespace tunefarm::bench {
namespace {

using Json = nlohmann::ordered_json;

double Gflops(const Result& result, std::size_t i) {
  return result.peers[i].flop / Median(result.samples[i].seconds) * 1e-9;
}

Ratio OursTo(const Result& result, std::size_t i) {
  return SpeedRatio(result.samples[0].seconds, result.peers[0].flop, result.samples[i].seconds,
                    result.peers[i].flop);
}

const char* Unit(const Result& result) { return result.problem->is_int8() ? "GOP/s" : "GFLOP/s"; }

void AddLine(std::string& text, const Json& json) { absl::StrAppend(&text, json.dump(), "\n"); }

}  // namespace

Standing StandingOf(const Result& result) {
  Standing standing;
  std::vector<double> gflops;
  std::vector<bool> competes;
  for (std::size_t i = 0; i < result.peers.size(); ++i) {
    gflops.push_back(Gflops(result, i));
    // Winograd of a library may be rougher than our tolerance, and competes all the same.
    const double allowed = result.problem->is_int8() ? result.peers[i].allowed_error
                                                     : std::max(kRoughestPeer, result.peers[i].allowed_error);
    competes.push_back(result.peers[i].competes && result.errors[i] <= allowed);
    if (!result.peers[i].is_operator) standing.share_of_peak = OursTo(result, i).median;
  }
  standing.gflops = gflops[0];
  standing.best = BestOf(gflops, competes);
  if (standing.best >= 0) standing.to_best = OursTo(result, static_cast<std::size_t>(standing.best));
  return standing;
}

std::string TableText(const Result& result) {
  std::string text = absl::StrFormat("%s on %s, %d thread%s, CPU %d, %d interleaved rounds\n\n",
                                     result.problem->workload().ToString(), result.problem->target().name,
                                     result.problem->threads(), result.problem->threads() == 1 ? "" : "s",
                                     result.cpu, result.rounds);
  absl::StrAppendFormat(&text, "%-14s %12s %10s %8s  %-28s %s\n", "", "median us", Unit(result), "error",
                        "tunefarm is x times as fast", "");
  for (std::size_t i = 0; i < result.peers.size(); ++i) {
    const PeerFacts& peer = result.peers[i];
    std::string ratio;
    if (i > 0) {
      const Ratio r = OursTo(result, i);
      ratio = absl::StrFormat("%.3f (%.3f to %.3f)", r.median, r.low, r.high);
    }
    absl::StrAppendFormat(&text, "%-14s %12.1f %10.2f %8s  %-28s %s\n", peer.name,
                          Median(result.samples[i].seconds) * 1e6, Gflops(result, i),
                          peer.is_operator ? absl::StrFormat("%.3f", result.errors[i]) : "-", ratio,
                          peer.description);
  }
  for (const AbsentPeer& absent : result.absent) {
    absl::StrAppendFormat(&text, "%-14s not measured: %s\n", absent.name, absent.reason);
  }
  const Standing standing = StandingOf(result);
  if (standing.best >= 0) {
    absl::StrAppendFormat(&text, "\nBest peer: %s. ", result.peers[standing.best].name);
  } else {
    absl::StrAppend(&text, "\nNo peer. ");
  }
  const bool int8 = result.problem->is_int8();
  absl::StrAppendFormat(&text,
                        "%.2f of the %s peak. Ratios are medians of the rounds' ratios with their 95 %% "
                        "interval. The\nerror is %s.\n",
                        standing.share_of_peak, int8 ? "int8" : "FMA",
                        int8 ? "how many int8 units the worst element is off: 0 for ours, up to 1 for "
                               "libraries, whose scales are floats"
                             : "the share of the float32 rounding tolerance that the worst element uses");
  return text;
}

std::string LineHeading(int threads) {
  return absl::StrFormat(
      "GFLOP/s (int8: GOP/s) on %d thread%s. Ratio: ours to the best peer, median of the rounds' ratios with "
      "its 95 %% "
      "interval.\n"
      "%8s %6s  %-14s %8s  %-22s  %s\n",
      threads, threads == 1 ? "" : "s", "tunefarm", "peak", "best peer", "", "ratio", "workload; all peers");
}

std::string LineText(const Result& result) {
  const Standing standing = StandingOf(result);
  std::string text = absl::StrFormat("%8.1f %5.0f%%  ", standing.gflops, 100 * standing.share_of_peak);
  if (standing.best >= 0) {
    const auto best = static_cast<std::size_t>(standing.best);
    absl::StrAppendFormat(&text, "%-14s %8.1f  %.3f (%.3f to %.3f)", result.peers[best].name,
                          Gflops(result, best), standing.to_best.median, standing.to_best.low,
                          standing.to_best.high);
  } else {
    absl::StrAppendFormat(&text, "%-14s %8s  %-22s", "-", "-", "-");
  }
  absl::StrAppend(&text, "  ", result.problem->workload().ToString(), ";");
  for (std::size_t i = 1; i < result.peers.size(); ++i) {
    if (!result.peers[i].is_operator) continue;
    absl::StrAppendFormat(&text, " %s %.1f", result.peers[i].name, Gflops(result, i));
  }
  text += "\n";
  return text;
}

std::string MeansText(const std::vector<GroupMean>& means) {
  std::string text =
      absl::StrFormat("\n%-28s %7s %9s %7s  %s\n", "group", "shapes", "geomean", "worst", "worst at");
  for (const GroupMean& mean : means) {
    absl::StrAppendFormat(&text, "%-28s %7d %9.3f %7.3f  %s\n", mean.group, mean.shapes, mean.mean,
                          mean.worst, mean.worst_task);
  }
  return text;
}

std::string JsonText(const Result& result) {
  std::string text;
  const std::string workload = result.problem->workload().ToString();
  for (std::size_t i = 0; i < result.peers.size(); ++i) {
    const Interval interval = MedianInterval95(result.samples[i].seconds);
    AddLine(text, {{"event", "peer"},
                   {"peer", result.peers[i].name},
                   {"description", result.peers[i].description},
                   {"gflops", Gflops(result, i)},
                   {"median_us", Median(result.samples[i].seconds) * 1e6},
                   {"low_us", interval.low * 1e6},
                   {"high_us", interval.high * 1e6},
                   {"calls_per_sample", result.samples[i].calls},
                   {"error", result.errors[i]},
                   {"workload", workload}});
  }
  for (const AbsentPeer& absent : result.absent) {
    AddLine(text,
            {{"event", "absent"}, {"peer", absent.name}, {"reason", absent.reason}, {"workload", workload}});
  }
  for (std::size_t i = 1; i < result.peers.size(); ++i) {
    const Ratio ratio = OursTo(result, i);
    AddLine(text, {{"event", "ratio"},
                   {"of", result.peers[0].name},
                   {"to", result.peers[i].name},
                   {"ratio", ratio.median},
                   {"low", ratio.low},
                   {"high", ratio.high},
                   {"workload", workload}});
  }
  const Standing standing = StandingOf(result);
  AddLine(text, {{"event", "shape"},
                 {"workload", workload},
                 {"target", result.problem->target().name},
                 {"threads", result.problem->threads()},
                 {"cpu", result.cpu},
                 {"rounds", result.rounds},
                 {"gflops", standing.gflops},
                 {"share_of_peak", standing.share_of_peak},
                 {"best_peer", standing.best < 0 ? Json(nullptr) : Json(result.peers[standing.best].name)},
                 {"ratio", standing.to_best.median},
                 {"low", standing.to_best.low},
                 {"high", standing.to_best.high}});
  return text;
}

std::string JsonText(const std::vector<GroupMean>& means) {
  std::string text;
  for (const GroupMean& mean : means) {
    AddLine(text, {{"event", "group"},
                   {"group", mean.group},
                   {"shapes", mean.shapes},
                   {"geomean", mean.mean},
                   {"worst", mean.worst},
                   {"worst_workload", mean.worst_task}});
  }
  return text;
}

}  // namespace tunefarm::bench
