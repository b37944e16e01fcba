#include "runner/device/native_probe.h"

#include "base/file.h"
#include "tests/catch.h"

namespace tunefarm {
namespace {

void Write(const std::string& path, const std::string& content) {
  REQUIRE(MakeDirectories(path.substr(0, path.rfind('/'))).ok());
  REQUIRE(WriteFileAtomic(path, content).ok());
}

}  // namespace

TEST_CASE("FactsComeFromProcAndSys") {
  const TempDir root = *TempDir::Create();
  const ProbeRoots roots{root.path() + "/proc", root.path() + "/sys", false};
  Write(roots.proc + "/cpuinfo",
        "processor\t: 0\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD EPYC 9R14\nflags\t\t: fpu sse4_2 "
        "avx fma avx2 avx512f "
        "avx512_vnni\n\nprocessor\t: 1\nmodel name\t: other\n");
  Write(roots.proc + "/meminfo", "MemTotal:       16384 kB\nMemFree: 1 kB\n");
  Write(roots.proc + "/sys/kernel/random/boot_id", "b00t\n");
  Write(roots.proc + "/sys/kernel/osrelease", "6.1.0\n");
  Write(roots.sys + "/devices/system/cpu/cpu3/cpufreq/scaling_governor", "schedutil\n");
  const std::string cache = roots.sys + "/devices/system/cpu/cpu3/cache/index";
  const char* const rows[4][3] = {
      {"1", "Data", "32K"}, {"1", "Instruction", "64K"}, {"2", "Unified", "1024K"}, {"3", "Unified", "32M"}};
  for (int i = 0; i < 4; ++i) {
    Write(absl::StrCat(cache, i, "/level"), rows[i][0]);
    Write(absl::StrCat(cache, i, "/type"), rows[i][1]);
    Write(absl::StrCat(cache, i, "/size"), rows[i][2]);
  }
  const v1::DeviceFacts facts = ProbeNative(roots, 3);
  CHECK(facts.cpu_model() == "AMD EPYC 9R14");
  CHECK(facts.l1d_bytes() == 32 << 10);
  CHECK(facts.l2_bytes() == 1 << 20);
  CHECK(facts.l3_bytes() == 32 << 20);
  CHECK(facts.memory_bytes() == 16 << 20);
  CHECK(facts.governor() == "schedutil");
  CHECK(facts.boot_id() == "b00t");
  CHECK(facts.kernel_release() == "6.1.0");
  CHECK(std::vector<std::string>(facts.isa_features().begin(), facts.isa_features().end()) ==
        std::vector<std::string>{"sse4_2", "avx", "fma", "avx2", "avx512f", "avx512_vnni"});
}

TEST_CASE("ADeviceClassNamesCoreAndVectorIsa") {
  v1::DeviceFacts facts;
  facts.set_architecture("x86_64");
  facts.set_cpu_model("AMD EPYC 9R14");
  facts.add_isa_features("avx2");
  facts.add_isa_features("avx512f");
  CHECK(DeviceClassOf(facts, 0x19, 0x11) == "amd-zen4-avx512");
  CHECK(DeviceClassOf(facts, 0x1a, 0x02) == "amd-zen5-avx512");
  v1::DeviceFacts pi;
  pi.set_architecture("aarch64");
  pi.add_isa_features("asimd");
  CHECK(DeviceClassOf(pi, -1, 0xd08) == "arm-cortex-a72-neon");
  v1::DeviceFacts unknown;
  unknown.set_architecture("x86_64");
  unknown.set_cpu_model("Some (R) Core @ 2 GHz");
  CHECK(DeviceClassOf(unknown, 1, 2) == "some-r-core-2-ghz-scalar");
}

TEST_CASE("CpuListsAreParsedAndRefused") {
  CHECK(*ParseCpuList("0,2-3,2") == std::vector<int>{0, 2, 3});
  for (const char* bad : {"", "a", "3-1", "1-2-3", "-1", "0,", "100000"}) CHECK_FALSE(ParseCpuList(bad).ok());
}

}  // namespace tunefarm
