// Minimal filtering along one dimension: F(m, r) computes m outputs of a correlation with r taps from m + r -
// 1 products in place of m r (Winograd, "Arithmetic Complexity of Computations", 1980, chapter IV):
//
//   outputs = A^T [ (G weights) * (B^T inputs) ]
//
// by evaluating polynomials at m + r - 2 points and at infinity (Toom and Cook): row j of G evaluates at a_j
// and is divided by the product of (a_j - a_k) over the other points k; row j of B^T holds the coefficients
// of the product of (x - a_k) over them, that of infinity of the product over all; column j of A^T holds the
// powers of a_j.
#pragma once

#include <string>
#include <vector>

namespace tunefarm::schedules {

struct LineForm {
  int outputs, taps, points;                                // m, r, m + r - 1.
  std::vector<std::vector<double>> input, weights, output;  // B^T, whose elements are integers; G; A^T.
};

// Rounding grows with the points, which are 0, 1, -1, 2, -2, 1/2, -1/2 and infinity.
inline constexpr int kMostLinePoints = 8;

// At least 2 outputs, 2 taps; at most kMostLinePoints points.
LineForm MakeLineForm(int outputs, int taps);

// How many times the rounding error of direct summation a convolution by lines has: the ratio of the standard
// deviations, as WinogradErrorGrowth is derived, where one dimension is transformed and the others are added
// up. A sum at point a has partial sums of variance proportional to |B_a|^2 |G_a|^2, and output i adds up
// their errors with the weights A_ia^2; direct summation has r^2 in their place. 3.0 for F(5, 4), 2.5 for
// F(4, 5). Never below 1.
double LineErrorGrowth(const LineForm& form);

// As statements over x0, x1, ..., "y0 = ...;" and so on. Points that differ in the sign alone share their
// sums.
std::vector<std::string> LineInputText(const LineForm& form);
std::vector<std::string> LineOutputText(const LineForm& form);

}  // namespace tunefarm::schedules
