#include "schedules/winograd_transform.h"

#include <algorithm>

namespace tunefarm::schedules {
namespace {

WinogradForm MakeTwo() {
  WinogradForm form;
  form.outputs = 2;
  form.stride = 1;
  form.points = 4;
  form.input = {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}};
  form.weights = {{1, 0, 0}, {.5, .5, .5}, {.5, -.5, .5}, {0, 0, 1}};
  form.weights_of = {0, 1, 2, 3};
  form.output = {{1, 1, 1, 0}, {0, 1, -1, -1}};
  form.input_c = {"y0 = x0 - x2;", "y1 = x1 + x2;", "y2 = x2 - x1;", "y3 = x1 - x3;"};
  form.weights_c = {"y0 = x0;", "y1 = (x0 + x1 + x2) * 0.5f;", "y2 = (x0 - x1 + x2) * 0.5f;", "y3 = x2;"};
  form.output_c = {"y0 = x0 + x1 + x2;", "y1 = x1 - x2 - x3;"};
  return form;
}

// With the interpolation points 0, 1, -1, 2, -2. Rows that differ in signs alone share their sums.
WinogradForm MakeFour() {
  WinogradForm form;
  form.outputs = 4;
  form.stride = 1;
  form.points = 6;
  form.input = {{4, 0, -5, 0, 1, 0},  {0, -4, -4, 1, 1, 0}, {0, 4, -4, -1, 1, 0},
                {0, -2, -1, 2, 1, 0}, {0, 2, -1, -2, 1, 0}, {0, 4, 0, -5, 0, 1}};
  form.weights = {{1. / 4, 0, 0},
                  {-1. / 6, -1. / 6, -1. / 6},
                  {-1. / 6, 1. / 6, -1. / 6},
                  {1. / 24, 1. / 12, 1. / 6},
                  {1. / 24, -1. / 12, 1. / 6},
                  {0, 0, 1}};
  form.weights_of = {0, 1, 2, 3, 4, 5};
  form.output = {{1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 1}};
  form.input_c = {"y0 = 4.0f * x0 - 5.0f * x2 + x4;",          "y1 = (x4 - 4.0f * x2) + (x3 - 4.0f * x1);",
                  "y2 = (x4 - 4.0f * x2) - (x3 - 4.0f * x1);", "y3 = (x4 - x2) + 2.0f * (x3 - x1);",
                  "y4 = (x4 - x2) - 2.0f * (x3 - x1);",        "y5 = 4.0f * x1 - 5.0f * x3 + x5;"};
  form.weights_c = {"y0 = x0 * (1 / 4.0f);",
                    "y1 = -(x0 + x2) * (1 / 6.0f) - x1 * (1 / 6.0f);",
                    "y2 = -(x0 + x2) * (1 / 6.0f) + x1 * (1 / 6.0f);",
                    "y3 = x0 * (1 / 24.0f) + x2 * (1 / 6.0f) + x1 * (1 / 12.0f);",
                    "y4 = x0 * (1 / 24.0f) + x2 * (1 / 6.0f) - x1 * (1 / 12.0f);",
                    "y5 = x2;"};
  form.output_c = {"y0 = x0 + (x1 + x2) + (x3 + x4);", "y1 = (x1 - x2) + 2.0f * (x3 - x4);",
                   "y2 = (x1 + x2) + 4.0f * (x3 + x4);", "y3 = (x1 - x2) + 8.0f * (x3 - x4) + x5;"};
  return form;
}

// Stride 2: of the even elements by the points 0, -1 and infinity.
WinogradForm MakeTwoByTwo() {
  WinogradForm form;
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
  return form;
}

// Of the even elements by the points 0, 1, -1 and infinity.
WinogradForm MakeThreeByTwo() {
  WinogradForm form;
  form.outputs = 3;
  form.stride = 2;
  form.points = 7;
  form.input = {{1, 0, 0, 0, -1, 0, 0}, {0, 0, 1, 0, 1, 0, 0}, {0, 0, -1, 0, 1, 0, 0}, {0, 0, 1, 0, 0, 0, -1},
                {0, 1, 0, 0, 0, 0, 0},  {0, 0, 0, 1, 0, 0, 0}, {0, 0, 0, 0, 0, 1, 0}};
  form.weights = {{1, 0, 0}, {.5, 0, .5}, {.5, 0, -.5}, {0, 0, 1}, {0, 1, 0}};
  form.weights_of = {0, 1, 2, 3, 4, 4, 4};
  form.output = {{1, 1, 1, 0, 1, 0, 0}, {0, 1, -1, 0, 0, 1, 0}, {0, 1, 1, -1, 0, 0, 1}};
  form.input_c = {"y0 = x0 - x4;", "y1 = x2 + x4;", "y2 = x4 - x2;", "y3 = x2 - x6;",
                  "y4 = x1;",      "y5 = x3;",      "y6 = x5;"};
  form.weights_c = {"y0 = x0;", "y1 = (x0 + x2) * 0.5f;", "y2 = (x0 - x2) * 0.5f;", "y3 = x2;", "y4 = x1;"};
  form.output_c = {"y0 = x0 + (x1 + x2) + x4;", "y1 = x1 - x2 + x5;", "y2 = (x1 + x2) - x3 + x6;"};
  return form;
}

// Of the even elements by the points 0, 1, -1, 2 and infinity.
WinogradForm MakeFourByTwo() {
  WinogradForm form;
  form.outputs = 4;
  form.stride = 2;
  form.points = 9;
  form.input = {{2, 0, -1, 0, -2, 0, 1, 0, 0}, {0, 0, -2, 0, -1, 0, 1, 0, 0}, {0, 0, 2, 0, -3, 0, 1, 0, 0},
                {0, 0, -1, 0, 0, 0, 1, 0, 0},  {0, 0, 2, 0, -1, 0, -2, 0, 1}, {0, 1, 0, 0, 0, 0, 0, 0, 0},
                {0, 0, 0, 1, 0, 0, 0, 0, 0},   {0, 0, 0, 0, 0, 1, 0, 0, 0},   {0, 0, 0, 0, 0, 0, 0, 1, 0}};
  form.weights = {{1. / 2, 0, 0}, {-1. / 2, 0, -1. / 2}, {-1. / 6, 0, 1. / 6}, {1. / 6, 0, 1. / 3}, {0, 0, 1},
                  {0, 1, 0}};
  form.weights_of = {0, 1, 2, 3, 4, 5, 5, 5, 5};
  form.output = {{1, 1, 1, 1, 0, 1, 0, 0, 0},
                 {0, 1, -1, 2, 0, 0, 1, 0, 0},
                 {0, 1, 1, 4, 0, 0, 0, 1, 0},
                 {0, 1, -1, 8, 1, 0, 0, 0, 1}};
  form.input_c = {"y0 = 2.0f * (x0 - x4) + (x6 - x2);",
                  "y1 = (x6 - x4) - 2.0f * x2;",
                  "y2 = (x6 - x4) + 2.0f * (x2 - x4);",
                  "y3 = x6 - x2;",
                  "y4 = (x8 - x4) - 2.0f * (x6 - x2);",
                  "y5 = x1;",
                  "y6 = x3;",
                  "y7 = x5;",
                  "y8 = x7;"};
  form.weights_c = {"y0 = x0 * 0.5f;",
                    "y1 = -(x0 + x2) * 0.5f;",
                    "y2 = (x2 - x0) * (1 / 6.0f);",
                    "y3 = x0 * (1 / 6.0f) + x2 * (1 / 3.0f);",
                    "y4 = x2;",
                    "y5 = x1;"};
  form.output_c = {"y0 = (x1 + x2) + (x0 + x3) + x5;", "y1 = (x1 - x2) + 2.0f * x3 + x6;",
                   "y2 = (x1 + x2) + 4.0f * x3 + x7;", "y3 = (x1 - x2) + 8.0f * x3 + (x4 + x8);"};
  return form;
}

double SquaredNorm(const std::vector<double>& row) {
  double sum = 0;
  for (const double x : row) sum += x * x;
  return sum;
}

}  // namespace

std::vector<int> WinogradOutputs(int stride) {
  return stride == 1 ? std::vector<int>{2, 4} : std::vector<int>{2, 3, 4};
}

const WinogradForm& WinogradFormOf(int outputs, int stride) {
  static const auto* forms =
      new std::vector<WinogradForm>{MakeTwo(), MakeFour(), MakeTwoByTwo(), MakeThreeByTwo(), MakeFourByTwo()};
  return *std::ranges::find_if(
      *forms, [&](const WinogradForm& form) { return form.outputs == outputs && form.stride == stride; });
}

double WinogradErrorGrowth(const WinogradForm& form) {
  double growth = 1;
  for (const std::vector<double>& row : form.output) {
    double sum = 0;
    for (int a = 0; a < form.points; ++a)
      sum += row[a] * row[a] * SquaredNorm(form.input[a]) * SquaredNorm(form.weights[form.weights_of[a]]);
    growth = std::max(growth, sum / 9);
  }
  return growth;
}

}  // namespace tunefarm::schedules
