// Winograd's minimal filtering for 3x3 kernels: with stride 1, F(m x m, 3x3) computes m x m outputs from (m +
// 2)^2 products instead of 9 m^2 (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016):
//
//   output tile = A^T [ (G weights G^T) * (B^T input tile B) ] A
//
// With stride 2, a dimension is two convolutions with stride 1: of the even elements with the outer taps,
// F(m, 2), which takes m + 1 products for m outputs, and of the odd ones with the tap between, which takes m.
#pragma once

#include <string>
#include <vector>

namespace tunefarm::schedules {

// One dimension of a transform, as C statements over the variables x0, x1, ... that assign y0, y1, ...
struct WinogradForm {
  int outputs;                                              // m.
  int stride;                                               // 1 or 2.
  int points;                                               // (m - 1) stride + 3, as many as inputs.
  std::vector<std::vector<double>> input, weights, output;  // B^T, G without repetitions, A^T, by rows.
  std::vector<int> weights_of;                              // A point's row of `weights`.
  std::vector<std::string> input_c, weights_c, output_c;

  // Rows of `weights`; its square is the number of sets of transformed weights.
  int weight_rows() const { return static_cast<int>(weights.size()); }
};

// How many outputs along a tile's side there are forms for.
std::vector<int> WinogradOutputs(int stride);
// One of these.
const WinogradForm& WinogradFormOf(int outputs, int stride);

// How many times the rounding error of direct summation a convolution by this form has: the ratio of the
// standard deviations of the error, for independent roundings and for inputs and weights that are uniform in
// [-1, 1). A sum over C channels at the point (a, b) has partial sums of variance proportional to
// |B_a|^2 |B_b|^2 |G_a|^2 |G_b|^2 / 9, and the output (i, j) adds up their errors with the weights
// (A_ia A_jb)^2. The double sum is the square of S_i = sum over a of A_ia^2 |B_a|^2 |G_a|^2, and for direct
// summation, of 9 C terms of variance 1/9, it is 81; so that the ratio is the largest S_i / 9: with stride 1
// 0.56 for m = 2, 10.5 for m = 4, with stride 2 3.6 for m = 4. Never below 1, since the transforms round as
// well.
double WinogradErrorGrowth(const WinogradForm& form);

}  // namespace tunefarm::schedules
