// What the cycle models of emulated boards say of CoreMark, whose results on silicon are published: a check
// of the models with a program that is none of our kernels (docs/emulation.md). Two runs; the second one
// counts.
//
//   bench-coremark --source DIR [--device emulated:cortex-m4 ...] [--flags=-O3] [--iterations 10] [--json]
#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "base/subprocess.h"
#include "bench/coremark_check.h"
#include "bench/counted_program.h"
#include "runner/boards/board.h"
#include "runner/cycles/estimator.h"

namespace tunefarm::bench {
namespace {

constexpr char kWhereToGet[] =
    "bench-coremark: CoreMark is not part of tunefarm. Get it with\n"
    "  git clone https://github.com/eembc/coremark\n"
    "and say where it is: --source coremark\n";
constexpr int kRuns = 2;

struct Flags {
  std::string source;
  std::vector<std::string> devices;
  std::string flags = "-O3";
  int iterations = 10;
  bool json = false;
};

absl::StatusOr<std::string> CompilerVersion(const std::string& compiler) {
  SubprocessOptions options;
  options.argv = {compiler, "-dumpfullversion"};
  TUNEFARM_ASSIGN_OR_RETURN(const RunResult result, RunProcess(options, absl::Seconds(20)));
  return absl::StrCat(compiler, " ", absl::StripAsciiWhitespace(result.out));
}

absl::StatusOr<nlohmann::json> Measure(const Flags& flags, const std::string& device) {
  TUNEFARM_ASSIGN_OR_RETURN(const Board board, FindBoard(device));
  CountedProgram program;
  program.begin = "start_time";
  program.end = "stop_time";
  program.flags = absl::StrSplit(flags.flags, ' ', absl::SkipEmpty());
  program.flags.insert(program.flags.end(), {"-Dmain=coremark_main", "-I", flags.source,
                                             absl::StrCat("-DTUNEFARM_ITERATIONS=", flags.iterations)});
  for (const char* name :
       {"core_list_join.c", "core_main.c", "core_matrix.c", "core_state.c", "core_util.c"}) {
    program.sources.push_back(absl::StrCat(flags.source, "/", name));
  }
  program.own_sources = {"core_portme.c"};
  TUNEFARM_ASSIGN_OR_RETURN(const CountedRun run, RunCounted(board, program));
  TUNEFARM_RETURN_IF_ERROR(CheckCoremark(run.output, kRuns));
  if (run.regions.size() != kRuns) {
    return absl::InternalError(absl::StrCat("QEMU counted ", run.regions.size(), " of 2 runs"));
  }
  TUNEFARM_ASSIGN_OR_RETURN(cycles::Estimator estimator, cycles::Estimator::Create(board.cycle_model, ""));
  TUNEFARM_ASSIGN_OR_RETURN(const std::vector<cycles::Estimate> estimates, estimator.Run({run.regions[1]}));
  const cycles::Estimate& estimate = estimates[0];
  const double iterations = flags.iterations;
  TUNEFARM_ASSIGN_OR_RETURN(const std::string compiler, CompilerVersion(board.toolchain.compiler));
  nlohmann::json result = {
      {"device", board.DeviceClass()},
      {"core", board.core},
      {"cycle_model", estimate.model},
      {"error_band", estimate.error_band},
      {"compiler", compiler},
      {"flags", absl::StrCat(absl::StrJoin(board.toolchain.flags, " "),
                             board.toolchain.flags.empty() ? "" : " ", flags.flags)},
      {"iterations", flags.iterations},
      {"instructions_per_iteration", static_cast<double>(estimate.instructions) / iterations},
      {"cycles_per_iteration", estimate.cycles / iterations},
      {"coremark_per_mhz", CoremarkPerMhz(estimate.cycles / iterations)},
      {"breakdown", nlohmann::json::object()},
  };
  for (const auto& [cause, cycles] : estimate.breakdown) result["breakdown"][cause] = cycles / iterations;
  return result;
}

void Print(const nlohmann::json& result) {
  std::printf("%s: %.2f CoreMark/MHz, estimated by %s within %.0f %%\n",
              result["device"].get<std::string>().c_str(), result["coremark_per_mhz"].get<double>(),
              result["cycle_model"].get<std::string>().c_str(), 100 * result["error_band"].get<double>());
  std::printf("  %s %s\n", result["compiler"].get<std::string>().c_str(),
              result["flags"].get<std::string>().c_str());
  std::printf("  an iteration: %.0f cycles, %.0f instructions; cycles by cause:",
              result["cycles_per_iteration"].get<double>(),
              result["instructions_per_iteration"].get<double>());
  for (const auto& [cause, cycles] : result["breakdown"].items()) {
    std::printf(" %s %.0f", cause.c_str(), cycles.get<double>());
  }
  std::printf("\n");
}

int Run(const Flags& flags) {
  if (flags.source.empty()) {
    std::fputs(kWhereToGet, stderr);
    return 2;
  }
  int failures = 0;
  for (const std::string& device : flags.devices) {
    const absl::StatusOr<nlohmann::json> result = Measure(flags, device);
    if (!result.ok()) {
      std::fprintf(stderr, "bench-coremark: %s: %s\n", device.c_str(),
                   std::string(result.status().message()).c_str());
      ++failures;
    } else if (flags.json) {
      std::printf("%s\n", result->dump().c_str());
    } else {
      Print(*result);
    }
  }
  return failures > 0 ? 1 : 0;
}

}  // namespace
}  // namespace tunefarm::bench

int main(int argc, char** argv) {
  tunefarm::bench::Flags flags;
  CLI::App app("Estimates CoreMark's cycles on emulated boards, to be compared with published results.",
               "bench-coremark");
  app.add_option("--source", flags.source, "CoreMark's folder, with core_main.c");
  app.add_option("--device", flags.devices,
                 "emulated:NAME or a device file; may be repeated (default: all that are built in)");
  app.add_option("--flags", flags.flags, "The compiler's, beside the board's own")->capture_default_str();
  app.add_option("--iterations", flags.iterations, "In each of the two runs")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_flag("--json", flags.json, "One JSON object for each device");
  CLI11_PARSE(app, argc, argv);
  if (flags.devices.empty()) {
    for (const std::string& name : tunefarm::BuiltinBoardNames()) {
      flags.devices.push_back("emulated:" + name);
    }
  }
  return tunefarm::bench::Run(flags);
}
