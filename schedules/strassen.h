// Strassen's products of matrices (V. Strassen, "Gaussian elimination is not optimal", 1969): seven products
// of blocks make what eight would, and applied to the blocks again 49 what 64 would.
#pragma once

#include <cstdint>
#include <vector>

namespace tunefarm::schedules {

// C = A B, each in splits x splits blocks, as a sum of products: every product is a sum of blocks of A times
// a sum of blocks of B, and belongs to some blocks of C. Coefficients are -1, 0 and 1, of the block [row *
// splits + column].
struct BlockProduct {
  std::vector<int> a, b, c;
};
struct BlockProducts {
  int splits = 1;
  std::vector<BlockProduct> products;
};

// The algorithm applied `levels` times, 0 to 2: with 1, 7 or 49 products.
const BlockProducts& StrassenProducts(int levels);

// The products that are needed where only the first `rows` rows of blocks of A and C and the first `columns`
// columns of blocks of B and C are there, and the others are zeros: bit p stands for products[p]. The first
// product of each block that is there is among them.
uint64_t ProductsNeeded(const BlockProducts& form, int rows, int columns);

// How many times the rounding error of direct summation a result has, for rows of A and columns of B whose
// magnitudes differ by a factor of at most 2: the ratio of the standard deviations, for independent
// roundings. Sums of N products of variances s and t have a rounding error of variance proportional to N^2 s
// t. A product of blocks has N / splits terms, s and t those of its sums of blocks, and a block of C adds up
// the errors of its products. 1.7 for one level where all magnitudes are alike, 4.1 where a block's partners
// are twice as large.
double StrassenErrorGrowth(int levels);

}  // namespace tunefarm::schedules
