// Which bilinear algorithms serve an int8 computation.
#pragma once

#include <vector>

#include "schedules/dot_bilinear_rule.h"
#include "schedules/workload.h"

namespace tunefarm::schedules {

// Winograd's for a dense 3x3 convolution with stride 1 or 2, Strassen's for a matrix product that is large
// enough; empty for others.
std::vector<DotBilinearForm> BilinearForms(const Workload& workload, const ComputeFacts& facts,
                                           const DotRoles& roles);

// How Strassen's algorithm halves a matrix product. A tile is a pair of rows, `row_half` apart.
struct StrassenHalves {
  int64_t rows, terms, columns;              // Of the whole product.
  int64_t row_half, term_half, column_half;  // The second halves may be shorter.
};
StrassenHalves HalvesOf(const ComputeFacts& facts, const DotRoles& roles);

}  // namespace tunefarm::schedules
