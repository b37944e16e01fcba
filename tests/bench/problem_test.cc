#include "bench/peers/problem.h"

#include <algorithm>
#include <cstdlib>

#include "schedules/int8_reference.h"
#include "tests/catch.h"

namespace tunefarm::bench {
namespace {

Problem MakeProblem(const char* workload, const char* target) {
  return Problem(schedules::Workload::Parse(workload).value(), schedules::FindTarget(target).value(), 1, 1);
}

TEST_CASE("AnInt8ErrorIsTheFarthestElementInUnits") {
  const Problem problem = MakeProblem("dense:m=3,n=5,k=7,dtype=i8", "x86-64-v3");
  Buffer output(problem.output_elements());
  const std::vector<int8_t> right = schedules::Int8Reference(
      problem.workload(), {problem.ints(0), problem.ints(1), problem.ints(2), problem.ints(3)});
  REQUIRE(right.size() == 15);
  std::copy(right.begin(), right.end(), output.bytes());
  CHECK(problem.Error(output) == 0);
  output.bytes()[4] = static_cast<int8_t>(right[4] + (right[4] > 0 ? -3 : 3));
  output.bytes()[14] = static_cast<int8_t>(right[14] + (right[14] > 0 ? -1 : 1));
  CHECK(problem.Error(output) == 3);
}

TEST_CASE("AFloatErrorIsAShareOfTheTolerance") {
  const Problem problem = MakeProblem("dense:m=3,n=5,k=7", "x86-64-v3");
  Buffer output(problem.output_elements());
  CHECK(problem.Error(output) > 1000);  // Zeros.
}

// Two products of an unsigned byte and such a weight fit in 16 bits, and half the weight is a whole number.
TEST_CASE("Int8WeightsSuitByteMultiplicationsWithoutVnni") {
  const char* const workload = "conv2d:n=1,h=9,w=9,ci=16,co=32,kh=3,kw=3,pad=1,layout=nhwc,dtype=i8";
  const Problem avx2 = MakeProblem(workload, "x86-64-v3");
  for (const int32_t weight : avx2.ints(1)) {
    CHECK(255 * 2 * std::abs(weight) <= 32767);
    CHECK(weight % 2 == 0);
  }
  const Problem vnni = MakeProblem(workload, "x86-64-v4-vnni");
  CHECK(std::ranges::any_of(vnni.ints(1), [](int32_t weight) { return std::abs(weight) > 100; }));
}

TEST_CASE("Int8KernelsReadBytesAndTheirConstantsInt32") {
  const Problem problem = MakeProblem("dense:m=3,n=5,k=7,dtype=i8,epilogue=bias", "x86-64-v3");
  for (int tensor = 0; tensor < 5; ++tensor) {
    const std::vector<int32_t>& ints = problem.ints(tensor);
    for (std::size_t i = 0; i < ints.size(); ++i) {
      const int32_t stored = tensor < 2 ? static_cast<const int8_t*>(problem.argument(tensor))[i]
                                        : static_cast<const int32_t*>(problem.argument(tensor))[i];
      CHECK(stored == ints[i]);
    }
  }
}

}  // namespace
}  // namespace tunefarm::bench
