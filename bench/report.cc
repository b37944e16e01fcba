#include "bench/report.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "runner/timing/robust_stats.h"

namespace tunefarm::bench {
namespace {

double Gflops(const Result& result, std::size_t i) {
  return result.peers[i].flop / Median(result.samples[i].seconds) * 1e-9;
}

Ratio OursTo(const Result& result, std::size_t i) {
  return SpeedRatio(result.peers[0], result.samples[0], result.peers[i], result.samples[i]);
}

}  // namespace

std::string TableText(const Result& result) {
  std::string text = absl::StrFormat("%s on %s, one thread on CPU %d, %d interleaved rounds\n\n",
                                     result.problem->workload().ToString(), result.problem->target().name,
                                     result.cpu, result.rounds);
  absl::StrAppendFormat(&text, "%-10s %12s %10s %8s  %-28s %s\n", "", "median us", "GFLOP/s", "error",
                        "tunefarm is x times as fast", "");
  for (std::size_t i = 0; i < result.peers.size(); ++i) {
    const Peer& peer = result.peers[i];
    std::string ratio;
    if (i > 0) {
      const Ratio r = OursTo(result, i);
      ratio = absl::StrFormat("%.3f (%.3f to %.3f)", r.median, r.low, r.high);
    }
    absl::StrAppendFormat(&text, "%-10s %12.1f %10.2f %8s  %-28s %s\n", peer.name,
                          Median(result.samples[i].seconds) * 1e6, Gflops(result, i),
                          peer.is_operator ? absl::StrFormat("%.3f", result.errors[i]) : "-", ratio,
                          peer.description);
  }
  for (const AbsentPeer& absent : result.absent) {
    absl::StrAppendFormat(&text, "%-10s not measured: %s\n", absent.name, absent.reason);
  }
  absl::StrAppend(
      &text,
      "\nRatios are medians of the rounds' ratios with their 95 % interval. The error is the share of the\n"
      "float32 rounding tolerance that the worst element uses.\n");
  return text;
}

std::string JsonText(const Result& result) {
  using Json = nlohmann::ordered_json;
  std::string text;
  const auto add = [&](const Json& json) { absl::StrAppend(&text, json.dump(), "\n"); };
  for (std::size_t i = 0; i < result.peers.size(); ++i) {
    const Interval interval = MedianInterval95(result.samples[i].seconds);
    add({{"event", "peer"},
         {"peer", result.peers[i].name},
         {"description", result.peers[i].description},
         {"gflops", Gflops(result, i)},
         {"median_us", Median(result.samples[i].seconds) * 1e6},
         {"low_us", interval.low * 1e6},
         {"high_us", interval.high * 1e6},
         {"calls_per_sample", result.samples[i].calls},
         {"error", result.errors[i]}});
  }
  for (const AbsentPeer& absent : result.absent) {
    add({{"event", "absent"}, {"peer", absent.name}, {"reason", absent.reason}});
  }
  double share_of_peak = 0;
  for (std::size_t i = 1; i < result.peers.size(); ++i) {
    const Ratio ratio = OursTo(result, i);
    if (!result.peers[i].is_operator) share_of_peak = ratio.median;
    add({{"event", "ratio"},
         {"of", result.peers[0].name},
         {"to", result.peers[i].name},
         {"ratio", ratio.median},
         {"low", ratio.low},
         {"high", ratio.high}});
  }
  add({{"event", "done"},
       {"workload", result.problem->workload().ToString()},
       {"target", result.problem->target().name},
       {"cpu", result.cpu},
       {"rounds", result.rounds},
       {"gflops", Gflops(result, 0)},
       {"share_of_peak", share_of_peak}});
  return text;
}

}  // namespace tunefarm::bench
