// bench-kernels: workloads, ours beside the libraries' and the FMA peak, each in one interleaved run with
// every library held to the target's ISA and number of threads.
//
//   bench-kernels --workload matmul:m=1024,n=1024,k=1024 --target x86-64-v3 --db records.db
//   bench-kernels --workloads resnet50 --workloads mobilenet_v2 --db records.db --trials 64
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "base/exit_code.h"
#include "bench/peer_process.h"
#include "bench/report.h"
#include "bench/rounds.h"
#include "bench/target_isa.h"
#include "bench/tune_first.h"
#include "cli/workload_list.h"
#include "db/database.h"

namespace tunefarm::bench {
namespace {

using schedules::WeightedWorkload;

struct Options {
  cli::WorkloadSelection selection;
  std::string target = "host";
  std::string config, db_path;
  int trials = 0;
  int threads = 1;
  int rounds = 15;
  double sample_ms = 30;
  int cpu = -1;
  bool naive = false;
  bool json = false;
};

// Ours first, then whoever is there. Adding a peer is a line here.
absl::StatusOr<std::vector<PeerProcess>> StartPeers(const Problem& problem, const Options& options,
                                                    const OursChoice& choice,
                                                    std::vector<AbsentPeer>& absent) {
  using MakePeer = std::function<absl::StatusOr<Peer>()>;
  std::vector<PeerProcess> peers;
  TUNEFARM_ASSIGN_OR_RETURN(PeerProcess ours,
                            PeerProcess::Start(problem, [&] { return MakeOurs(problem, choice); }));
  peers.push_back(std::move(ours));
  const auto add = [&](const char* name, const MakePeer& make) {
    const auto named = [&]() -> absl::StatusOr<Peer> {
      TUNEFARM_ASSIGN_OR_RETURN(Peer peer, make());
      peer.name = name;
      return peer;
    };
    absl::StatusOr<PeerProcess> peer = PeerProcess::Start(problem, named);
    if (peer.ok()) {
      peers.push_back(*std::move(peer));
    } else {
      absent.push_back({name, std::string(peer.status().message())});
    }
  };
  [[maybe_unused]] const auto missing = [](const char* package) -> MakePeer {
    return [package] {
      return absl::NotFoundError(absl::StrCat("not there when this program was built (", package, ")"));
    };
  };
  const bool int8 = problem.is_int8();
  [[maybe_unused]] const auto only_float = [&](absl::StatusOr<Peer> (*make)(const Problem&)) -> MakePeer {
    if (int8) return [] { return absl::UnimplementedError("computes in float32 only"); };
    return [&problem, make] { return make(problem); };
  };
  if (!choice.config.empty()) {
    add("default", [&] { return MakeOurs(problem, {"", "default config"}); });
  }
  if (options.naive) add("naive", only_float(MakeNaive));
#ifdef TUNEFARM_HAVE_OPENBLAS
  add("OpenBLAS", only_float(MakeOpenBlas));
#else
  add("OpenBLAS", missing("libopenblas-dev"));
#endif
#ifdef TUNEFARM_HAVE_BLIS
  add("BLIS", only_float(MakeBlis));
#else
  add("BLIS", missing("libblis-dev"));
#endif
#ifdef TUNEFARM_HAVE_EIGEN
  add("Eigen", only_float(MakeEigen));
#else
  add("Eigen", missing("libeigen3-dev, on x86-64"));
#endif
#ifdef TUNEFARM_HAVE_ONEDNN
  for (const bool blocked : {false, true}) {
    add(blocked ? "oneDNN blocked" : "oneDNN",
        [&] { return int8 ? MakeOneDnnInt8(problem, blocked) : MakeOneDnn(problem, blocked); });
  }
#else
  add("oneDNN", missing("libdnnl-dev, version 2"));
#endif
#ifdef TUNEFARM_HAVE_XNNPACK
  add("XNNPACK", [&]() -> absl::StatusOr<Peer> {
    if (!IsMachinesOwnIsa(problem.target())) {
      return absl::UnimplementedError("cannot be held below the machine's own ISA");
    }
    return int8 ? MakeXnnPackInt8(problem) : MakeXnnPack(problem);
  });
#else
  add("XNNPACK", missing("libxnnpack-dev and libpthreadpool-dev"));
#endif
  if (problem.threads() == 1) add(int8 ? "int8 peak" : "FMA peak", [&] { return MakePeak(problem); });
  return peers;
}

// Before anything is timed, an output of each was compared with the reference. Ours must be right; a peer may
// use an algorithm with a wider error (Winograd), which is shown.
absl::Status CheckOurs(const Problem& problem, const PeerProcess& ours) {
  if (ours.error() <= ours.facts().allowed_error) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("our kernel computes a wrong result: ", ours.error(),
                                          problem.is_int8() ? " units off (" : " times the tolerance (",
                                          ours.facts().description, ")"));
}

absl::StatusOr<Result> Measure(const Problem& problem, const Options& options, const OursChoice& choice,
                               int cpu) {
  Result result;
  result.problem = &problem;
  result.rounds = options.rounds;
  result.cpu = cpu;
  TUNEFARM_ASSIGN_OR_RETURN(std::vector<PeerProcess> peers,
                            StartPeers(problem, options, choice, result.absent));
  TUNEFARM_RETURN_IF_ERROR(CheckOurs(problem, peers[0]));
  std::vector<TimeCalls> clocks;
  for (PeerProcess& peer : peers) {
    result.peers.push_back(peer.facts());
    result.errors.push_back(peer.error());
    clocks.emplace_back([&peer](long calls) { return peer.TimeCalls(calls); });
  }
  const bool progress = isatty(STDERR_FILENO) != 0;
  TUNEFARM_ASSIGN_OR_RETURN(
      result.samples, MeasureRounds(clocks, options.rounds, options.sample_ms * 1e-3, [&](int done) {
        if (progress)
          std::cerr << "\rround " << done << " of " << options.rounds << (done == options.rounds ? "\r" : "");
      }));
  return result;
}

// What of ours is measured for each workload; tunes those that have no record, when that was asked for.
absl::StatusOr<std::vector<OursChoice>> ChooseOurs(const std::vector<WeightedWorkload>& workloads,
                                                   const schedules::Target& target, const Options& options) {
  std::vector<OursChoice> choices(
      workloads.size(), {options.config, options.config.empty() ? "default config" : "given config"});
  if (options.db_path.empty()) return choices;
  std::vector<std::string> missing;
  for (const bool tuned : {false, true}) {
    missing.clear();
    absl::StatusOr<std::unique_ptr<db::Database>> database =
        db::Database::Open(options.db_path, db::Database::Mode::kReadOnly);
    if (!database.ok() && (tuned || options.trials == 0)) return database.status();
    for (std::size_t i = 0; i < workloads.size(); ++i) {
      absl::StatusOr<OursChoice> choice = absl::NotFoundError("no database");
      if (database.ok()) choice = BestRecorded(workloads[i].workload, target, options.threads, **database);
      if (choice.ok()) {
        choices[i] = *std::move(choice);
      } else if (!absl::IsNotFound(choice.status())) {
        return choice.status();
      } else if (tuned || options.trials == 0) {
        return absl::NotFoundError(absl::StrCat(choice.status().message(), " in ", options.db_path,
                                                "; with --trials N it is tuned first"));
      } else {
        missing.push_back(workloads[i].workload.ToString());
      }
    }
    if (missing.empty()) break;
    TUNEFARM_RETURN_IF_ERROR(
        TuneFirst(missing, {options.db_path, options.target, options.threads, options.trials}));
  }
  return choices;
}

absl::Status Run(const Options& options, char** argv) {
  TUNEFARM_ASSIGN_OR_RETURN(const std::vector<WeightedWorkload> workloads,
                            cli::SelectWorkloads(options.selection));
  for (const WeightedWorkload& layer : workloads) {
    if (!layer.workload.has_weights()) {
      return absl::UnimplementedError(absl::StrCat(
          "bench-kernels compares matrix products and convolutions only, not ", layer.workload.ToString()));
    }
  }
  TUNEFARM_ASSIGN_OR_RETURN(const schedules::Target target, schedules::FindTarget(options.target));
  TUNEFARM_RETURN_IF_ERROR(CheckMachineRuns(target));
  TUNEFARM_RETURN_IF_ERROR(HoldPeersTo(target, options.threads, argv));
  TUNEFARM_ASSIGN_OR_RETURN(const std::vector<OursChoice> choices, ChooseOurs(workloads, target, options));
  TUNEFARM_ASSIGN_OR_RETURN(const int cpu, PinToCpus(options.cpu, options.threads));

  const bool lines = workloads.size() > 1;
  if (lines && !options.json) std::cout << LineHeading(options.threads);
  std::vector<ShapeRatio> ratios;
  for (std::size_t i = 0; i < workloads.size(); ++i) {
    const schedules::Workload& workload = workloads[i].workload;
    const Problem problem(workload, target, options.threads, /*seed=*/1);
    TUNEFARM_ASSIGN_OR_RETURN(const Result result, Measure(problem, options, choices[i], cpu));
    std::cout << (options.json ? JsonText(result)
                  : lines      ? LineText(result)
                               : TableText(result))
              << std::flush;
    const Standing standing = StandingOf(result);
    if (standing.best >= 0) {
      ratios.push_back({GroupOf(workload), workload.ToString(), standing.to_best.median});
    }
  }
  if (!lines) return absl::OkStatus();
  const std::vector<GroupMean> means = MeansByGroup(ratios);
  std::cout << (options.json ? JsonText(means) : MeansText(means));
  return absl::OkStatus();
}

}  // namespace
}  // namespace tunefarm::bench

