#include "runner/device/plausible_speed.h"

#include "tests/catch.h"

namespace tunefarm {
namespace {

double Gflops(const char* isa, v1::DataType output, double mhz) {
  v1::DeviceFacts facts;
  facts.add_isa_features(isa);
  v1::RunDescription run;
  v1::Argument* argument = run.add_arguments();
  argument->set_role(v1::ARGUMENT_ROLE_OUTPUT);
  argument->set_type(output);
  return PlausibleFlopPerCycle(facts, run) * mhz / 1e3;
}

// 3x3, 128 to 128 channels at 28x28, by F(4x4,3x3): 785 GFLOP/s, counted as direct, were measured on a core
// of 4.27 GHz whose multiply-adds come to 273. They were thrown away as more than it can do.
TEST_CASE("WinogradsConvolutionsOnFastCoresAreBelieved") {
  CHECK(Gflops("avx512f", v1::DATA_TYPE_F32, 4270) > 785);
  CHECK(Gflops("fma", v1::DATA_TYPE_F32, 4270) > 484);
}

TEST_CASE("KernelThatDoesNothingIsNot") {
  // A convolution of 231 million operations in 100 us.
  CHECK(Gflops("avx512f", v1::DATA_TYPE_F32, 4270) < 2310);
  CHECK(Gflops("asimd", v1::DATA_TYPE_F32, 1800) < 2310);
}

TEST_CASE("Int8KernelsMayBeFourTimesAsFast") {
  CHECK(Gflops("avx512f", v1::DATA_TYPE_I8, 4270) == 4 * Gflops("avx512f", v1::DATA_TYPE_F32, 4270));
}

TEST_CASE("SpeedsOfUnknownWidthsAreNotJudged") {
  CHECK(Gflops("sve", v1::DATA_TYPE_F32, 3000) == 0);
  CHECK(Gflops("rv64", v1::DATA_TYPE_F32, 1000) == 0);
}

}  // namespace
}  // namespace tunefarm
