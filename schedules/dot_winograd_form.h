// Winograd's minimal filtering for 3x3 kernels with stride 1 or 2 in integers. With matrices as in
// schedules/winograd_transform.h,
//
//   output tile = A^T [ (G weights G^T) * (B^T input tile B) ] A
//
// where the rows of G are multiplied by what makes them integers, and those of A^T by what then makes them
// so: an output is too large by a known factor, odd * 2^shift for each of its two dimensions.
//
// With stride 2, a dimension is two convolutions with stride 1: of the even elements with the outer taps,
// which takes m + 1 products for m outputs, and of the odd ones with the tap between, which takes m.
//
// Everything is exact modulo 2^32, sums over channels included. An odd factor is taken off by its inverse
// modulo 2^32, and a power of 2 by a shift, if the sum before it fits into 32 bits: results may have as many
// bits less as are shifted (`result_bits`).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tunefarm::schedules {

// C statements assign y0, y1, ... from the variables x0, x1, ..., for any integer type that wraps around.
struct DotWinogradForm {
  int outputs;  // Along a tile's side.
  int stride;
  int points;  // As many as inputs along a tile's side: (outputs - 1) * stride + 3.
  std::vector<std::vector<int>> input, weights, output;  // B^T, G and A^T, scaled, by rows.
  std::vector<int> weights_of;  // A point's row of `weights`: points may have the same.
  std::vector<std::string> input_c, weights_c, output_c;
  int odd;                  // What every row of the output has too much,
  std::vector<int> shifts;  // and the power of 2.

  // Rows of `weights`; its square is the number of sets of transformed weights.
  int weight_rows() const { return static_cast<int>(weights.size()); }
  // 1 / odd^2 modulo 2^32.
  uint32_t inverse() const;
  // A result is exact where its magnitude is below 2^result_bits.
  int result_bits() const;
  // The largest sum of magnitudes in a row of both transforms: by its square an int8 input less its zero
  // point, or a weight, may grow.
  int input_growth() const { return Growth(input); }
  int weight_growth() const { return Growth(weights); }

 private:
  static int Growth(const std::vector<std::vector<int>>& matrix);
};

// How many outputs along a tile's side there are forms for.
std::vector<int> DotWinogradOutputs(int stride);
// One of these.
const DotWinogradForm& DotWinogradFormOf(int outputs, int stride);

}  // namespace tunefarm::schedules
