#include "base/rng.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "tests/catch.h"

namespace tunefarm {

TEST_CASE("OneSeedGivesOneSequence") {
  Rng a(42), b(42), c(43);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const auto x = a();
    CHECK(x == b());
    differs = differs || x != c();
  }
  CHECK(differs);
}

TEST_CASE("UniformIsEvenAndInRange") {
  Rng rng(1);
  std::array<int, 7> counts{};
  for (int i = 0; i < 70000; ++i) ++counts[rng.Uniform(7)];
  // Binomial standard deviation sqrt(70000 * 1/7 * 6/7) = 92.6; five of them.
  for (const int count : counts) CHECK(std::abs(count - 10000) < 463);
}

TEST_CASE("AForkIsIndependentOfWhatTheParentDrewSince") {
  Rng a(9), b(9);
  a();
  a();
  CHECK(a.Fork("search")() == b.Fork("search")());
  CHECK(a.Fork("search")() != a.Fork("model")());
}

TEST_CASE("ShuffleKeepsEveryItem") {
  Rng rng(3);
  std::vector<int> items(100);
  std::iota(items.begin(), items.end(), 0);
  std::vector<int> shuffled = items;
  rng.Shuffle(shuffled);
  CHECK(shuffled != items);
  std::sort(shuffled.begin(), shuffled.end());
  CHECK(shuffled == items);
}

}  // namespace tunefarm
