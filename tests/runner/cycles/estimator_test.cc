#include "runner/cycles/estimator.h"

#include "base/file.h"
#include "runner/cycles/cost_cache.h"
#include "runner/cycles/in_order_rules.h"
#include "runner/cycles/llvm_mca.h"
#include "tests/catch.h"
#include "tests/runner/cycles/emulated_program.h"

namespace tunefarm::cycles {
namespace {

ModelSpec Spec(const std::string& name) {
  ModelSpec spec;
  spec.name = name;
  return spec;
}

// A region of `executions` of these instructions in a row, the last of which branches back.
absl::StatusOr<Region> Loop(TestCore core, const std::string& lines, std::uint64_t executions) {
  TUNEFARM_ASSIGN_OR_RETURN(CodeBlock block, Assemble(core, lines));
  block.executions = executions;
  block.taken = executions - 1;
  Region region;
  region.instructions = executions * block.sizes.size();
  region.blocks.push_back(std::move(block));
  return region;
}

// Cycles of one execution, without branches.
void CheckBase(const std::string& model, TestCore core, const std::string& lines, double cycles,
               const std::string& cause = "base") {
  auto estimator = Estimator::Create(Spec(model), "");
  if (Missing(estimator.status())) return;
  REQUIRE(estimator.status() == absl::OkStatus());
  const auto region = Loop(core, lines, 1000);
  if (Missing(region.status())) return;
  REQUIRE(region.status() == absl::OkStatus());
  const auto estimates = estimator->Run({*region});
  REQUIRE(estimates.status() == absl::OkStatus());
  INFO(model << ": " << lines << " " << Describe((*estimates)[0]));
  double found = 0;
  for (const auto& [name, value] : (*estimates)[0].breakdown) found += name == cause ? value : 0;
  CHECK(found == Approx(1000 * cycles));
}

TEST_CASE("EveryModelIsPricedBySerialDependence") {
  // Each addition needs the one before: a cycle each on every core, however wide.
  const std::string thumb = "add r0, r0, r1\nadd r0, r0, r1\nadd r0, r0, r1\nadd r0, r0, r1\n";
  const std::string a64 = "add x0, x0, x1\nadd x0, x0, x1\nadd x0, x0, x1\nadd x0, x0, x1\n";
  for (const std::string& model : ModelNames()) {
    const TestCore core = model == "cortex-m4"    ? TestCore::kM4
                          : model == "cortex-m7"  ? TestCore::kM7
                          : model == "cortex-m55" ? TestCore::kM55
                          : model == "cortex-a9"  ? TestCore::kA9
                                                  : TestCore::kA64;
    CheckBase(model, core, core == TestCore::kA64 ? a64 : thumb, 4);
  }
}

TEST_CASE("DualIssueCoresRunIndependentInstructionsInPairs") {
  const std::string thumb = "add r0, r0, #1\nadd r1, r1, #1\nadd r2, r2, #1\nadd r3, r3, #1\n";
  CheckBase("cortex-m4", TestCore::kM4, thumb, 4);
  CheckBase("cortex-m7", TestCore::kM7, thumb, 2);
  CheckBase("cortex-a9", TestCore::kA9, thumb, 2);
  const std::string a64 = "add x0, x0, #1\nadd x1, x1, #1\nadd x2, x2, #1\nadd x3, x3, #1\n";
  CheckBase("cortex-a53", TestCore::kA64, a64, 2);
  CheckBase("cortex-a55", TestCore::kA64, a64, 2);
}

TEST_CASE("FloatMultiplyAddsDoNotHoldUpLoadsOfInOrderCores") {
  // Eight accumulators: a multiply-add a cycle on the M7, and a load beside each.
  std::string thumb, a64_wide, a64_narrow;
  for (int i = 0; i < 8; ++i) {
    absl::StrAppend(&thumb, "vfma.f32 s", i, ", s30, s31\nvldr s", 8 + i, ", [r0]\n");
  }
  CheckBase("cortex-m7", TestCore::kM7, thumb, 8);
  // On the A53 a 128-bit load takes a cycle of its own beside a 128-bit multiply-add, a load of 64 bits does
  // not.
  for (int i = 0; i < 8; ++i) {
    absl::StrAppend(&a64_wide, "fmla v", i, ".4s, v30.4s, v31.4s\nldr q", 8 + i, ", [x0]\n");
    absl::StrAppend(&a64_narrow, "fmla v", i, ".4s, v30.4s, v31.4s\nldr d", 8 + i, ", [x0]\n");
  }
  CheckBase("cortex-a53", TestCore::kA64, a64_wide, 16);
  CheckBase("cortex-a53", TestCore::kA64, a64_narrow, 8);
}

TEST_CASE("InOrderRulesReadInstructions") {
  using Parts = std::vector<Listing>;
  CHECK(PartFloat({"vfma.f32\ts0, s1, s2", "adds\tr0, r1", "vldr\ts3, [r0]"}) ==
        Parts{{"vfma.f32\ts0, s1, s2"}, {"adds\tr0, r1", "vldr\ts3, [r0]"}});
  Listing loop = {"subs\tx0, x0, #1", "b.ne\t#-4", "cbz\tx1, #8", "b\t#12", "", "bl\t#40"};
  PredictBranches(&loop);
  CHECK(loop == Listing{"subs\tx0, x0, #1", "b\t#-4", "cbz\tx1, #8", "b\t#12", "", "bl\t#40"});
  CHECK(PartFloat({"adds\tr0, r1", "bne\t#-4"}).size() == 1);
  CHECK(PartFloat({"itte\tgt", "vaddgt.f32\ts0, s1, s2", "movgt\tr0, r1", "movle\tr0, r2"}).size() == 1);
  CHECK(NarrowSimdFloor({"fmla\tv0.4s, v1.4s, v2.s[1]", "add\tv0.8b, v1.8b, v2.8b", "add\tx0, x1, x2"},
                        true) == 1);
  CHECK(NarrowSimdFloor({"ldp\tq0, q1, [x0]", "ld1\t{ v0.16b, v1.16b }, [x0]", "ldr\td0, [x0]"}, true) == 4);
  CHECK(NarrowSimdFloor({"ldp\tq0, q1, [x0]", "str\tq0, [x0]", "st1\t{ v0.16b }, [x0]"}, false) == 0);
}

TEST_CASE("TheNeonUnitOfTheA9TakesOneInstructionAtATime") {
  CHECK(SerialNeonFloor({"vmla.f32\tq0, q1, d4[0]", "vmla.f32\td0, d1, d2", "vmul.f32\ts0, s1, s2",
                         "vmlal.s16\tq0, d2, d3", "vpadal.s16\tq0, q1", "vmull.s32\tq0, d2, d3"}) ==
        2 + 1 + 1 + 1 + 2 + 2);
  CHECK(SerialNeonFloor({"vld1.32\t{d0, d1}, [r0]!", "vld1.16\t{d0[]}, [r0]", "vst1.32\t{d2[1]}, [r0]",
                         "vldmia\tr0!, {d0, d1, d2, d3}", "vldr\td0, [r0]", "vpush\t{s0, s1, s2, s3}",
                         "ldr\tr0, [r1]"}) == 1 + 2 + 1 + 2 + 1 + 1);
  // LLVM's model has the loads for nothing, and a multiply-add in each cycle.
  std::string lines;
  for (int i = 0; i < 8; ++i) {
    absl::StrAppend(&lines, "vmla.f32 q", i, ", q14, q15\nvld1.32 {d", 16 + i, "}, [r0]\n");
  }
  CheckBase("cortex-a9", TestCore::kA9, lines, 8 * (2 + 1));
}

TEST_CASE("DotProductsOfTheA76UseBothPipes") {
  // Two pipes take one each in every cycle (Neoverse N1 software optimization guide); LLVM's model of the
  // A57, which it lends the A76, has none at all.
  std::string lines;
  for (int i = 0; i < 8; ++i) absl::StrAppend(&lines, "sdot v", i, ".4s, v16.16b, v17.4b[0]\n");
  CheckBase("cortex-a76", TestCore::kA64, lines, 4);
}

TEST_CASE("InstructionsThatTheModelLacksAreReportedApart") {
  const std::string lines = "subs r0, r0, #1\nit eq\naddeq r1, r1, #1\n";
  CheckBase("cortex-m7", TestCore::kM7, lines, 1, "unmodelled_instructions");
  CheckBase("cortex-a9", TestCore::kA9, lines, 1, "unmodelled_instructions");
}

TEST_CASE("WhatAnItMakesConditionalEndsWithIt") {
  auto estimator = Estimator::Create(Spec("cortex-a9"), "");
  if (Missing(estimator.status())) return;
  auto region = Loop(TestCore::kA9, "cmp r0, #0\nite eq\nmoveq r1, #1\nmovne r1, #2\n", 100);
  const auto behind = Loop(TestCore::kA9, "adds r1, #1\nadds r1, #1\nadds r1, #1\n", 100);
  if (Missing(region.status())) return;
  REQUIRE(region.status() == absl::OkStatus());
  REQUIRE(behind.status() == absl::OkStatus());
  const auto alone = estimator->Run({*region, *behind});
  region->blocks.push_back(behind->blocks[0]);
  region->blocks[1].address = 0x100;
  const auto both = estimator->Run({*region});
  REQUIRE(alone.status() == absl::OkStatus());
  REQUIRE(both.status() == absl::OkStatus());
  CHECK((*both)[0].breakdown[0].second == (*alone)[0].breakdown[0].second + (*alone)[1].breakdown[0].second);
  CHECK((*both)[0].breakdown[1] == std::pair<std::string, double>("unmodelled_instructions", 100));
}

TEST_CASE("LowOverheadLoopsCostNothingPerTurn") {
  auto estimator = Estimator::Create(Spec("cortex-m55"), "");
  if (Missing(estimator.status())) return;
  const auto with =
      Loop(TestCore::kM55, "1: vldrb.s8 q0, [r0], #16\nvmladava.s8 r4, q0, q1\nle lr, 1b\n", 100);
  const auto without = Loop(TestCore::kM55, "vldrb.s8 q0, [r0], #16\nvmladava.s8 r4, q0, q1\n", 100);
  if (Missing(with.status())) return;
  REQUIRE(with.status() == absl::OkStatus());
  REQUIRE(without.status() == absl::OkStatus());
  const auto estimates = estimator->Run({*with, *without});
  REQUIRE(estimates.status() == absl::OkStatus());
  CHECK((*estimates)[0].breakdown[0] == (*estimates)[1].breakdown[0]);
  CHECK((*estimates)[0].breakdown[1].second == 0);       // Taken branches.
  CHECK((*estimates)[1].breakdown[1].second == 99 * 2);  // The same edges by an ordinary branch.
}

TEST_CASE("CodeThatIsNoCodeIsChargedAndReported") {
  auto estimator = Estimator::Create(Spec("cortex-a53"), "");
  if (Missing(estimator.status())) return;
  Region region;
  region.blocks.emplace_back();
  region.blocks[0].executions = 10;
  region.blocks[0].sizes = {4, 4};
  region.blocks[0].code = std::string("\x20\x00\x02\x8b\xff\xff\xff\xff", 8);  // ADD x0, x1, x2; nothing.
  const auto estimates = estimator->Run({region});
  REQUIRE(estimates.status() == absl::OkStatus());
  CHECK((*estimates)[0].breakdown[1] == std::pair<std::string, double>("unmodelled_instructions", 10));
}

TEST_CASE("CorrectionsOfTheDeviceFileCount") {
  ModelSpec spec = Spec("cortex-m4");
  CacheSpec cache;
  cache.name = "flash";
  cache.miss_cycles = 5;
  cache.store_miss_cycles = 2;
  spec.caches = {cache};
  spec.taken_branch_cycles = 3;
  spec.mispredict_cycles = 7;
  spec.scale = 1.5;
  spec.error_band = 0.05;
  auto estimator = Estimator::Create(spec, "");
  REQUIRE(estimator.status() == absl::OkStatus());
  Region region;
  region.blocks.emplace_back();
  region.blocks[0].executions = 10;
  region.blocks[0].taken = 6;
  region.blocks[0].sizes = {2, 2};
  region.blocks[0].code = std::string("\x00\xbf\xfd\xd1", 4);  // NOP, BNE.
  region.caches = {{"flash", 1, 2, 3}};
  const auto estimates = estimator->Run({region});
  REQUIRE(estimates.status() == absl::OkStatus());
  // Ten times two instructions; the branch goes each way at least four times.
  const std::vector<std::pair<std::string, double>> parts = {
      {"base", 20}, {"taken_branches", 6 * 3}, {"mispredictions", 4 * 7}, {"flash", (1 + 2) * 5 + 3 * 2}};
  CHECK((*estimates)[0].breakdown == parts);
  CHECK((*estimates)[0].cycles == 1.5 * (20 + 18 + 28 + 21));
  CHECK((*estimates)[0].error_band == 0.05);
  region.caches.clear();
  CHECK(estimator->Run({region}).status().code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("RareBlocksAreChargedByTheInstruction") {
  auto estimator = Estimator::Create(Spec("cortex-a53"), "");
  if (Missing(estimator.status())) return;
  auto region = Loop(TestCore::kA64, "add x0, x0, #1\nadd x1, x1, #1\n", 990);
  if (Missing(region.status())) return;
  REQUIRE(region.status() == absl::OkStatus());
  // Two that could issue together, twenty instructions of 2,000: a hundredth. The block behind makes it more.
  CodeBlock rare = region->blocks[0];
  rare.address += 0x100;
  rare.executions = 10;
  rare.taken = 0;
  region->blocks.push_back(rare);
  rare.address += 0x100;
  rare.executions = 1;
  const auto parts = [&] {
    const auto estimates = estimator->Run({*region});
    REQUIRE(estimates.status() == absl::OkStatus());
    return (*estimates)[0].breakdown;
  };
  REQUIRE(parts().size() > 1);
  CHECK(parts()[0] == std::pair<std::string, double>("base", 990));
  CHECK(parts()[1] == std::pair<std::string, double>("rare_blocks", 20));
  region->blocks.push_back(rare);
  CHECK(parts()[0] == std::pair<std::string, double>("base", 1000));
  CHECK(parts()[1] == std::pair<std::string, double>("rare_blocks", 2));
}

TEST_CASE("UnknownModelsAndSenselessCorrectionsAreRefused") {
  CHECK(Estimator::Create(Spec("cortex-m99"), "").status().code() == absl::StatusCode::kInvalidArgument);
  ModelSpec spec = Spec("cortex-m4");
  spec.scale = 0;
  CHECK(Estimator::Create(spec, "").status().code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("CostsAreKeptByContentAcrossRuns") {
  const auto directory = TempDir::Create();
  REQUIRE(directory.status() == absl::OkStatus());
  const std::string path = directory->path() + "/costs";
  CodeBlock block, other;
  block.code = "abcd";
  other.code = "abce";
  {
    CostCache cache(path);
    CHECK(cache.Find(block) == nullptr);
    cache.Add(block, {3.37, 2, true});
    REQUIRE(cache.Flush() == absl::OkStatus());
  }
  // Another process is cut off in the middle of a line.
  REQUIRE(WriteFileAtomic(path, *ReadFile(path) + "0123 garbage\n00112233") == absl::OkStatus());
  CostCache cache(path);
  const McaCost* const found = cache.Find(block);
  REQUIRE(found != nullptr);
  CHECK(found->cycles == 3.37);
  CHECK(found->unmodelled == 2);
  CHECK(found->low_overhead_loop);
  CHECK(cache.Find(other) == nullptr);
  CostCache(path, 10);  // Larger than this: begun anew.
  CHECK(ReadFile(path).status().code() == absl::StatusCode::kNotFound);
}

TEST_CASE("EstimatesAreTheSameFromTheCacheAndWithoutIt") {
  const auto directory = TempDir::Create();
  REQUIRE(directory.status() == absl::OkStatus());
  const auto region = Loop(TestCore::kM7, "smlad r0, r1, r2, r0\nldr r1, [r3], #4\nmuls r5, r1, r5\n", 77);
  if (Missing(region.status())) return;
  REQUIRE(region.status() == absl::OkStatus());
  std::vector<Estimate> estimates;
  for (const std::string& cache : {std::string(), directory->path(), directory->path()}) {
    auto estimator = Estimator::Create(Spec("cortex-m7"), cache);
    if (Missing(estimator.status())) return;
    const auto found = estimator->Run({*region});
    REQUIRE(found.status() == absl::OkStatus());
    estimates.push_back((*found)[0]);
  }
  CHECK(estimates[0].cycles > 0);
  CHECK(estimates[0].cycles == estimates[1].cycles);
  CHECK(estimates[0].cycles == estimates[2].cycles);
  CHECK(estimates[0].model == estimates[2].model);
}

}  // namespace
}  // namespace tunefarm::cycles
