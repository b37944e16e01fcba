#include "base/compiler_package.h"

#include "tests/catch.h"

namespace tunefarm {
namespace {

TEST_CASE("CrossCompilersPackagesAreNamedTheOtherWayRound") {
  CHECK(CompilerPackage("gcc") == "gcc");
  CHECK(CompilerPackage("clang-19") == "clang-19");
  CHECK(CompilerPackage("arm-none-eabi-gcc") == "gcc-arm-none-eabi");
  CHECK(CompilerPackage("aarch64-linux-gnu-gcc") == "gcc-aarch64-linux-gnu");
  CHECK(CompilerPackage("arm-linux-gnueabihf-gcc") == "gcc-arm-linux-gnueabihf");
}

}  // namespace
}  // namespace tunefarm
