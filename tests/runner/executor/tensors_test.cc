#include "runner/executor/tensors.h"

#include <cmath>
#include <limits>

#include "base/inputs.h"
#include "tests/catch.h"

namespace tunefarm::executor {

TEST_CASE("InputsAreThoseOfTheSharedFormula") {
  float values[3];
  FillInput({Type::kF32, Role::kInput, 3}, 7, 2, values);
  CHECK(values[2] == InputFloat(7, 2, 2));
  std::int8_t bytes[2];
  FillInput({Type::kI8, Role::kInput, 2}, 7, 1, bytes);
  CHECK(bytes[1] == InputInt8(7, 1, 1));
  FillInput({Type::kI8, Role::kConstant, 2, -127, 127}, 7, 1, bytes);
  CHECK(bytes[1] == InputInt(7, 1, 1, -127, 127));
  std::int32_t words[2];
  FillInput({Type::kI32, Role::kConstant, 2, 1 << 30, 2147483647}, 7, 1, words);
  CHECK(words[1] == InputInt(7, 1, 1, 1 << 30, 2147483647));
}

TEST_CASE("APoisonedIntegerNeverPassesWhateverIsWanted") {
  const std::int8_t want[4] = {-128, 0, 127, -1};
  std::int8_t got[4];
  Poison(Type::kI8, 4, want, got);
  CHECK(Compare(Type::kI8, 4, got, want, 0, 0).count == 4);
  Poison(Type::kI8, 4, nullptr, got);
  CHECK(got[3] == -128);
}

TEST_CASE("IntegersMustBeExact") {
  const std::int8_t want[3] = {-128, 5, 127};
  const std::int8_t got[3] = {-128, 6, 127};
  CHECK(Compare(Type::kI8, 3, got, want, 0, 0).count == 1);
  CHECK(Compare(Type::kI8, 3, want, want, 0, 0).count == 0);
  const std::int32_t words[2] = {2147483647, -2147483647};
  const std::int32_t beside[2] = {2147483646, -2147483647};
  CHECK(Compare(Type::kI32, 2, beside, words, 0, 0).count == 1);
}

TEST_CASE("APoisonedFloatNeverPasses") {
  float got[2];
  const float want[2] = {0, 0};
  Poison(Type::kF32, 2, want, got);
  CHECK(std::isnan(got[0]));
  CHECK(Compare(Type::kF32, 2, got, want, std::numeric_limits<double>::max(), 0).count == 2);
}

TEST_CASE("CompareCountsAndNamesTheFirstMismatch") {
  const float got[4] = {1, 2.5f, 3, 5};
  const float want[4] = {1, 2, 3, 4};
  const Mismatch mismatch =
      Compare(Type::kF32, 4, got, want, 0.1, 0.1);  // 2.5 misses 2 by 0.5 > 0.3; 5 misses 4 by 1 > 0.5.
  CHECK(mismatch.count == 2);
  CHECK(mismatch.first == 1);
  CHECK(mismatch.got == 2.5);
  CHECK(mismatch.want == 2);
  CHECK(Compare(Type::kF32, 4, got, want, 0.2, 0.25).count == 0);
}

}  // namespace tunefarm::executor
