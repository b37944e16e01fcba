#include "schedules/strassen.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace tunefarm::schedules {
namespace {

BlockProducts OneLevel() {
  return {2,
          {
              {{1, 0, 0, 1}, {1, 0, 0, 1}, {1, 0, 0, 1}},   // (A00 + A11) (B00 + B11)
              {{0, 0, 1, 1}, {1, 0, 0, 0}, {0, 0, 1, -1}},  // (A10 + A11) B00
              {{1, 0, 0, 0}, {0, 1, 0, -1}, {0, 1, 0, 1}},  // A00 (B01 - B11)
              {{0, 0, 0, 1}, {-1, 0, 1, 0}, {1, 0, 1, 0}},  // A11 (B10 - B00)
              {{1, 1, 0, 0}, {0, 0, 0, 1}, {-1, 1, 0, 0}},  // (A00 + A01) B11
              {{-1, 0, 1, 0}, {1, 1, 0, 0}, {0, 0, 0, 1}},  // (A10 - A00) (B00 + B01)
              {{0, 1, 0, -1}, {0, 0, 1, 1}, {1, 0, 0, 0}},  // (A01 - A11) (B10 + B11)
          }};
}

// Of blocks of `inner`'s blocks.
std::vector<int> Nest(const std::vector<int>& outer, int outer_splits, const std::vector<int>& inner,
                      int inner_splits) {
  const int splits = outer_splits * inner_splits;
  std::vector<int> nested(static_cast<std::size_t>(splits) * splits);
  for (int row = 0; row < splits; ++row) {
    for (int column = 0; column < splits; ++column) {
      nested[row * splits + column] = outer[row / inner_splits * outer_splits + column / inner_splits] *
                                      inner[row % inner_splits * inner_splits + column % inner_splits];
    }
  }
  return nested;
}

BlockProducts Nest(const BlockProducts& outer, const BlockProducts& inner) {
  BlockProducts nested;
  nested.splits = outer.splits * inner.splits;
  for (const BlockProduct& x : outer.products) {
    for (const BlockProduct& y : inner.products) {
      nested.products.push_back({Nest(x.a, outer.splits, y.a, inner.splits),
                                 Nest(x.b, outer.splits, y.b, inner.splits),
                                 Nest(x.c, outer.splits, y.c, inner.splits)});
    }
  }
  return nested;
}

}  // namespace

const BlockProducts& StrassenProducts(int levels) {
  static const std::array<BlockProducts, 3> forms = [] {
    const BlockProducts none = {1, {{{1}, {1}, {1}}}}, one = OneLevel();
    return std::array<BlockProducts, 3>{none, one, Nest(one, one)};
  }();
  return forms[levels];
}

uint64_t ProductsNeeded(const BlockProducts& form, int rows, int columns) {
  const int splits = form.splits;
  const auto any = [&](const std::vector<int>& blocks, int in_rows, int in_columns) {
    for (int row = 0; row < in_rows; ++row) {
      for (int column = 0; column < in_columns; ++column) {
        if (blocks[row * splits + column] != 0) return true;
      }
    }
    return false;
  };
  uint64_t needed = 0;
  for (std::size_t p = 0; p < form.products.size(); ++p) {
    const BlockProduct& product = form.products[p];
    if (any(product.a, rows, splits) && any(product.b, splits, columns) && any(product.c, rows, columns))
      needed |= uint64_t{1} << p;
  }
  return needed;
}

double StrassenErrorGrowth(int levels) {
  const BlockProducts& form = StrassenProducts(levels);
  const int splits = form.splits;
  double largest = 0;
  for (int row = 0; row < splits; ++row) {
    for (int column = 0; column < splits; ++column) {
      // Variances, beside a result's own row and column of variance 1.
      const auto variance = [&](const std::vector<int>& blocks, bool of_rows) {
        double sum = 0;
        for (int block = 0; block < splits * splits; ++block) {
          const bool own = of_rows ? block / splits == row : block % splits == column;
          if (blocks[block] != 0) sum += own ? 1 : 4;
        }
        return sum;
      };
      double sum = 0;
      for (const BlockProduct& product : form.products) {
        if (product.c[row * splits + column] != 0)
          sum += variance(product.a, true) * variance(product.b, false);
      }
      largest = std::max(largest, std::sqrt(sum) / splits);
    }
  }
  return largest;
}

}  // namespace tunefarm::schedules
