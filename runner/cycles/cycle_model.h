// A core's share of an estimate: what a block of instructions costs when memory answers at once.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "runner/cycles/region.h"

namespace tunefarm::cycles {

struct BlockCost {
  double cycles = 0;         // Of one execution that falls through.
  double unmodelled = 0;     // Further cycles: a guess for instructions that the model lacks.
  bool free_branch = false;  // Its last instruction branches without a cost and is never mispredicted.
};

struct ModelFacts {
  std::string name;
  std::string version;  // Changes whenever the same counts would give other cycles.
  double taken_branch_cycles = 0;
  double mispredict_cycles = 0;
  double error_band = 0;  // Relative. The evidence is in docs/emulation.md.
  // Of the instructions that ran: those of the blocks that ran least, up to this share, are charged a cycle
  // each instead of being analysed. Most blocks of a kernel run once, and each costs what the hottest costs.
  double cold_share = 0;
};

class CycleModel {
 public:
  virtual ~CycleModel() = default;
  virtual const ModelFacts& facts() const = 0;
  // One per block, in order. kInvalidArgument names an instruction that the core does not have.
  virtual absl::StatusOr<std::vector<BlockCost>> Costs(const std::vector<const CodeBlock*>& blocks) = 0;
};

}  // namespace tunefarm::cycles
