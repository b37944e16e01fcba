#include "runner/cycles/basic_blocks.h"

#include <map>

#include "absl/strings/str_format.h"

namespace tunefarm::cycles {
namespace {

struct Instruction {
  std::string code;
  std::uint64_t executions = 0;
  std::uint64_t taken = 0;
};

}  // namespace

absl::StatusOr<std::vector<CodeBlock>> BasicBlocks(const Region& region) {
  std::map<std::uint64_t, Instruction> instructions;
  for (const CodeBlock& block : region.blocks) {
    std::uint64_t address = block.address;
    std::size_t offset = 0;
    Instruction* last = nullptr;
    for (const std::uint8_t size : block.sizes) {
      Instruction& instruction = instructions[address];
      const std::string code = block.code.substr(offset, size);
      if (instruction.executions == 0) instruction.code = code;
      if (instruction.code != code) {
        return absl::DataLossError(absl::StrFormat("the code at 0x%x changed while it was counted", address));
      }
      instruction.executions += block.executions;
      last = &instruction;
      address += size;
      offset += size;
    }
    if (last != nullptr) last->taken += block.taken;
  }
  std::vector<CodeBlock> blocks;
  std::uint64_t end = 0;
  for (const auto& [address, instruction] : instructions) {
    // Who follows without a gap, from an instruction that never went elsewhere, as often as that one ran, was
    // entered from there only.
    const bool follows = !blocks.empty() && address == end && blocks.back().taken == 0 &&
                         blocks.back().executions == instruction.executions;
    if (!follows) {
      blocks.emplace_back();
      blocks.back().address = address;
      blocks.back().executions = instruction.executions;
    }
    CodeBlock& block = blocks.back();
    block.sizes.push_back(static_cast<std::uint8_t>(instruction.code.size()));
    block.code += instruction.code;
    block.taken = instruction.taken;
    end = address + instruction.code.size();
  }
  return blocks;
}

}  // namespace tunefarm::cycles
