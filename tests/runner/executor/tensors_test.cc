#include "runner/executor/tensors.h"

#include <cmath>
#include <limits>

#include "base/inputs.h"
#include "tests/catch.h"

namespace tunefarm::executor {

TEST_CASE("InputsAreThoseOfTheSharedFormula") {
  float values[3];
  FillInput(Type::kF32, 7, 2, 3, values);
  CHECK(values[2] == InputFloat(7, 2, 2));
  std::int8_t bytes[2];
  FillInput(Type::kI8, 7, 1, 2, bytes);
  CHECK(bytes[1] == InputInt8(7, 1, 1));
}

TEST_CASE("APoisonedFloatNeverPasses") {
  float got[2];
  const float want[2] = {0, 0};
  Poison(Type::kF32, 2, got);
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
