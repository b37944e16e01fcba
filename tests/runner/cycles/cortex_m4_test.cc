// Sums by hand, from the rules in the header.
#include "runner/cycles/cortex_m4.h"

#include "tests/catch.h"
#include "tests/runner/cycles/emulated_program.h"

namespace tunefarm::cycles {
namespace {

void CheckCycles(const std::string& lines, double cycles) {
  const absl::StatusOr<CodeBlock> block = Assemble(TestCore::kM4, lines);
  if (Missing(block.status())) return;
  REQUIRE(block.status() == absl::OkStatus());
  CortexM4 model;
  const absl::StatusOr<std::vector<BlockCost>> costs = model.Costs({&*block});
  REQUIRE(costs.status() == absl::OkStatus());
  INFO(lines);
  CHECK((*costs)[0].cycles == cycles);
}

TEST_CASE("M4LoadsInARowPipeline") {
  CheckCycles("ldr r0, [r1]\nldr r2, [r3]\nldr r4, [r5, r6]", 2 + 1 + 1);
  CheckCycles("ldr r0, [r1]\nadds r2, r2, #1\nldr r4, [r5]", 2 + 1 + 2);
  CheckCycles("vldr s0, [r0]\nvldr s1, [r0, #4]", 2 + 1);
}

TEST_CASE("M4LoadWaitsForTheLoadThatMakesItsAddress") {
  CheckCycles("ldr r0, [r1]\nldr r2, [r0]", 2 + 2);
  CheckCycles("ldr r0, [r1]\nldr r2, [r3, r0]", 2 + 2);
  // What is stored may be what was loaded; only the address matters.
  CheckCycles("ldr r0, [r1]\nstr r0, [r2, r3]", 2 + 1);
  CheckCycles("ldr r3, [r1]\nstr r0, [r2, r3]", 2 + 2);
}

TEST_CASE("M4NothingPipelinesBehindAStore") {
  CheckCycles("str r0, [r1, #4]\nldr r2, [r3]", 1 + 2);
  CheckCycles("str r0, [r1, r2]\nstr r0, [r1, r3]", 2 + 2);
}

TEST_CASE("M4MultipleTransfersCostOnePerWord") {
  CheckCycles("push {r4-r7, lr}", 6);
  CheckCycles("ldmia r0!, {r1-r4}\nldrd r5, r6, [r7]", 5 + 3);
  CheckCycles("vldmia r0!, {s0-s7}", 9);
}

TEST_CASE("M4DspKernelLoopCostsItsInstructions") {
  // A 2 x 1 dot product of int8, four elements: 2 + 1 loads, 4 widenings, 4 multiply-accumulates, counter and
  // branch.
  CheckCycles(
      "ldr r4, [r0], #4\nldr r5, [r1], #4\nsxtb16 r6, r4\nsxtb16 r4, r4, ror #8\nsxtb16 r7, r5\n"
      "sxtb16 r5, r5, ror #8\nsmlad r8, r6, r7, r8\nsmlad r8, r4, r5, r8\nsubs r2, #1\nbne .-20",
      2 + 1 + 4 + 2 + 1 + 1);
}

TEST_CASE("M4SlowInstructionsCostWhatTheManualSays") {
  CheckCycles("sdiv r0, r1, r2", 7);
  CheckCycles("vfma.f32 s0, s1, s2\nvdiv.f32 s0, s1, s2\nvadd.f32 s0, s1, s2", 3 + 14 + 1);
  CheckCycles("tbb [pc, r0]", 2);
}

TEST_CASE("M4UndefinedInstructionIsNamedWithItsAddress") {
  CodeBlock block;
  block.address = 0x100;
  block.sizes = {2, 2};
  block.code = std::string("\x00\xbf\x00\xde", 4);  // NOP, UDF #0.
  CortexM4 model;
  const absl::Status status = model.Costs({&block}).status();
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  CHECK_THAT(std::string(status.message()), Catch::Matchers::Contains("0x102"));
}

}  // namespace
}  // namespace tunefarm::cycles
