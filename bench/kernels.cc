// bench-kernels: workloads, ours beside the libraries' and the FMA peak, each in one interleaved run with
// every library held to the target's ISA and number of threads.
//
//   bench-kernels --workload matmul:m=1024,n=1024,k=1024 --target x86-64-v3 --db records.db
//   bench-kernels --workloads resnet50 --workloads mobilenet_v2 --db records.db --trials 64
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "base/exit_code.h"
#include "bench/peers/peer.h"
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
absl::Status MakePeers(const Problem& problem, const Options& options, const OursChoice& choice,
                       Result& result) {
  TUNEFARM_ASSIGN_OR_RETURN(Peer ours, MakeOurs(problem, choice));
  result.peers.push_back(std::move(ours));
  const auto add = [&](const char* name, absl::StatusOr<Peer> peer) {
    if (peer.ok()) {
      peer->name = name;
      result.peers.push_back(*std::move(peer));
    } else {
      result.absent.push_back({name, std::string(peer.status().message())});
    }
  };
  [[maybe_unused]] const auto missing = [](const char* package) -> absl::StatusOr<Peer> {
    return absl::NotFoundError(absl::StrCat("not there when this program was built (", package, ")"));
  };
  if (!choice.config.empty()) add("default", MakeOurs(problem, {"", "default config"}));
  const bool int8 = problem.is_int8();
  const auto no_int8 = absl::UnimplementedError("computes in float32 only");
  if (options.naive) add("naive", int8 ? no_int8 : MakeNaive(problem));
#ifdef TUNEFARM_HAVE_OPENBLAS
  add("OpenBLAS", int8 ? no_int8 : MakeOpenBlas(problem));
#else
  add("OpenBLAS", missing("libopenblas-dev"));
#endif
#ifdef TUNEFARM_HAVE_BLIS
  add("BLIS", int8 ? no_int8 : MakeBlis(problem));
#else
  add("BLIS", missing("libblis-dev"));
#endif
#ifdef TUNEFARM_HAVE_EIGEN
  add("Eigen", int8 ? no_int8 : MakeEigen(problem));
#else
  add("Eigen", missing("libeigen3-dev, on x86-64"));
#endif
#ifdef TUNEFARM_HAVE_ONEDNN
  for (const bool blocked : {false, true}) {
    add(blocked ? "oneDNN blocked" : "oneDNN",
        int8 ? MakeOneDnnInt8(problem, blocked) : MakeOneDnn(problem, blocked));
  }
#else
  add("oneDNN", missing("libdnnl-dev, version 2"));
#endif
#ifdef TUNEFARM_HAVE_XNNPACK
  if (!IsMachinesOwnIsa(problem.target())) {
    add("XNNPACK", absl::UnimplementedError("cannot be held below the machine's own ISA"));
  } else {
    add("XNNPACK", int8 ? MakeXnnPackInt8(problem) : MakeXnnPack(problem));
  }
#else
  add("XNNPACK", missing("libxnnpack-dev and libpthreadpool-dev"));
#endif
  if (problem.threads() == 1) add(int8 ? "int8 peak" : "FMA peak", MakePeak(problem));
  return absl::OkStatus();
}

// One call of each, compared with the reference, before anything is timed. Ours must be right; a peer may use
// an algorithm with a wider error (Winograd), which is shown.
absl::Status CheckOutputs(const Problem& problem, Result& result) {
  for (const Peer& peer : result.peers) {
    Buffer output(problem.output_elements());
    if (peer.is_operator) peer.run(output);
    if (peer.convert) peer.convert(output);
    result.errors.push_back(peer.is_operator ? problem.Error(output) : 0);
  }
  if (result.errors[0] > result.peers[0].allowed_error) {
    return absl::InternalError(absl::StrCat("our kernel computes a wrong result: ", result.errors[0],
                                            problem.is_int8() ? " units off (" : " times the tolerance (",
                                            result.peers[0].description, ")"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Result> Measure(const Problem& problem, const Options& options, const OursChoice& choice,
                               int cpu) {
  Result result;
  result.problem = &problem;
  result.rounds = options.rounds;
  result.cpu = cpu;
  TUNEFARM_RETURN_IF_ERROR(MakePeers(problem, options, choice, result));
  TUNEFARM_RETURN_IF_ERROR(CheckOutputs(problem, result));
  Buffer output(problem.output_elements());
  const bool progress = isatty(STDERR_FILENO) != 0;
  result.samples = MeasureRounds(
      result.peers, output, options.rounds, options.sample_ms * 1e-3, options.threads, [&](int done) {
        if (progress)
          std::cerr << "\rround " << done << " of " << options.rounds << (done == options.rounds ? "\r" : "");
      });
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
