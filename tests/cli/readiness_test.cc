#include "cli/readiness.h"

#include "base/exit_code.h"
#include "tests/catch.h"

namespace tunefarm::cli {
namespace {

schedules::Target Avx2() {
  schedules::Target target;
  target.name = "x86-64-v3";
  target.architecture = "x86_64";
  target.isa_features = {"avx2", "fma"};
  target.compiler = "gcc";
  return target;
}

v1::DeviceFacts Device(const std::string& id, const std::string& architecture,
                       const std::vector<std::string>& features) {
  v1::DeviceFacts facts;
  facts.set_device_id(id);
  facts.set_architecture(architecture);
  for (const std::string& feature : features) facts.add_isa_features(feature);
  return facts;
}

}  // namespace

TEST_CASE("OneDeviceWithAllInstructionsIsEnough") {
  CHECK(CheckDevice(Avx2(),
                    {Device("pi", "aarch64", {"asimd"}), Device("pc", "x86_64", {"fma", "avx", "avx2"})})
            .ok());
}

TEST_CASE("ADeviceThatLacksInstructionsIsNamedWithThem") {
  const absl::Status status =
      CheckDevice(Avx2(), {Device("pi", "aarch64", {}), Device("old", "x86_64", {"avx2"})});
  CHECK(ExitCodeOf(status) == ExitCode::kNoDevice);
  CHECK(std::string(status.message()) ==
        "no device can run code for x86-64-v3 (x86_64): pi is aarch64; old lacks fma. Choose another "
        "--target, or a farm "
        "that has such a device (--daemon)");
}

TEST_CASE("WithoutDevicesNothingRuns") { CHECK(ExitCodeOf(CheckDevice(Avx2(), {})) == ExitCode::kNoDevice); }

TEST_CASE("AMissingCompilerIsNamedWithItsPackage") {
  schedules::Target target = Avx2();
  target.compiler = "riscv64-linux-gnu-gcc-not-here";
  const auto version = CompilerVersion(target);
  CHECK(ExitCodeOf(version.status()) == ExitCode::kMissingCompiler);
  CHECK(std::string(version.status().message()).find("riscv64-linux-gnu-gcc-not-here") != std::string::npos);
}

TEST_CASE("ACompilerThatRefusesTheFlagsIsQuoted") {
  schedules::Target target = Avx2();
  target.flags = {"-march=no-such-cpu"};
  const absl::Status status = CheckCompiles(target);
  CHECK(ExitCodeOf(status) == ExitCode::kMissingCompiler);
  CHECK(std::string(status.message()).find("no-such-cpu") != std::string::npos);
}

TEST_CASE("AnUnknownTargetHasItsOwnStatus") {
  const auto target = FindTargetOrExplain("x86-64-v99");
  CHECK(ExitCodeOf(target.status()) == ExitCode::kUnknownTarget);
  CHECK(std::string(target.status().message()).find("x86-64-v3") != std::string::npos);
}

}  // namespace tunefarm::cli
