// What each instruction is follows from the Armv7-M architecture reference manual (DDI 0403E); the words come
// from the assembler, and some by hand from the manual's encodings.
#include "runner/cycles/thumb.h"

#include "absl/strings/str_split.h"
#include "tests/catch.h"
#include "tests/runner/cycles/emulated_program.h"

namespace tunefarm::cycles {
namespace {

constexpr std::uint32_t Registers(std::initializer_list<int> registers) {
  std::uint32_t bits = 0;
  for (const int reg : registers) bits |= 1u << reg;
  return bits;
}

ThumbInstruction Decode(const CodeBlock& block, std::size_t index) {
  std::size_t at = 0;
  for (std::size_t i = 0; i < index; ++i) at += block.sizes[i];
  const auto half = [&](std::size_t offset) {
    return static_cast<std::uint16_t>(static_cast<unsigned char>(block.code[offset]) |
                                      static_cast<unsigned char>(block.code[offset + 1]) << 8);
  };
  return DecodeThumb(half(at), block.sizes[index] == 4 ? half(at + 2) : std::uint16_t{0});
}

// Every line of `lines` is of this kind.
void CheckKind(ThumbKind kind, const std::string& lines) {
  const absl::StatusOr<CodeBlock> block = Assemble(TestCore::kM4, lines);
  if (Missing(block.status())) return;
  REQUIRE(block.status() == absl::OkStatus());
  const std::vector<std::string> texts = absl::StrSplit(lines, '\n', absl::SkipEmpty());
  REQUIRE(block->sizes.size() == texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    INFO(texts[i]);
    CHECK(Decode(*block, i).kind == kind);
  }
}

TEST_CASE("ThumbWordsFromTheManualAreDecoded") {
  // LDR r1, [r2, #4] is 0110 1 00001 010 001; STR r1, [r2, r3] is 0101 000 011 010 001.
  const ThumbInstruction load = DecodeThumb(0x6851, 0);
  CHECK(load.kind == ThumbKind::kLoad);
  CHECK(load.loaded == 1);
  CHECK(load.address_registers == Registers({2}));
  const ThumbInstruction store = DecodeThumb(0x50d1, 0);
  CHECK(store.kind == ThumbKind::kStoreRegister);
  CHECK(store.address_registers == Registers({2, 3}));
  // PUSH {r4, lr} is 1011 0101 0001 0000; SMLAD r0, r1, r2, r3 is fb21 3002; UDF #0 is de00.
  CHECK(DecodeThumb(0xb510, 0).kind == ThumbKind::kMultiple);
  CHECK(DecodeThumb(0xb510, 0).words == 2);
  CHECK(DecodeThumb(0xfb21, 0x3002).kind == ThumbKind::kData);
  CHECK(DecodeThumb(0xde00, 0).kind == ThumbKind::kUndefined);
  CHECK_FALSE(IsWideThumb(0xe7fe));
  CHECK(IsWideThumb(0xe800));
}

TEST_CASE("ThumbDataInstructionsAreAllOneKind") {
  CheckKind(
      ThumbKind::kData,
      "movs r0, #1\nmov r8, r9\nadds r0, r1, r2\nadd r8, r9\nmuls r0, r1, r0\nuxtb r0, r1\nrev r0, r1\n"
      "add sp, #8\nadd r0, sp, #4\nadr r0, .+4\nnop\ncmp r0, r8\nlsls r0, r1, #2\n"
      "add.w r0, r1, r2, lsl #3\nmovw r0, #1234\nmovt r0, #1234\nubfx r0, r1, #3, #4\nbfi r0, r1, #3, #4\n"
      "ssat r0, #8, r1\nusat r0, #8, r1\nmla r0, r1, r2, r3\nmls r0, r1, r2, r3\nsmlad r0, r1, r2, r3\n"
      "smladx r0, r1, r2, r3\nsmuad r0, r1, r2\nsmull r0, r1, r2, r3\nsmlal r0, r1, r2, r3\n"
      "smlald r0, r1, r2, r3\nsmmul r0, r1, r2\nsmlabb r0, r1, r2, r3\nsxtb16 r0, r1\nsxtb16 r0, r1, ror #8\n"
      "pkhbt r0, r1, r2\nqadd r0, r1, r2\nsel r0, r1, r2\nclz r0, r1\nrbit r0, r1\nmrs r0, primask\ndsb\n"
      "nop.w\npld [r0, #4]\nvadd.f32 s0, s1, s2\nvmul.f32 s0, s1, s2\nvmov s0, r1\nvmov r1, s0\n"
      "vcmp.f32 s0, s1\nvmrs apsr_nzcv, fpscr\nvcvt.s32.f32 s0, s1\nvneg.f32 s0, s1\nvmov.f32 s0, s1\n");
}

TEST_CASE("ThumbBranchesAreOneKind") {
  CheckKind(
      ThumbKind::kBranch,
      "b .\nbne .\nb.w .+4096\nbeq.w .+4096\nbl .\nblx r3\nbx lr\ncbz r0, .+8\ncbnz r1, .+8\nmov pc, r0\n"
      "add pc, r1\nldr pc, [r0]\n");
  CheckKind(ThumbKind::kTableBranch, "tbb [pc, r0]\ntbh [r1, r2, lsl #1]\n");
}

TEST_CASE("ThumbMemoryInstructionsTellWordsAndAddresses") {
  struct Case {
    const char* text;
    ThumbKind kind;
    int words;
    int loaded;
    std::uint32_t address;
  };
  const std::vector<Case> cases = {
      {"ldr r1, [r2]", ThumbKind::kLoad, 0, 1, Registers({2})},
      {"ldrb r1, [r2, #3]", ThumbKind::kLoad, 0, 1, Registers({2})},
      {"ldrh r1, [r2, #2]", ThumbKind::kLoad, 0, 1, Registers({2})},
      {"ldrsb r1, [r2, r3]", ThumbKind::kLoad, 0, 1, Registers({2, 3})},
      {"ldr r1, [r2, r3]", ThumbKind::kLoad, 0, 1, Registers({2, 3})},
      {"ldr r1, [sp, #8]", ThumbKind::kLoad, 0, 1, Registers({13})},
      {"ldr r1, [pc, #8]", ThumbKind::kLoad, 0, 1, Registers({15})},
      {"ldr r9, [r10], #4", ThumbKind::kLoad, 0, 9, Registers({10})},
      {"ldr r9, [r10, #-4]!", ThumbKind::kLoad, 0, 9, Registers({10})},
      {"ldr.w r9, [r10, #2000]", ThumbKind::kLoad, 0, 9, Registers({10})},
      {"ldrsb.w r9, [r10, r11, lsl #2]", ThumbKind::kLoad, 0, 9, Registers({10, 11})},
      {"ldr.w r9, [pc, #8]", ThumbKind::kLoad, 0, 9, Registers({15})},
      {"vldr s3, [r5, #4]", ThumbKind::kLoad, 0, -1, Registers({5})},
      {"str r1, [r2, #4]", ThumbKind::kStoreImmediate, 0, -1, Registers({2})},
      {"strb r1, [r2]", ThumbKind::kStoreImmediate, 0, -1, Registers({2})},
      {"str r1, [sp, #4]", ThumbKind::kStoreImmediate, 0, -1, Registers({13})},
      {"str r1, [r2], #4", ThumbKind::kStoreImmediate, 0, -1, Registers({2})},
      {"vstr s3, [r5]", ThumbKind::kStoreImmediate, 0, -1, Registers({5})},
      {"strh r1, [r2, r3]", ThumbKind::kStoreRegister, 0, -1, Registers({2, 3})},
      {"strb.w r9, [r10, r11]", ThumbKind::kStoreRegister, 0, -1, Registers({10, 11})},
      {"ldrd r0, r1, [r2], #8", ThumbKind::kMultiple, 2, -1, 0},
      {"strd r0, r1, [r2]", ThumbKind::kMultiple, 2, -1, 0},
      {"ldmia r0!, {r1-r7}", ThumbKind::kMultiple, 7, -1, 0},
      {"ldmdb r0, {r1, r8, r9}", ThumbKind::kMultiple, 3, -1, 0},
      {"stmia r0!, {r1, r2}", ThumbKind::kMultiple, 2, -1, 0},
      {"push {r4-r7, lr}", ThumbKind::kMultiple, 5, -1, 0},
      {"pop {r4, pc}", ThumbKind::kMultiple, 2, -1, 0},
      {"push.w {r4-r11, lr}", ThumbKind::kMultiple, 9, -1, 0},
      {"vldmia r0!, {s0-s5}", ThumbKind::kMultiple, 6, -1, 0},
      {"vpush {d8-d9}", ThumbKind::kMultiple, 4, -1, 0},
      {"vldr d1, [r0]", ThumbKind::kMultiple, 2, -1, 0},
      {"sdiv r0, r1, r2", ThumbKind::kDivide, 0, -1, 0},
      {"udiv r0, r1, r2", ThumbKind::kDivide, 0, -1, 0},
      {"vfma.f32 s0, s1, s2", ThumbKind::kFloatMultiplyAdd, 0, -1, 0},
      {"vmls.f32 s0, s1, s2", ThumbKind::kFloatMultiplyAdd, 0, -1, 0},
      {"vfnms.f32 s0, s1, s2", ThumbKind::kFloatMultiplyAdd, 0, -1, 0},
      {"vdiv.f32 s0, s1, s2", ThumbKind::kFloatDivide, 0, -1, 0},
      {"vsqrt.f32 s0, s1", ThumbKind::kFloatDivide, 0, -1, 0},
      {"vmov s0, s1, r2, r3", ThumbKind::kTransferPair, 0, -1, 0},
  };
  std::string lines;
  for (const Case& c : cases) absl::StrAppend(&lines, c.text, "\n");
  const absl::StatusOr<CodeBlock> block = Assemble(TestCore::kM4, lines);
  if (Missing(block.status())) return;
  REQUIRE(block.status() == absl::OkStatus());
  REQUIRE(block->sizes.size() == cases.size());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    INFO(cases[i].text);
    const ThumbInstruction decoded = Decode(*block, i);
    CHECK(decoded.kind == cases[i].kind);
    CHECK(decoded.words == cases[i].words);
    CHECK(decoded.loaded == cases[i].loaded);
    CHECK(decoded.address_registers == cases[i].address);
  }
}

}  // namespace
}  // namespace tunefarm::cycles
