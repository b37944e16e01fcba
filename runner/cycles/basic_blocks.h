// From the blocks that QEMU happened to translate to the basic blocks of the program. QEMU cuts at page ends,
// at breakpoints and where it likes, and translates code twice; cycles must not depend on that.
#pragma once

#include <vector>

#include "base/status.h"
#include "runner/cycles/region.h"

namespace tunefarm::cycles {

// Maximal runs of instructions that were entered only at the first and left only after the last, by address.
// The executions of every instruction and edge are kept. kDataLoss when the code at an address changed.
absl::StatusOr<std::vector<CodeBlock>> BasicBlocks(const Region& region);

}  // namespace tunefarm::cycles
