#include "runner/cycles/mca_model.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/file.h"

namespace tunefarm::cycles {
namespace {

// Whenever these change, so do estimates: the rules of this file and of llvm_mca.cc, and for Cortex-A what
// runs the kernels (emulated/user_harness.c).
constexpr int kVersion = 7;

struct Core {
  const char* name;
  McaCore mca;
  double taken_branch_cycles;
  double mispredict_cycles;
  double error_band;
};

constexpr char kThumb7[] = "thumbv7em-none-eabihf";
constexpr char kThumb7a[] = "thumbv7-linux-gnueabihf";
constexpr char kThumb8[] = "thumbv8.1m.main-none-eabihf";

// Mispredictions cost what LLVM's models say, but for the M7, where 8 fitted the one published program
// better. Taken branches are predicted on all but the M55, which refills its pipeline. LLVM lends the A76 the
// model of the A57, which has no dot products: that of the Neoverse N1, the A76's server twin, has. Nothing
// of the A9 was compared with a board, and its model has the largest holes: hence the widest band.
const std::vector<Core>& Cores() {
  static const auto* const kCores = new std::vector<Core>{
      {"cortex-m7", {.triple = kThumb7, .cpu = "cortex-m7", .parts_float = true}, 0, 8, 0.25},
      {"cortex-m55", {.triple = kThumb8, .cpu = "cortex-m55"}, 2, 0, 0.3},
      {"cortex-a9",
       {.triple = kThumb7a, .cpu = "cortex-a9", .attributes = "+neon", .serial_neon = true},
       0,
       8,
       0.4},
      {"cortex-a53",
       {.triple = "aarch64",
        .cpu = "cortex-a55",
        .narrow_simd = true,
        .narrow_loads = true,
        .predicts_branches = true},
       0,
       9,
       0.3},
      {"cortex-a55",
       {.triple = "aarch64", .cpu = "cortex-a55", .narrow_simd = true, .predicts_branches = true},
       0,
       8,
       0.3},
      {"cortex-a72", {.triple = "aarch64", .cpu = "cortex-a72"}, 0, 16, 0.3},
      {"cortex-a76", {.triple = "aarch64", .cpu = "neoverse-n1"}, 0, 11, 0.3},
  };
  return *kCores;
}

// Wrong by half a cycle each, they change an estimate by half a percent: little against an error of 25.
constexpr double kColdShare = 0.01;

// An instruction that the model lacks takes an issue slot of its own.
constexpr double kUnmodelledCycles = 1;

}  // namespace

std::vector<std::string> McaModel::Names() {
  std::vector<std::string> names;
  for (const Core& core : Cores()) names.emplace_back(core.name);
  return names;
}

McaModel::McaModel(ModelFacts facts, LlvmMca mca, CostCache cache)
    : facts_(std::move(facts)), mca_(std::move(mca)), cache_(std::move(cache)) {}

absl::StatusOr<std::unique_ptr<McaModel>> McaModel::Create(const std::string& name,
                                                           const std::string& cache_directory) {
  const auto core =
      std::find_if(Cores().begin(), Cores().end(), [&](const Core& c) { return name == c.name; });
  if (core == Cores().end()) {
    return absl::InvalidArgumentError(absl::StrCat("llvm-mca has no model '", name, "'"));
  }
  TUNEFARM_ASSIGN_OR_RETURN(LlvmMca mca, LlvmMca::Create(core->mca));
  const std::string version = absl::StrCat(kVersion, "+llvm-", mca.version());
  std::string path;
  if (!cache_directory.empty()) {
    TUNEFARM_RETURN_IF_ERROR(MakeDirectories(cache_directory));
    path = absl::StrCat(cache_directory, "/", name, "-", version);
  }
  ModelFacts facts = {
      name, version, core->taken_branch_cycles, core->mispredict_cycles, core->error_band, kColdShare};
  return std::unique_ptr<McaModel>(new McaModel(std::move(facts), std::move(mca), CostCache(path)));
}

absl::StatusOr<std::vector<BlockCost>> McaModel::Costs(const std::vector<const CodeBlock*>& blocks) {
  std::vector<const CodeBlock*> unknown;
  for (const CodeBlock* block : blocks) {
    if (cache_.Find(*block) == nullptr) unknown.push_back(block);
  }
  TUNEFARM_ASSIGN_OR_RETURN(const std::vector<McaCost> found, mca_.Analyse(unknown));
  for (std::size_t i = 0; i < unknown.size(); ++i) cache_.Add(*unknown[i], found[i]);
  TUNEFARM_RETURN_IF_ERROR(cache_.Flush());
  std::vector<BlockCost> costs;
  for (const CodeBlock* block : blocks) {
    const McaCost& cost = *cache_.Find(*block);
    costs.push_back({cost.cycles, kUnmodelledCycles * cost.unmodelled, cost.low_overhead_loop});
  }
  return costs;
}

}  // namespace tunefarm::cycles
