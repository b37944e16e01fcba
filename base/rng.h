// A small random generator whose sequence is the same on every machine, compiler and library
// (std::uniform_int_distribution is not). xoshiro256**, seeded by splitmix64 (Blackman and Vigna, 2018).
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace tunefarm {

// Not thread safe; give each thread its own Fork.
class Rng {
 public:
  using result_type = std::uint64_t;
  explicit Rng(std::uint64_t seed);

  static constexpr std::uint64_t min() { return 0; }
  static constexpr std::uint64_t max() { return ~std::uint64_t{0}; }
  std::uint64_t operator()();

  // Uniform in [0, bound); bound > 0.
  std::uint64_t Uniform(std::uint64_t bound);
  // Uniform in [0, 1).
  double UniformDouble();
  bool Bernoulli(double p) { return UniformDouble() < p; }

  // A generator of its own for a named part, so that one part drawing more leaves the others alone.
  Rng Fork(absl::string_view name) const;

  template <typename T>
  void Shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[Uniform(i)]);
  }

 private:
  std::uint64_t seed_;
  std::uint64_t state_[4];
};

}  // namespace tunefarm
