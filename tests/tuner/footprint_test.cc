#include "tuner/footprint.h"

#include "tests/catch.h"

namespace tunefarm::tuner {
namespace {

TEST_CASE("FootprintCountsTensorsByRoleAndType") {
  // Input 16 x 32, weights 8 x 32, output 16 x 8 bytes; bias, multiplier and shift of 8 words each.
  const auto workload = *schedules::Workload::Parse("dense:m=16,n=8,k=32,dtype=i8,epilogue=bias");
  schedules::KernelSource source;
  source.packed_bytes = 100;
  source.workspace_bytes = 1000;
  const Footprint footprint = FootprintOf(schedules::DefineCompute(workload), source);
  CHECK(footprint.data_bytes == 16 * 32 + 16 * 8 + 1000);
  CHECK(footprint.constant_bytes == 8 * 32 + 3 * 8 * 4 + 100);
}

TEST_CASE("KernelsLargerThanTheDeviceAreNotBuilt") {
  schedules::Target target;
  CHECK(CheckFootprint({1000, 1000}, target).ok());  // No limit.
  target.data_bytes = 1500;
  CHECK(CheckFootprint({1000, 500}, target).ok());
  const absl::Status together = CheckFootprint({1000, 501}, target);
  CHECK(absl::IsResourceExhausted(together));
  CHECK(together.message() == "tensors, packed constants and workspace need 1501 bytes; the device has 1500");
  target.constant_bytes = 600;
  CHECK(CheckFootprint({1500, 600}, target).ok());
  CHECK(CheckFootprint({1501, 600}, target).message() ==
        "inputs, output and workspace need 1501 bytes; the device has 1500");
  CHECK(CheckFootprint({1500, 601}, target).message() ==
        "constants, as they are and packed, need 601 bytes; the device has 600");
}

}  // namespace
}  // namespace tunefarm::tuner
