// Cycle estimates of code that ran under QEMU with the plugin of this folder: exact counts of what was
// executed, a model of the core, simulated caches. The same counts give the same cycles, on every machine.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "runner/cycles/model_spec.h"
#include "runner/cycles/region.h"

namespace tunefarm::cycles {

struct Estimate {
  double cycles = 0;               // Of the whole region.
  std::uint64_t instructions = 0;  // Executed.
  // Cycles by cause, in a fixed order; their sum times the calibration is `cycles`.
  std::vector<std::pair<std::string, double>> breakdown;
  std::string model;      // Name and version: "cortex-m4/1".
  double error_band = 0;  // Relative: two kernels that are closer than this are not distinguishable.
};

// One line for people: "812345 cycles: base 700000, taken branches 12345, flash data lines 100000".
std::string Describe(const Estimate& estimate);

// The names that ModelSpec.name may have.
std::vector<std::string> ModelNames();

// How QEMU is told what to count: the value of its option -plugin. Sections are appended to `out` (see
// region.h). A region begins when the instruction at `begin` is executed, which it includes, and ends before
// the one at `end`; both must be reached by a branch, call or return, such as the first instruction of a
// function, and neither more than once per region. `plugin` is the plugin's path as QEMU sees it:
// PluginPath(), unless in a box. kInvalidArgument when the caches are not sound.
absl::StatusOr<std::string> PluginOption(const ModelSpec& spec, const std::string& plugin,
                                         const std::string& out, std::uint64_t begin, std::uint64_t end);
// The same with the plugin beside the programs, at PluginPath().
absl::StatusOr<std::string> PluginOption(const ModelSpec& spec, const std::string& out, std::uint64_t begin,
                                         std::uint64_t end);
// kNotFound when the plugin is not installed.
absl::StatusOr<std::string> PluginPath();

class CycleModel;

// Thread-compatible; one may live as long as its device.
class Estimator {
 public:
  // `cache_directory` keeps what llvm-mca answered, by content, for the next run; empty: only in memory.
  // kInvalidArgument: an unknown model or unsound corrections. kNotFound: its tool (llvm-mca-19) is missing.
  static absl::StatusOr<Estimator> Create(const ModelSpec& spec, const std::string& cache_directory);
  Estimator(Estimator&&) noexcept;
  Estimator& operator=(Estimator&&) noexcept;
  ~Estimator();

  // As every Estimate has them.
  std::string model() const;
  double error_band() const;

  // One per region, in order; asking for many at once is cheaper than one by one.
  absl::StatusOr<std::vector<Estimate>> Run(const std::vector<Region>& regions);

 private:
  Estimator(ModelSpec spec, std::unique_ptr<CycleModel> model);
  ModelSpec spec_;
  std::unique_ptr<CycleModel> model_;
};

}  // namespace tunefarm::cycles