int main(int argc, char** argv) {
  tunefarm::bench::Options options;
  CLI::App app("Our kernels beside the libraries', each workload in one interleaved run.");
  app.add_option("--workload", options.selection.texts, "A workload's text; repeatable");
  app.add_option("--workload-file", options.selection.files, "A file with a workload a line; repeatable");
  app.add_option("--workloads", options.selection.sets, "A built-in set (tunefarm workloads); repeatable");
  app.add_option("--only", options.selection.only, "Only workloads whose text contains this");
  app.add_option("--limit", options.selection.limit, "Only the first so many");
  app.add_option("--target", options.target, "Target; the libraries are held to its ISA")
      ->capture_default_str();
  app.add_option("--threads", options.threads, "Threads of a kernel and of each library")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  CLI::Option* config =
      app.add_option("--config", options.config, "Our config's text; else the default config");
  CLI::Option* db =
      app.add_option("--db", options.db_path, "Take our configs from the best records in this database")
          ->excludes(config);
  app.add_option("--trials", options.trials,
                 "Tune workloads without a record first, with so many trials each")
      ->needs(db)
      ->check(CLI::Range(1, 1000000));
  app.add_option("--rounds", options.rounds, "Rounds; every peer gives one sample in each")
      ->capture_default_str()
      ->check(CLI::Range(1, 100000));
  app.add_option("--sample-ms", options.sample_ms, "Calls are repeated for about this long per sample")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 60000.0));
  app.add_option("--cpu", options.cpu, "CPU to measure on; else the last one this process may use")
      ->check(CLI::Range(0, 1023));
  app.add_flag("--naive", options.naive, "Measure plain C loops as well");
  app.add_flag("--json", options.json, "One JSON object a line");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(tunefarm::ExitCode::kUsage);
  }
  const absl::Status status = tunefarm::bench::Run(options, argv);
  if (status.ok()) return 0;
  std::cerr << "bench-kernels: " << status.message() << "\n";
  return static_cast<int>(tunefarm::ExitCodeOf(status));
}
