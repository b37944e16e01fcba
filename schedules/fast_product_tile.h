// The register tile of a fast product, as C with assembler in it.
#pragma once

#include "schedules/c_text.h"
#include "schedules/fast_product_packing.h"

namespace tunefarm::schedules {

// void multiply(const float* a, const float* b, long steps, const float* row_pairs, const float* lane_pairs,
// vec* sums, int none): a block of the sum for one tile; and with Strassen's products multiply_group(), of
// the same parameters, for the tiles of a group. `registers`: vector registers of the target.
void PrintMultiply(const FastProductKernel& kernel, int registers, CText& out);

}  // namespace tunefarm::schedules
