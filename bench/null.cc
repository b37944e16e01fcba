// bench-null: is a measured difference a difference? Enters the same kernel twice as if it were two
// candidates, through the real executor, while compilers run on the other core, and lets the tool decide:
// each is screened on its own, and where one seems faster the two are confirmed by interleaved pairs, as at
// the end of a task. Shown are the differences of the screening, which steers the search, and the wins that
// are declared. Ends with status 1 when more than 5 % of the pairs end with a declared win of more than 5 %.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "absl/time/clock.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "proto/policies.h"
#include "runner/device/native_device.h"
#include "runner/timing/robust_stats.h"
#include "spdlog/spdlog.h"
#include "tuner/confirmation.h"

namespace tunefarm {
namespace {

constexpr double kFalseWin = 0.05;
constexpr double kAllowedShare = 0.05;
// Of one measurement; a machine that is never calm so long cannot be judged.
constexpr int kAttempts = 5;

struct Kernel {
  const char* name;
  const char* source;
  std::uint64_t elements;  // Of the input and of the output.
};

// Bound by arithmetic, by the caches, and by memory.
const Kernel kKernels[] = {{"compute", R"(
typedef float v8 __attribute__((vector_size(32)));
void tunefarm_run(void* const* a, const void* p, void* w) {
  const float* x = a[0]; float* y = a[1];
  for (int i = 0; i < 1024; i += 64) {
    v8 c[8];
    for (int j = 0; j < 8; ++j) __builtin_memcpy(&c[j], x + i + 8 * j, 32);
    for (int k = 0; k < 4000; ++k) for (int j = 0; j < 8; ++j) c[j] = c[j] * 0.999f + 0.01f;
    for (int j = 0; j < 8; ++j) __builtin_memcpy(y + i + 8 * j, &c[j], 32);
  }
})",
                            1024},
                           {"matmul-256", R"(
typedef float v8 __attribute__((vector_size(32)));
void tunefarm_run(void* const* a, const void* p, void* w) {
  const float* x = a[0]; float* y = a[1];
  for (int i = 0; i < 256; ++i) for (int j = 0; j < 256; j += 32) {
    v8 c[4] = {0};
    for (int k = 0; k < 256; ++k) for (int u = 0; u < 4; ++u) {
      v8 b; __builtin_memcpy(&b, x + k * 256 + j + 8 * u, 32);
      c[u] += x[i * 256 + k] * b;
    }
    for (int u = 0; u < 4; ++u) __builtin_memcpy(y + i * 256 + j + 8 * u, &c[u], 32);
  }
})",
                            65536},
                           {"stream-8MiB", R"(
void tunefarm_run(void* const* a, const void* p, void* w) {
  const float* x = a[0]; float* y = a[1];
  for (int i = 0; i < 1048576; ++i) y[i] = 2.0f * x[i] + 1.0f;
})",
                            1048576}};

absl::Status Compile(const std::string& source, const std::string& stem) {
  TUNEFARM_RETURN_IF_ERROR(WriteFileAtomic(stem + ".c", source));
  SubprocessOptions options;
  options.argv = {"cc", "-O3", "-shared", "-fPIC", "-o", stem + ".so", stem + ".c"};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0) {
    options.argv.insert(options.argv.begin() + 1, {"-mavx2", "-mfma"});
  }
#endif
  TUNEFARM_ASSIGN_OR_RETURN(const RunResult result, RunProcess(options, absl::Minutes(1)));
  if (result.exit_code != 0) return absl::InternalError(absl::StrCat("cc failed: ", result.err));
  return absl::OkStatus();
}

// What a builder does: one compilation after the other.
class Builders {
 public:
  Builders(std::string folder, int cpu, int count) : folder_(std::move(folder)), cpu_(cpu) {
    for (int i = 0; i < count; ++i) {
      threads_.emplace_back([this, i] { Work(i); });
    }
  }
  ~Builders() {
    stopping_ = true;
    for (std::thread& thread : threads_) thread.join();
  }
  int built() const { return built_; }

 private:
  void Work(int i) {
    SubprocessOptions options;
    options.argv = {"cc",
                    "-O3",
                    "-shared",
                    "-fPIC",
                    "-o",
                    absl::StrCat(folder_, "/beside", i, ".so"),
                    folder_ + "/beside.c"};
    if (cpu_ >= 0) options.cpus = {cpu_};
    while (!stopping_) {
      if (RunProcess(options, absl::Minutes(1)).ok()) ++built_;
    }
  }
  std::string folder_;
  int cpu_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> built_{0};
  std::vector<std::thread> threads_;
};

struct Flags {
  int pairs = 200;
  int gap = 20;
  int cpu = -1;
  int builder_cpu = -1;
  int builders = 1;
  bool json = false;
};

struct Sides {
  std::size_t kernel;
  double corrected[2];
  double raw[2];
  double declared = 1;  // Speed-up that the confirmation claims for the side that screening found faster.
};

double Difference(const double (&sides)[2]) { return std::abs(std::log(sides[0] / sides[1])); }

