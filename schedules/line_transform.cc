#include "schedules/line_transform.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace tunefarm::schedules {
namespace {

constexpr std::array<double, kMostLinePoints - 1> kPoints = {0, 1, -1, 2, -2, 0.5, -0.5};

using Polynomial = std::vector<double>;  // By rising powers. All of ours are exact.

// times (x - root).
Polynomial TimesRoot(const Polynomial& p, double root) {
  Polynomial product(p.size() + 1, 0);
  for (std::size_t i = 0; i < p.size(); ++i) {
    product[i] -= root * p[i];
    product[i + 1] += p[i];
  }
  return product;
}

double SquaredNorm(const std::vector<double>& row) {
  double sum = 0;
  for (const double x : row) sum += x * x;
  return sum;
}

// A sum of terms whose factor is not 0. Empty without any.
class TextSum {
 public:
  void Add(double factor, const std::string& term) {
    if (factor == 0) return;
    const double size = std::abs(factor);
    absl::StrAppend(&text_, text_.empty() ? (factor < 0 ? "-" : "") : (factor < 0 ? " - " : " + "));
    // Our factors are short decimals.
    if (size != 1) absl::StrAppend(&text_, size, size == std::floor(size) ? ".0f * " : "f * ");
    absl::StrAppend(&text_, term);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// The elements of a row at every second place, the first of them positive, and the sign that this takes.
struct Half {
  double sign = 1;
  std::string text;  // In parentheses; empty where all are 0.
};
Half EverySecond(const std::vector<double>& row, std::size_t first) {
  Half half;
  TextSum sum;
  int terms = 0;
  for (std::size_t i = first; i < row.size(); i += 2) {
    if (row[i] == 0) continue;
    if (terms++ == 0) half.sign = row[i] < 0 ? -1 : 1;
    sum.Add(half.sign * row[i], absl::StrCat("x", i));
  }
  half.text = terms > 1 ? absl::StrCat("(", sum.text(), ")") : sum.text();
  return half;
}

}  // namespace

LineForm MakeLineForm(int outputs, int taps) {
  LineForm form;
  form.outputs = outputs;
  form.taps = taps;
  form.points = outputs + taps - 1;
  const int finite = form.points - 1;
  form.output.assign(outputs, std::vector<double>(form.points, 0));
  form.output.back().back() = 1;
  for (int j = 0; j < finite; ++j) {
    Polynomial others = {1};
    double divisor = 1;
    for (int k = 0; k < finite; ++k) {
      if (k == j) continue;
      others = TimesRoot(others, kPoints[k]);
      divisor *= kPoints[j] - kPoints[k];
    }
    others.push_back(0);
    // Integers, by powers of 2 that the weights take back.
    const auto fraction = [](double x) { return x != std::floor(x); };
    while (std::ranges::any_of(others, fraction)) {
      for (double& x : others) x *= 2;
      divisor *= 2;
    }
    form.input.push_back(std::move(others));
    std::vector<double>& weights = form.weights.emplace_back();
    for (int i = 0; i < taps; ++i) weights.push_back(std::pow(kPoints[j], i) / divisor);
    for (int i = 0; i < outputs; ++i) form.output[i][j] = std::pow(kPoints[j], i);
  }
  Polynomial all = {1};
  for (int k = 0; k < finite; ++k) all = TimesRoot(all, kPoints[k]);
  std::vector<double>& last = form.weights.emplace_back(taps, 0);
  last.back() = 1;
  while (std::ranges::any_of(all, [](double x) { return x != std::floor(x); })) {
    for (double& x : all) x *= 2;
    last.back() /= 2;
  }
  form.input.push_back(std::move(all));
  return form;
}

double LineErrorGrowth(const LineForm& form) {
  double growth = 1;
  for (const std::vector<double>& row : form.output) {
    double sum = 0;
    for (int a = 0; a < form.points; ++a)
      sum += row[a] * row[a] * SquaredNorm(form.input[a]) * SquaredNorm(form.weights[a]);
    growth = std::max(growth, std::sqrt(sum) / form.taps);
  }
  return growth;
}

std::vector<std::string> LineInputText(const LineForm& form) {
  std::vector<std::string> text;
  for (int a = 0; a < form.points; ++a) {
    // Of x and -x the even powers are the same and the odd ones have other signs.
    const Half even = EverySecond(form.input[a], 0), odd = EverySecond(form.input[a], 1);
    TextSum sum;
    if (!even.text.empty()) sum.Add(even.sign, even.text);
    if (!odd.text.empty()) sum.Add(odd.sign, odd.text);
    text.push_back(absl::StrCat("y", a, " = ", sum.text(), ";"));
  }
  return text;
}

std::vector<std::string> LineOutputText(const LineForm& form) {
  std::vector<std::string> text;
  for (int i = 0; i < form.outputs; ++i) {
    const std::vector<double>& row = form.output[i];
    TextSum sum;
    const int finite = form.points - 1;
    sum.Add(row[0], "x0");
    for (int a = 1; a < finite; a += 2) {
      // A point and its negative, or the last one alone.
      sum.Add(row[a], a + 1 == finite ? absl::StrCat("x", a)
                                      : absl::StrCat("(x", a, i % 2 == 0 ? " + " : " - ", "x", a + 1, ")"));
    }
    sum.Add(row[finite], absl::StrCat("x", finite));
    text.push_back(absl::StrCat("y", i, " = ", sum.text(), ";"));
  }
  return text;
}

}  // namespace tunefarm::schedules
