// The plugin inside QEMU, on programs whose counts are known by hand.
#include <numeric>

#include "runner/cycles/basic_blocks.h"
#include "runner/cycles/estimator.h"
#include "tests/catch.h"
#include "tests/runner/cycles/emulated_program.h"

namespace tunefarm::cycles {
namespace {

// Of the markers' calls and returns: see emulated_program.h.
constexpr std::uint64_t kMarkerInstructions = 3;
constexpr std::uint64_t kMarkerTaken = 4;

constexpr char kLoop[] =
    " mov r2, #0x20000000\n movw r0, #1000\n1: ldr r1, [r2]\n adds r3, r1, r3\n subs r0, #1\n bne 1b\n bx lr";
constexpr std::uint64_t kLoopInstructions = 2 + 4 * 1000 + 1;

CacheSpec DataCache() {
  CacheSpec cache;
  cache.name = "dcache";
  cache.serves = Serves::kData;
  cache.bytes = 1024;
  cache.line_bytes = 32;
  cache.miss_cycles = 10;
  return cache;
}

std::uint64_t Taken(const Region& region) {
  return std::accumulate(region.blocks.begin(), region.blocks.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const CodeBlock& block) { return sum + block.taken; });
}

TEST_CASE("PluginCountsInstructionsAndTakenBranchesExactly") {
  const auto text = CountedText(TestCore::kM4, kLoop, {});
  if (Missing(text.status())) return;
  const auto regions = ParseRegions(*text);
  REQUIRE(regions.status() == absl::OkStatus());
  REQUIRE(regions->size() == 1);
  CHECK((*regions)[0].instructions == kLoopInstructions + kMarkerInstructions);
  CHECK(Taken((*regions)[0]) == 999 + kMarkerTaken);
  CHECK((*regions)[0].loads == 0);  // Nobody asked for memory accesses.
}

TEST_CASE("PluginCountsTheSameWhereverPagesEnd") {
  // At 0x3f4 the loop lies across the end of QEMU's page of 1024 bytes, an instruction of 4 bytes on it.
  const std::string kernel =
      " movs r0, #100\n1: nop\n nop\n nop\n nop\n addw r1, r1, #1\n addw r1, r1, #1\n subs r0, #1\n bne 1b\n "
      "bx lr";
  std::vector<std::vector<CodeBlock>> blocks;
  for (const unsigned offset : {0x200u, 0x3f4u}) {
    const auto text = CountedText(TestCore::kM4, kernel, {}, 1, offset);
    if (Missing(text.status())) return;
    const auto regions = ParseRegions(*text);
    REQUIRE(regions.status() == absl::OkStatus());
    CHECK((*regions)[0].instructions == 1 + 8 * 100 + 1 + kMarkerInstructions);
    CHECK(Taken((*regions)[0]) == 99 + kMarkerTaken);
    const auto basic = BasicBlocks((*regions)[0]);
    REQUIRE(basic.status() == absl::OkStatus());
    blocks.push_back(*basic);
  }
  REQUIRE(blocks[0].size() == blocks[1].size());
  // The loop is the last but one: one block, with the same bytes.
  const CodeBlock &first = blocks[0][blocks[0].size() - 2], &second = blocks[1][blocks[1].size() - 2];
  CHECK(first.executions == 100);
  CHECK(first.sizes.size() == 8);
  CHECK(first.code == second.code);
  CHECK(second.executions == 100);
  CHECK(second.taken == 99);
}

TEST_CASE("PluginWritesTheSameBytesEveryTime") {
  ModelSpec spec;
  spec.caches = {DataCache()};
  const auto first = CountedText(TestCore::kM4, kLoop, spec, 2);
  if (Missing(first.status())) return;
  const auto second = CountedText(TestCore::kM4, kLoop, spec, 2);
  REQUIRE(second.status() == absl::OkStatus());
  CHECK(*first == *second);
}

TEST_CASE("PluginCachesStayWarmFromRegionToRegion") {
  // Reads a word of each of 32 lines: the first call misses all, the second none.
  const std::string sweep =
      " mov r2, #0x20000000\n movs r0, #32\n1: ldr r1, [r2], #32\n subs r0, #1\n bne 1b\n str r0, [r2, "
      "#-4]\n bx lr";
  ModelSpec spec;
  spec.caches = {DataCache()};
  CacheSpec icache = DataCache();
  icache.name = "icache";
  icache.serves = Serves::kFetch;
  spec.caches.push_back(icache);
  const auto text = CountedText(TestCore::kM4, sweep, spec, 2);
  if (Missing(text.status())) return;
  const auto regions = ParseRegions(*text);
  REQUIRE(regions.status() == absl::OkStatus());
  REQUIRE(regions->size() == 2);
  for (const Region& region : *regions) {
    CHECK(region.loads == 32);
    CHECK(region.stores == 1);
    REQUIRE(region.caches.size() == 2);
    CHECK(region.caches[0].store == 0);  // The line that was loaded last.
  }
  CHECK((*regions)[0].caches[0].load == 32);
  CHECK((*regions)[1].caches[0].load == 0);
  // Lines of 32 bytes: 0x00 (the calls), 0x100 (the marker), 0x200 (the kernel, 16 bytes or 18).
  CHECK((*regions)[0].caches[1].fetch == 3);
  CHECK((*regions)[1].caches[1].fetch == 0);
}

TEST_CASE("PluginCountsAProgramInUserMode") {
  const std::string kernel =
      " adrp x2, buffer\n add x2, x2, :lo12:buffer\n mov x0, #100\n1: ldr x1, [x2], #64\n subs x0, x0, #1\n"
      " b.ne 1b\n ret";
  ModelSpec spec;
  spec.caches = {DataCache()};
  const auto text = CountedText(TestCore::kA64, kernel, spec);
  if (Missing(text.status())) return;
  const auto regions = ParseRegions(*text);
  REQUIRE(regions.status() == absl::OkStatus());
  REQUIRE(regions->size() == 1);
  CHECK((*regions)[0].instructions == 3 + 3 * 100 + 1 + kMarkerInstructions);
  CHECK((*regions)[0].loads == 100);
  CHECK((*regions)[0].caches[0].load == 100);
  CHECK(Taken((*regions)[0]) == 99 + kMarkerTaken);
}

TEST_CASE("PluginCountsA32BitProgramInUserMode") {
  // The 16-bit and 32-bit instructions of a loop, a conditional one among them that is skipped half the time.
  const std::string kernel =
      " movw r2, #:lower16:buffer\n movt r2, #:upper16:buffer\n movs r0, #100\n"
      "1: vld1.32 {d0-d1}, [r2]!\n lsls r1, r0, #31\n it eq\n ldreq.w r1, [r2, #64]\n subs r0, #1\n bne 1b\n"
      " bx lr";
  ModelSpec spec;
  spec.name = "cortex-a9";
  spec.caches = {DataCache()};
  const auto text = CountedText(TestCore::kA9, kernel, spec);
  if (Missing(text.status())) return;
  const auto regions = ParseRegions(*text);
  REQUIRE(regions.status() == absl::OkStatus());
  REQUIRE(regions->size() == 1);
  const Region& region = (*regions)[0];
  CHECK(region.instructions == 3 + 6 * 100 + 1 + kMarkerInstructions);
  CHECK(region.loads == 2 * 100 + 50);  // QEMU loads 128 bits in two.
  CHECK(Taken(region) == 99 + kMarkerTaken);
  auto estimator = Estimator::Create(spec, "");
  if (Missing(estimator.status())) return;
  const auto estimates = estimator->Run({region});
  REQUIRE(estimates.status() == absl::OkStatus());
  INFO(Describe((*estimates)[0]));
  CHECK((*estimates)[0].breakdown[2] == std::pair<std::string, double>("unmodelled_instructions", 100));
}

TEST_CASE("EstimateOfAKnownProgramIsTheSumByHand") {
  ModelSpec spec;
  spec.name = "cortex-m4";
  spec.caches = {DataCache()};
  const auto text = CountedText(TestCore::kM4, kLoop, spec);
  if (Missing(text.status())) return;
  const auto regions = ParseRegions(*text);
  REQUIRE(regions.status() == absl::OkStatus());
  auto estimator = Estimator::Create(spec, "");
  REQUIRE(estimator.status() == absl::OkStatus());
  const auto estimates = estimator->Run(*regions);
  REQUIRE(estimates.status() == absl::OkStatus());
  const Estimate& estimate = (*estimates)[0];
  // Load 2, add 1, subtract 1, branch 1; two moves, a return, three of the markers; one line is missed.
  const double base = 1000 * 5 + 2 + 1 + 3, taken = 2 * (999 + 4), dcache = 10;
  const std::vector<std::pair<std::string, double>> parts = {
      {"base", base}, {"taken_branches", taken}, {"dcache", dcache}};
  CHECK(estimate.breakdown == parts);
  CHECK(estimate.cycles == base + taken + dcache);
  CHECK(estimate.instructions == kLoopInstructions + kMarkerInstructions);
  CHECK(estimate.model == "cortex-m4/1");
  CHECK(Describe(estimate) == "7022 cycles: base 5006, taken_branches 2006, dcache 10");
}

}  // namespace
}  // namespace tunefarm::cycles
