#include "schedules/dot_winograd_form.h"

#include <algorithm>
#include <cstdlib>

namespace tunefarm::schedules {
namespace {

DotWinogradForm MakeTwo() {
  DotWinogradForm form;
  form.outputs = 2;
  form.points = 4;
  form.input = {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}};
  form.weights = {{2, 0, 0}, {1, 1, 1}, {1, -1, 1}, {0, 0, 2}};
  form.output = {{1, 1, 1, 0}, {0, 1, -1, -1}};
  form.input_c = {"y0 = x0 - x2;", "y1 = x1 + x2;", "y2 = x2 - x1;", "y3 = x1 - x3;"};
  form.weights_c = {"y0 = 2 * x0;", "y1 = x0 + x1 + x2;", "y2 = x0 - x1 + x2;", "y3 = 2 * x2;"};
  form.output_c = {"y0 = x0 + x1 + x2;", "y1 = x1 - x2 - x3;"};
  form.odd = 1;
  form.shifts = {1, 1};
  return form;
}

// With the interpolation points 0, 1, -1, 2, -2. The first and the last row of the weights could be six times
// smaller, but then the output would have to be multiplied.
DotWinogradForm MakeFour() {
  DotWinogradForm form;
  form.outputs = 4;
  form.points = 6;
  form.input = {{4, 0, -5, 0, 1, 0},  {0, -4, -4, 1, 1, 0}, {0, 4, -4, -1, 1, 0},
                {0, -2, -1, 2, 1, 0}, {0, 2, -1, -2, 1, 0}, {0, 4, 0, -5, 0, 1}};
  form.weights = {{6, 0, 0}, {-1, -1, -1}, {-1, 1, -1}, {1, 2, 4}, {1, -2, 4}, {0, 0, 6}};
  form.output = {{1, 4, 4, 1, 1, 0}, {0, 2, -2, 1, -1, 0}, {0, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 1}};
  form.input_c = {"y0 = (x4 - x2) + ((x0 - x2) << 2);",        "y1 = (x4 - (x2 << 2)) + (x3 - (x1 << 2));",
                  "y2 = (x4 - (x2 << 2)) - (x3 - (x1 << 2));", "y3 = (x4 - x2) + ((x3 - x1) << 1);",
                  "y4 = (x4 - x2) - ((x3 - x1) << 1);",        "y5 = (x5 - x3) - ((x3 - x1) << 2);"};
  form.weights_c = {"y0 = 6 * x0;",
                    "y1 = -(x0 + x1 + x2);",
                    "y2 = -(x0 - x1 + x2);",
                    "y3 = x0 + 2 * x1 + 4 * x2;",
                    "y4 = x0 - 2 * x1 + 4 * x2;",
                    "y5 = 6 * x2;"};
  form.output_c = {"y0 = x0 + ((x1 + x2) << 2) + (x3 + x4);", "y1 = ((x1 - x2) << 1) + (x3 - x4);",
                   "y2 = (x1 + x2) + (x3 + x4);", "y3 = (x1 - x2) + ((x3 - x4) << 1) + x5;"};
  form.odd = 3;
  form.shifts = {3, 2, 1, 1};
  return form;
}

}  // namespace

uint32_t DotWinogradForm::inverse() const {
  // Newton's iteration doubles the number of right bits; any odd number is its own inverse modulo 8.
  const auto factor = static_cast<uint32_t>(odd * odd);
  uint32_t x = factor;
  for (int bits = 3; bits < 32; bits *= 2) x *= 2 - factor * x;
  return x;
}

int DotWinogradForm::result_bits() const { return 31 - 2 * *std::ranges::max_element(shifts); }

int DotWinogradForm::Growth(const std::vector<std::vector<int>>& matrix) {
  int growth = 0;
  for (const std::vector<int>& row : matrix) {
    int sum = 0;
    for (const int x : row) sum += std::abs(x);
    growth = std::max(growth, sum);
  }
  return growth;
}

const DotWinogradForm& DotWinogradFormOf(int outputs) {
  static const auto* two = new DotWinogradForm(MakeTwo());
  static const auto* four = new DotWinogradForm(MakeFour());
  return outputs == 2 ? *two : *four;
}

}  // namespace tunefarm::schedules
