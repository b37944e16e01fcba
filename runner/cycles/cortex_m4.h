// Cortex-M4 by rules: the instruction timings of its technical reference manual (Arm DDI 0439, 3.3
// and 7.2.3), with zero wait states. The rules, in cycles:
//
//   data, multiply, DSP              1
//   load of one register             2; 1 right behind another one that its address does not depend on
//   store, immediate offset          1
//   store, register offset           2; 1 right behind such a load
//   N words by one instruction       1 + N
//   SDIV, UDIV                       7, the middle of the manual's 2 to 12
//   VMLA, VFMA and kin               3
//   VDIV, VSQRT                      14
//   branch                           1, table branch 2, and 2 more when taken (the manual: 1 to 3)
//
// An instruction that its IT block skips costs the same as one that it runs.
#pragma once

#include "runner/cycles/cycle_model.h"

namespace tunefarm::cycles {

class CortexM4 : public CycleModel {
 public:
  const ModelFacts& facts() const override;
  absl::StatusOr<std::vector<BlockCost>> Costs(const std::vector<const CodeBlock*>& blocks) override;
};

}  // namespace tunefarm::cycles
