// The register tile of a fast product, as C with assembler in it.
#pragma once

#include "schedules/c_text.h"
#include "schedules/fast_product_packing.h"

namespace tunefarm::schedules {

// tile_sums multiply(const float* a, const float* b, long steps, const float* row_pairs, const float*
// lane_pairs): a block of the sum for one tile; multiply_few(a, b, steps), for one that has only the layout's
// few_rows, where there are such; and where sums stay in memory (keeps_sums) multiply_group(), of the
// parameters of multiply(), vec* sums, int none, int short_rows and int short_lanes, which adds it to those
// of a group's tiles or, where there are `none` so far, begins them. Groups whose rows or lanes are short,
// as the last one's may be, need fewer products (ProductsNeeded). `registers`: vector registers of the
// target.
void PrintMultiply(const FastProductKernel& kernel, int registers, CText& out);

}  // namespace tunefarm::schedules
