#include "runner/cycles/cortex_m4.h"

#include "absl/strings/str_format.h"
#include "runner/cycles/thumb.h"

namespace tunefarm::cycles {
namespace {

// Cycles of `now` right behind `before`.
int CyclesOf(const ThumbInstruction& now, const ThumbInstruction& before) {
  const bool pipelined = before.kind == ThumbKind::kLoad &&
                         (before.loaded < 0 || (now.address_registers >> before.loaded & 1) == 0);
  switch (now.kind) {
    case ThumbKind::kLoad:
    case ThumbKind::kStoreRegister:
      return pipelined ? 1 : 2;
    case ThumbKind::kMultiple:
      return 1 + now.words;
    case ThumbKind::kDivide:
      return 7;
    case ThumbKind::kTableBranch:
    case ThumbKind::kTransferPair:
      return 2;
    case ThumbKind::kFloatMultiplyAdd:
      return 3;
    case ThumbKind::kFloatDivide:
      return 14;
    default:
      return 1;
  }
}

std::uint16_t HalfwordAt(const std::string& code, std::size_t offset) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(code[offset]) |
                                    static_cast<unsigned char>(code[offset + 1]) << 8);
}

}  // namespace

const ModelFacts& CortexM4::facts() const {
  static const ModelFacts kFacts = {"cortex-m4", "1", /*taken_branch_cycles=*/2, /*mispredict_cycles=*/0,
                                    /*error_band=*/0.15};
  return kFacts;
}

absl::StatusOr<std::vector<BlockCost>> CortexM4::Costs(const std::vector<const CodeBlock*>& blocks) {
  std::vector<BlockCost> costs;
  for (const CodeBlock* block : blocks) {
    BlockCost& cost = costs.emplace_back();
    ThumbInstruction before;
    std::size_t offset = 0;
    for (const std::uint8_t size : block->sizes) {
      const std::uint16_t first = HalfwordAt(block->code, offset);
      const ThumbInstruction now =
          DecodeThumb(first, size == 4 ? HalfwordAt(block->code, offset + 2) : std::uint16_t{0});
      if (now.kind == ThumbKind::kUndefined) {
        return absl::InvalidArgumentError(
            absl::StrFormat("0x%x: a Cortex-M4 has no instruction %04x", block->address + offset, first));
      }
      cost.cycles += CyclesOf(now, before);
      before = now;
      offset += size;
    }
  }
  return costs;
}

}  // namespace tunefarm::cycles
