// bench-kernels: one workload on one thread, ours beside the naive loops, OpenBLAS, oneDNN and the FMA peak,
// in one interleaved run with every library held to the target's ISA.
//
//   bench-kernels --workload matmul:m=1024,n=1024,k=1024 --target x86-64-v3 --db records.db
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "base/exit_code.h"
#include "bench/peers/peer.h"
#include "bench/report.h"
#include "bench/rounds.h"
#include "bench/target_isa.h"

namespace tunefarm::bench {
namespace {

struct Options {
  std::string workload = "matmul:m=1024,n=1024,k=1024";
  std::string target = "host";
  OursOptions ours;
  int rounds = 15;
  double sample_ms = 50;
  int cpu = -1;
  bool json = false;
};

// Adding a peer is a line here.
absl::Status MakePeers(const Problem& problem, const Options& options, Result& result) {
  TUNEFARM_ASSIGN_OR_RETURN(Peer ours, MakeOurs(problem, options.ours));
  result.peers.push_back(std::move(ours));
  const auto add = [&](const char* name, absl::StatusOr<Peer> peer) {
    if (peer.ok()) {
      result.peers.push_back(*std::move(peer));
    } else {
      result.absent.push_back({name, std::string(peer.status().message())});
    }
  };
  add("naive", MakeNaive(problem));
#ifdef TUNEFARM_HAVE_OPENBLAS
  add("OpenBLAS", MakeOpenBlas(problem));
#else
  result.absent.push_back({"OpenBLAS", "not there when this program was built (libopenblas-dev)"});
#endif
#ifdef TUNEFARM_HAVE_ONEDNN
  add("oneDNN", MakeOneDnn(problem));
#else
  result.absent.push_back({"oneDNN", "not there when this program was built (libdnnl-dev, version 2)"});
#endif
  add("FMA peak", MakePeak(problem));
  return absl::OkStatus();
}

// One call of each, compared with the reference, before anything is timed. Ours must be right; a peer may use
// an algorithm with a wider error (Winograd), which is shown.
absl::Status CheckOutputs(const Problem& problem, Result& result) {
  for (const Peer& peer : result.peers) {
    Buffer output(problem.output_elements());
    if (peer.is_operator) peer.run(output);
    result.errors.push_back(peer.is_operator ? problem.Error(output) : 0);
  }
  if (result.errors[0] > 1) {
    return absl::InternalError(absl::StrCat("our kernel computes a wrong result: ", result.errors[0],
                                            " times the tolerance (", result.peers[0].description, ")"));
  }
  return absl::OkStatus();
}

absl::Status Run(const Options& options, char** argv) {
  TUNEFARM_ASSIGN_OR_RETURN(const schedules::Workload workload, schedules::Workload::Parse(options.workload));
  TUNEFARM_ASSIGN_OR_RETURN(const schedules::Target target, schedules::FindTarget(options.target));
  TUNEFARM_RETURN_IF_ERROR(CheckMachineRuns(target));
  TUNEFARM_RETURN_IF_ERROR(HoldPeersTo(target, argv));

  const Problem problem(workload, target, /*seed=*/1);
  Result result;
  result.problem = &problem;
  result.rounds = options.rounds;
  // Compiling uses any CPU; measuring this one.
  TUNEFARM_RETURN_IF_ERROR(MakePeers(problem, options, result));
  TUNEFARM_ASSIGN_OR_RETURN(result.cpu, PinToCpu(options.cpu));
  TUNEFARM_RETURN_IF_ERROR(CheckOutputs(problem, result));

  Buffer output(problem.output_elements());
  const bool progress = isatty(STDERR_FILENO) != 0;
  result.samples =
      MeasureRounds(result.peers, output, options.rounds, options.sample_ms * 1e-3, [&](int done) {
        if (progress)
          std::cerr << "\rround " << done << " of " << options.rounds << (done == options.rounds ? "\n" : "");
      });
  std::cout << (options.json ? JsonText(result) : TableText(result));
  return absl::OkStatus();
}

}  // namespace
}  // namespace tunefarm::bench

int main(int argc, char** argv) {
  tunefarm::bench::Options options;
  CLI::App app("Our kernel for one workload beside the libraries', on one thread, in one interleaved run.");
  app.add_option("--workload", options.workload, "The workload's text")->capture_default_str();
  app.add_option("--target", options.target, "Target; the libraries are held to its ISA")
      ->capture_default_str();
  CLI::Option* config =
      app.add_option("--config", options.ours.config, "Our config's text; else the default config");
  app.add_option("--db", options.ours.db_path, "Take our config from the best record in this database")
      ->excludes(config);
  app.add_option("--rounds", options.rounds, "Rounds; every peer gives one sample in each")
      ->capture_default_str()
      ->check(CLI::Range(1, 100000));
  app.add_option("--sample-ms", options.sample_ms, "Calls are repeated for about this long per sample")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 60000.0));
  app.add_option("--cpu", options.cpu, "CPU to measure on; else the last one this process may use")
      ->check(CLI::Range(0, 1023));
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
