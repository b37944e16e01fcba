// Strassen's products of blocks: that they make the product of the whole.
#include "schedules/strassen.h"

#include <bit>
#include <cstddef>
#include <cstdint>

#include "tests/catch.h"

namespace tunefarm::schedules {
namespace {

TEST_CASE("ProductsOfBlocksAddUpToTheProductOfTheWhole") {
  // The coefficient of A[i][j] B[k][l] in C[m][n] is 1 where j = k, i = m and l = n, else 0.
  for (int levels = 0; levels <= 2; ++levels) {
    const BlockProducts& form = StrassenProducts(levels);
    const int splits = form.splits, blocks = splits * splits;
    CHECK(splits == 1 << levels);
    int wrong = 0;
    for (int a = 0; a < blocks; ++a) {
      for (int b = 0; b < blocks; ++b) {
        for (int c = 0; c < blocks; ++c) {
          int sum = 0;
          for (const BlockProduct& product : form.products) sum += product.a[a] * product.b[b] * product.c[c];
          const bool belongs =
              a % splits == b / splits && a / splits == c / splits && b % splits == c % splits;
          wrong += sum != (belongs ? 1 : 0);
        }
      }
    }
    CHECK(wrong == 0);
  }
  CHECK(StrassenProducts(1).products.size() == 7);
  CHECK(StrassenProducts(2).products.size() == 49);
}

TEST_CASE("FewerProductsAreNeededOfBlocksThatAreThere") {
  for (int levels = 0; levels <= 2; ++levels) {
    const BlockProducts& form = StrassenProducts(levels);
    const int splits = form.splits, blocks = splits * splits;
    for (int rows = 1; rows <= splits; ++rows) {
      for (int columns = 1; columns <= splits; ++columns) {
        INFO(levels << " levels, " << rows << " rows, " << columns << " columns of blocks");
        const uint64_t needed = ProductsNeeded(form, rows, columns);
        int wrong = 0;
        for (int a = 0; a < rows * splits; ++a) {
          for (int b = 0; b < blocks; ++b) {
            if (b % splits >= columns) continue;
            for (int c = 0; c < rows * splits; ++c) {
              if (c % splits >= columns) continue;
              int all = 0, sum = 0;
              for (std::size_t p = 0; p < form.products.size(); ++p) {
                const BlockProduct& product = form.products[p];
                const int term = product.a[a] * product.b[b] * product.c[c];
                all += term;
                if ((needed >> p & 1) != 0) sum += term;
              }
              wrong += sum != all;
            }
          }
        }
        CHECK(wrong == 0);
        for (int row = 0; row < rows; ++row) {
          for (int column = 0; column < columns; ++column) {
            std::size_t first = 0;
            while (form.products[first].c[row * splits + column] == 0) ++first;
            CHECK((needed >> first & 1) != 0);
          }
        }
      }
    }
  }
  CHECK(std::popcount(ProductsNeeded(StrassenProducts(1), 2, 2)) == 7);
  CHECK(std::popcount(ProductsNeeded(StrassenProducts(1), 1, 2)) == 4);
  CHECK(std::popcount(ProductsNeeded(StrassenProducts(1), 2, 1)) == 4);
  CHECK(std::popcount(ProductsNeeded(StrassenProducts(1), 1, 1)) == 2);
  CHECK(std::popcount(ProductsNeeded(StrassenProducts(2), 2, 4)) == 28);
}

TEST_CASE("EachLevelOfStrassensProductsCostsExactness") {
  CHECK(StrassenErrorGrowth(0) == Approx(1));
  // Of C00, by hand: (1 + 4)(1 + 4) of the first product, 4 (1 + 1) and (1 + 1) 4 of the next two that it
  // has, and (1 + 4)(1 + 4) of the last one: the root of 66, halved.
  CHECK(StrassenErrorGrowth(1) == Approx(4.062).margin(1e-3));
  CHECK(StrassenErrorGrowth(2) > StrassenErrorGrowth(1));
}

}  // namespace
}  // namespace tunefarm::schedules
