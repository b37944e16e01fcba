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

// How Strassen's algorithm cuts a matrix product: once or twice into halves of rows, terms and columns. A
// tile is a row of each part. The last parts may be shorter, or empty. Parts of the columns are rounded up to
// whole vectors of the micro-kernel.
struct StrassenParts {
  int levels;                                // 1 or 2.
  int parts() const { return 1 << levels; }  // Of each of the three.
  int64_t rows, terms, columns;              // Of the whole product.
  int64_t row_part, term_part, column_part;
};
StrassenParts PartsOf(const ComputeFacts& facts, const DotRoles& roles, int levels);

}  // namespace tunefarm::schedules
