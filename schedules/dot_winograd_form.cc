#include "schedules/dot_winograd_form.h"

#include <algorithm>
#include <cstdlib>

namespace tunefarm::schedules {
namespace {

DotWinogradForm MakeTwo() {
  DotWinogradForm form;
  form.outputs = 2;
  form.stride = 1;
  form.points = 4;
  form.input = {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}};
  form.weights = {{2, 0, 0}, {1, 1, 1}, {1, -1, 1}, {0, 0, 2}};
  form.output = {{1, 1, 1, 0}, {0, 1, -1, -1}};
  form.input_c = {"y0 = x0 - x2;", "y1 = x1 + x2;", "y2 = x2 - x1;", "y3 = x1 - x3;"};
  form.weights_c = {"y0 = 2 * x0;", "y1 = x0 + x1 + x2;", "y2 = x0 - x1 + x2;", "y3 = 2 * x2;"};
  form.output_c = {"y0 = x0 + x1 + x2;", "y1 = x1 - x2 - x3;"};
  form.weights_of = {0, 1, 2, 3};
  form.odd = 1;
  form.shifts = {1, 1};
  return form;
}

// With the interpolation points 0, 1, -1, 2, -2. The first and the last row of the weights could be six times
// smaller, but then the output would have to be multiplied.
DotWinogradForm MakeFour() {
  DotWinogradForm form;
  form.outputs = 4;
  form.stride = 1;
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
  form.weights_of = {0, 1, 2, 3, 4, 5};
  form.odd = 3;
  form.shifts = {3, 2, 1, 1};
  return form;
}

// Of the even elements by the points 0, -1 and infinity; nothing need be scaled.
DotWinogradForm MakeTwoByTwo() {
  DotWinogradForm form;
  form.outputs = 2;
  form.stride = 2;
  form.points = 5;
  form.input = {{1, 0, -1, 0, 0}, {0, 0, 1, 0, 0}, {0, 0, 1, 0, -1}, {0, 1, 0, 0, 0}, {0, 0, 0, 1, 0}};
  form.weights = {{1, 0, 0}, {1, 0, 1}, {0, 0, 1}, {0, 1, 0}};
  form.weights_of = {0, 1, 2, 3, 3};
  form.output = {{1, 1, 0, 1, 0}, {0, 1, -1, 0, 1}};
  form.input_c = {"y0 = x0 - x2;", "y1 = x2;", "y2 = x2 - x4;", "y3 = x1;", "y4 = x3;"};
  form.weights_c = {"y0 = x0;", "y1 = x0 + x2;", "y2 = x2;", "y3 = x1;"};
  form.output_c = {"y0 = x0 + x1 + x3;", "y1 = x1 - x2 + x4;"};
  form.odd = 1;
  form.shifts = {0, 0};
  return form;
}

// Of the even elements by the points 0, 1, -1 and infinity.
DotWinogradForm MakeThreeByTwo() {
  DotWinogradForm form;
  form.outputs = 3;
  form.stride = 2;
  form.points = 7;
  form.input = {{1, 0, 0, 0, -1, 0, 0}, {0, 0, 1, 0, 1, 0, 0}, {0, 0, -1, 0, 1, 0, 0}, {0, 0, 1, 0, 0, 0, -1},
                {0, 1, 0, 0, 0, 0, 0},  {0, 0, 0, 1, 0, 0, 0}, {0, 0, 0, 0, 0, 1, 0}};
  form.weights = {{2, 0, 0}, {1, 0, 1}, {1, 0, -1}, {0, 0, 2}, {0, 2, 0}};
  form.weights_of = {0, 1, 2, 3, 4, 4, 4};
  form.output = {{1, 1, 1, 0, 1, 0, 0}, {0, 1, -1, 0, 0, 1, 0}, {0, 1, 1, -1, 0, 0, 1}};
  form.input_c = {"y0 = x0 - x4;", "y1 = x2 + x4;", "y2 = x4 - x2;", "y3 = x2 - x6;",
                  "y4 = x1;",      "y5 = x3;",      "y6 = x5;"};
  form.weights_c = {"y0 = 2 * x0;", "y1 = x0 + x2;", "y2 = x0 - x2;", "y3 = 2 * x2;", "y4 = 2 * x1;"};
  form.output_c = {"y0 = x0 + (x1 + x2) + x4;", "y1 = x1 - x2 + x5;", "y2 = (x1 + x2) - x3 + x6;"};
  form.odd = 1;
  form.shifts = {1, 1, 1};
  return form;
}

// Of the even elements by the points 0, 1, -1, 2 and infinity.
DotWinogradForm MakeFourByTwo() {
  DotWinogradForm form;
  form.outputs = 4;
  form.stride = 2;
  form.points = 9;
  form.input = {{2, 0, -1, 0, -2, 0, 1, 0, 0}, {0, 0, -2, 0, -1, 0, 1, 0, 0}, {0, 0, 2, 0, -3, 0, 1, 0, 0},
                {0, 0, -1, 0, 0, 0, 1, 0, 0},  {0, 0, 2, 0, -1, 0, -2, 0, 1}, {0, 1, 0, 0, 0, 0, 0, 0, 0},
                {0, 0, 0, 1, 0, 0, 0, 0, 0},   {0, 0, 0, 0, 0, 1, 0, 0, 0},   {0, 0, 0, 0, 0, 0, 0, 1, 0}};
  form.weights = {{3, 0, 0}, {-3, 0, -3}, {-1, 0, 1}, {1, 0, 2}, {0, 0, 6}, {0, 6, 0}};
  form.weights_of = {0, 1, 2, 3, 4, 5, 5, 5, 5};
  form.output = {{1, 1, 1, 1, 0, 1, 0, 0, 0},
                 {0, 1, -1, 2, 0, 0, 1, 0, 0},
                 {0, 1, 1, 4, 0, 0, 0, 1, 0},
                 {0, 1, -1, 8, 1, 0, 0, 0, 1}};
  form.input_c = {"y0 = ((x0 - x4) << 1) + (x6 - x2);",
                  "y1 = (x6 - x4) - (x2 << 1);",
                  "y2 = (x6 - x4) + ((x2 - x4) << 1);",
                  "y3 = x6 - x2;",
                  "y4 = (x8 - x4) - ((x6 - x2) << 1);",
                  "y5 = x1;",
                  "y6 = x3;",
                  "y7 = x5;",
                  "y8 = x7;"};
  form.weights_c = {"y0 = 3 * x0;",      "y1 = -3 * (x0 + x2);", "y2 = x2 - x0;",
                    "y3 = x0 + 2 * x2;", "y4 = 6 * x2;",         "y5 = 6 * x1;"};
  form.output_c = {"y0 = (x1 + x2) + (x0 + x3) + x5;", "y1 = (x1 - x2) + (x3 << 1) + x6;",
                   "y2 = (x1 + x2) + (x3 << 2) + x7;", "y3 = (x1 - x2) + (x3 << 3) + (x4 + x8);"};
  form.odd = 3;
  form.shifts = {1, 1, 1, 1};
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

std::vector<int> DotWinogradOutputs(int stride) {
  return stride == 1 ? std::vector<int>{2, 4} : std::vector<int>{2, 3, 4};
}

const DotWinogradForm& DotWinogradFormOf(int outputs, int stride) {
  static const auto* forms = new std::vector<DotWinogradForm>{MakeTwo(), MakeFour(), MakeTwoByTwo(),
                                                              MakeThreeByTwo(), MakeFourByTwo()};
  return *std::ranges::find_if(
      *forms, [&](const DotWinogradForm& form) { return form.outputs == outputs && form.stride == stride; });
}

}  // namespace tunefarm::schedules