double ShareAbove(const std::vector<double>& values, double limit) {
  const auto count = std::count_if(values.begin(), values.end(), [limit](double v) { return v > limit; });
  return values.empty() ? 0 : static_cast<double>(count) / static_cast<double>(values.size());
}

absl::StatusOr<bool> Run(const Flags& flags) {
  TUNEFARM_ASSIGN_OR_RETURN(const TempDir folder, TempDir::Create());
  TUNEFARM_ASSIGN_OR_RETURN(const Sandbox sandbox,
                            Sandbox::Create(ProgramDirectory() + "/tunefarm-executor"));
  const std::vector<int> allowed = AllowedCpus();
  NativeDeviceOptions options;
  options.device_id = "bench";
  options.cpus = {flags.cpu >= 0 ? flags.cpu : allowed.back()};
  options.state_directory = folder.path();
  TUNEFARM_ASSIGN_OR_RETURN(const std::unique_ptr<NativeDevice> device,
                            NativeDevice::Create(options, sandbox));

  std::string beside;
  for (const Kernel& kernel : kKernels) {
    TUNEFARM_RETURN_IF_ERROR(Compile(kernel.source, absl::StrCat(folder.path(), "/", kernel.name)));
  }
  // About half a second of compiling.
  for (int i = 0; i < 150; ++i) {
    absl::StrAppend(&beside, "void f", i,
                    "(const float* x, float* y, int n) { for (int i = 0; i < n; ++i) for (int j = 0; j < ",
                    i % 7 + 2, "; ++j) y[i] += x[i + j * n] * ", i, ".0f; }\n");
  }
  TUNEFARM_RETURN_IF_ERROR(WriteFileAtomic(folder.path() + "/beside.c", beside));
  const Builders builders(folder.path(), flags.builder_cpu >= 0 ? flags.builder_cpu : allowed.front(),
                          flags.builders);

  std::vector<Sides> pairs(static_cast<std::size_t>(flags.pairs));
  std::vector<double> cost_ms;
  std::vector<double> confirm_ms;
  int repeated = 0;  // Measurements in which other programs left no sample whole.
  const auto run_kernel = [&](std::size_t k, std::size_t copies,
                              const v1::MeasurementPolicy& policy) -> absl::StatusOr<v1::Measurement> {
    LocalWork work;
    work.kernel_paths.assign(copies, absl::StrCat(folder.path(), "/", kKernels[k].name, ".so"));
    v1::RunDescription& run = *work.item.mutable_run();
    for (const v1::ArgumentRole role : {v1::ARGUMENT_ROLE_INPUT, v1::ARGUMENT_ROLE_OUTPUT}) {
      v1::Argument& argument = *run.add_arguments();
      argument.set_type(v1::DATA_TYPE_F32);
      argument.set_role(role);
      argument.set_elements(kKernels[k].elements);
    }
    run.set_input_seed(1);
    *run.mutable_policy() = policy;
    WorkControl control;
    v1::Measurement measurement = device->Measure(work, control);
    // A farm sends such work out again.
    for (int i = 1; i < kAttempts && measurement.failure().kind() == v1::FAILURE_KIND_NOISY; ++i) {
      ++repeated;
      measurement = device->Measure(work, control);
    }
    if (measurement.kernels_size() != static_cast<int>(copies)) {
      return absl::InternalError(absl::StrCat(kKernels[k].name, ": ", measurement.failure().message(), " ",
                                              measurement.failure().detail()));
    }
    return measurement;
  };
  const auto measure = [&](std::size_t pair, int side) -> absl::Status {
    const std::size_t k = pair % std::size(kKernels);
    TUNEFARM_ASSIGN_OR_RETURN(const v1::Measurement measurement, run_kernel(k, 1, ScreeningPolicy()));
    cost_ms.push_back(measurement.busy_us() * 1e-3);
    pairs[pair].kernel = k;
    pairs[pair].corrected[side] = measurement.kernels(0).median_us();
    pairs[pair].raw[side] = measurement.kernels(0).raw_median_us();
    return absl::OkStatus();
  };
  // The tool claims nothing of a screening: the seemingly faster side has to win interleaved pairs.
  const auto confirm = [&](Sides& pair) -> absl::Status {
    TUNEFARM_ASSIGN_OR_RETURN(const v1::Measurement measurement,
                              run_kernel(pair.kernel, 2, ConfirmationPolicy()));
    confirm_ms.push_back(measurement.busy_us() * 1e-3);
    tuner::Confirmation confirmation;
    confirmation.kernels.resize(2);
    const tuner::Verdict verdict =
        tuner::Judge(confirmation, tuner::ConfirmationOutcomeOf(measurement).samples_us);
    if (verdict.winner == 1) pair.declared = verdict.speedup;
    return absl::OkStatus();
  };
  // The two of a pair are `gap` measurements apart, and every other pair has its sides the other way round.
  for (std::size_t begin = 0; begin < pairs.size(); begin += static_cast<std::size_t>(flags.gap)) {
    const std::size_t end = std::min(begin + static_cast<std::size_t>(flags.gap), pairs.size());
    for (int turn = 0; turn < 2; ++turn) {
      for (std::size_t pair = begin; pair < end; ++pair) {
        TUNEFARM_RETURN_IF_ERROR(
            measure(pair, static_cast<int>((pair + static_cast<std::size_t>(turn)) % 2)));
      }
    }
    for (std::size_t pair = begin; pair < end; ++pair) TUNEFARM_RETURN_IF_ERROR(confirm(pairs[pair]));
  }

  nlohmann::json report;
  report["pairs"] = flags.pairs;
  report["builds"] = builders.built();
  report["repeated"] = repeated;
  report["cost_ms"] = {{"median", Median(cost_ms)}, {"p95", Quantile(cost_ms, 0.95)}};
  report["confirmation_ms"] = {{"median", Median(confirm_ms)}, {"p95", Quantile(confirm_ms, 0.95)}};
  std::vector<double> all;
  if (!flags.json) {
    std::printf(
        "differences   pairs  corrected: p50  p95  max  share > 5 %%   raw: p50  p95  max  share > 5 %%\n");
  }
  for (std::size_t k = 0; k < std::size(kKernels); ++k) {
    std::vector<double> corrected;
    std::vector<double> raw;
    for (const Sides& pair : pairs) {
      if (pair.kernel != k) continue;
      corrected.push_back(Difference(pair.corrected));
      raw.push_back(Difference(pair.raw));
    }
    all.insert(all.end(), corrected.begin(), corrected.end());
    nlohmann::json& entry = report["kernels"][kKernels[k].name];
    for (const auto& [name, values] : {std::pair{"corrected", corrected}, std::pair{"raw", raw}}) {
      entry[name] = {{"p50", Median(values)},
                     {"p95", Quantile(values, 0.95)},
                     {"max", Quantile(values, 1)},
                     {"share_above", ShareAbove(values, kFalseWin)}};
    }
    if (!flags.json) {
      std::printf("%-12s %6zu  %6.3f %6.3f %6.3f %6.3f  %6.3f %6.3f %6.3f %6.3f\n", kKernels[k].name,
                  corrected.size(), Median(corrected), Quantile(corrected, 0.95), Quantile(corrected, 1),
                  ShareAbove(corrected, kFalseWin), Median(raw), Quantile(raw, 0.95), Quantile(raw, 1),
                  ShareAbove(raw, kFalseWin));
    }
  }
  std::vector<double> declared;
  declared.reserve(pairs.size());
  for (const Sides& pair : pairs) declared.push_back(pair.declared - 1);
  const double share = ShareAbove(declared, kFalseWin);
  report["screening_above"] = ShareAbove(all, kFalseWin);
  report["declared_wins"] = ShareAbove(declared, 0);
  report["largest_declared"] = Quantile(declared, 1);
  report["false_wins"] = share;
  report["allowed"] = kAllowedShare;
  if (flags.json) {
    std::printf("%s\n", report.dump().c_str());
  } else {
    std::printf(
        "screening differs by more than 5 %% in %.1f %% of %d pairs, at %.0f ms a candidate (p95 %.0f); %d "
        "builds beside, %d measurements repeated\n",
        100 * ShareAbove(all, kFalseWin), flags.pairs, Median(cost_ms), Quantile(cost_ms, 0.95),
        builders.built(), repeated);
    std::printf("confirmed by pairs, at %.0f ms each: %.1f %% end with any win, the largest of %.2f %%\n",
                Median(confirm_ms), 100 * ShareAbove(declared, 0), 100 * Quantile(declared, 1));
    std::printf("false wins of more than 5 %%: %.1f %% of the pairs (allowed: %.0f %%)\n", 100 * share,
                100 * kAllowedShare);
  }
  return share <= kAllowedShare;
}

}  // namespace
}  // namespace tunefarm

int main(int argc, char** argv) {
  tunefarm::Flags flags;
  CLI::App app(
      "Measures the same kernel twice, many times, and counts how often one of the two seems faster.",
      "bench-null");
  app.add_option("--pairs", flags.pairs, "Pairs to measure")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--gap", flags.gap, "Measurements between the two of a pair")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--cpu", flags.cpu, "Where kernels run (default: the last)");
  app.add_option("--builder-cpu", flags.builder_cpu, "Where compilers run (default: the first)");
  app.add_option("--builders", flags.builders, "Compilers at a time; 0: a quiet machine")
      ->capture_default_str();
  app.add_flag("--json", flags.json, "One JSON object instead of the table");
  CLI11_PARSE(app, argc, argv);
  spdlog::set_level(spdlog::level::warn);
  const absl::StatusOr<bool> passed = tunefarm::Run(flags);
  if (!passed.ok()) {
    std::fprintf(stderr, "bench-null: %s\n", std::string(passed.status().message()).c_str());
    return 2;
  }
  return *passed ? 0 : 1;
}
