// LLVM's static analysis of a core's pipeline, from the distribution's package llvm-19: llvm-mc to
// disassemble, llvm-mca to simulate.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "runner/cycles/llvm_tool.h"
#include "runner/cycles/region.h"

namespace tunefarm::cycles {

struct McaCore {
  std::string triple;      // "aarch64".
  std::string cpu;         // LLVM's name of the scheduling model.
  std::string attributes;  // What that core has besides, in LLVM's words: "+neon".
  // See in_order_rules.h.
  bool parts_float = false;
  bool narrow_simd = false;
  bool narrow_loads = false;
  bool serial_neon = false;
  bool predicts_branches = false;
};

struct McaCost {
  double cycles = 0;               // Of one execution in the steady state: (T(50) - T(10)) / 40.
  int unmodelled = 0;              // Instructions that the model lacks; they are not in `cycles`.
  bool low_overhead_loop = false;  // Ends with LE or LETP, which is not in `cycles` either.
};

class LlvmMca {
 public:
  // Looks for the programs. kNotFound says which package to install.
  static absl::StatusOr<LlvmMca> Create(const McaCore& core);

  // "19.1.7": the same version gives the same answers on every machine.
  const std::string& version() const { return version_; }
  // One per block, in order. One thread at a time.
  absl::StatusOr<std::vector<McaCost>> Analyse(const std::vector<const CodeBlock*>& blocks) const;

 private:
  LlvmMca(McaCore core, std::string version);
  McaCore core_;
  std::string version_;
  std::unique_ptr<LlvmTool> disassembler_, analyser_;
};

}  // namespace tunefarm::cycles
