#include "schedules/target.h"

#include <nlohmann/json.hpp>

#include "base/exit_code.h"
#include "base/file.h"
#include "schedules/host_target.h"
#include "tests/catch.h"

namespace tunefarm::schedules {
namespace {

TEST_CASE("BuiltinTargetsAreThoseOfTheDocumentation") {
  CHECK(BuiltinTargetNames() == std::vector<std::string>{"host", "cortex-a53", "cortex-a72", "cortex-a76",
                                                         "cortex-a9", "cortex-m4", "cortex-m55", "cortex-m7",
                                                         "x86-64-v2", "x86-64-v3", "x86-64-v4-vnni",
                                                         "x86-64-v4"});
  const Target v3 = FindTarget("x86-64-v3").value();
  CHECK(v3.architecture == "x86_64");
  CHECK(v3.lanes(4) == 8);
  CHECK(v3.vector_registers == 16);
  CHECK(v3.has_fma);
  CHECK(std::count(v3.isa_features.begin(), v3.isa_features.end(), "avx2") == 1);
  const Target v4 = FindTarget("x86-64-v4").value();
  CHECK(v4.lanes(4) == 16);
  CHECK(v4.vector_registers == 32);
  CHECK(!FindTarget("x86-64-v2").value().has_fma);
  CHECK(FindTarget("cortex-a72").value().compiler == "aarch64-linux-gnu-gcc");
  CHECK(FindTarget("cortex-a9").value().compiler == "arm-linux-gnueabihf-gcc");
}

TEST_CASE("TargetTextRoundTrips") {
  for (const std::string& name : BuiltinTargetNames()) {
    if (name == "host") continue;
    const Target target = FindTarget(name).value();
    CHECK(target.name == name);
    const Target again = ParseTarget(target.ToJson()).value();
    CHECK(again.ToJson() == target.ToJson());
  }
}

TEST_CASE("MalformedTargetNamesTheField") {
  const auto good = nlohmann::ordered_json::parse(FindTarget("x86-64-v3").value().ToJson());
  // The same target with one field replaced, or removed by null.
  const auto message = [&](const std::string& field, const nlohmann::ordered_json& value) {
    nlohmann::ordered_json json = good;
    if (value.is_null()) {
      json.erase(field);
    } else {
      json[field] = value;
    }
    const absl::Status status = ParseTarget(json.dump()).status();
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  for (const auto& [field, value] : good.items()) {
    INFO(field);
    CHECK(message(field, nullptr).find("'" + field + "' is missing") != std::string::npos);
    CHECK(message(field, nlohmann::ordered_json::object()).find("'" + field + "'") != std::string::npos);
  }
  CHECK(message("vector_bytes", 24).find("power of two") != std::string::npos);
  CHECK(message("vector_bytes", 1e300).find("'vector_bytes'") != std::string::npos);
  CHECK(message("l1d_bytes", -1).find("'l1d_bytes'") != std::string::npos);
  CHECK(message("l1d_bytes", 0xffffffffffffffffull).find("'l1d_bytes'") != std::string::npos);
  CHECK(message("cores", 0).find("'cores'") != std::string::npos);
  CHECK(message("name", "a b").find("'name'") != std::string::npos);
  CHECK(message("flags", {"-O3", 7}).find("'flags'") != std::string::npos);
  CHECK(message("vector_byte", 16).find("did you mean 'vector_bytes'?") != std::string::npos);
  CHECK(ParseTarget("{").status().message() == "target: not valid JSON");
  CHECK(ParseTarget("[]").status().message() == "target: not a JSON object");
}

TEST_CASE("KernelFormatIsASharedLibraryUnlessTheTargetSaysObject") {
  Target target = FindTarget("cortex-a72").value();
  CHECK(target.kernel_format == KernelFormat::kSharedLibrary);
  CHECK(target.ToJson().find("kernel_format") == std::string::npos);
  auto json = nlohmann::ordered_json::parse(target.ToJson());
  json["kernel_format"] = "object";
  target = ParseTarget(json.dump()).value();
  CHECK(target.kernel_format == KernelFormat::kObject);
  CHECK(ParseTarget(target.ToJson()).value().kernel_format == KernelFormat::kObject);
  json["kernel_format"] = "archive";
  CHECK(std::string(ParseTarget(json.dump()).status().message()).find("'kernel_format'") !=
        std::string::npos);
}

TEST_CASE("UnknownTargetListsTheKnownOnes") {
  const absl::Status status = FindTarget("x86-64-v5").status();
  CHECK(status.code() == absl::StatusCode::kNotFound);
  CHECK(ExitCodeOf(status) == ExitCode::kUnknownTarget);
  CHECK(std::string(status.message()).find("host, cortex-a53") != std::string::npos);
  CHECK(ExitCodeOf(FindTarget("").status()) == ExitCode::kUnknownTarget);
}

TEST_CASE("TargetFilesAreFoundByPath") {
  const TempDir dir = TempDir::Create().value();
  Target target = FindTarget("cortex-a72").value();
  target.name = "my-board";
  const std::string path = dir.path() + "/my-board.json";
  REQUIRE(WriteFileAtomic(path, target.ToJson()).ok());
  CHECK(FindTarget(path).value().name == "my-board");
  REQUIRE(WriteFileAtomic(path, "{\"name\": 7}").ok());
  const absl::Status malformed = FindTarget(path).status();
  CHECK(ExitCodeOf(malformed) == ExitCode::kUnknownTarget);
  CHECK(std::string(malformed.message()).find("field 'architecture' is missing") != std::string::npos);
  const absl::Status missing = FindTarget(dir.path() + "/none.json").status();
  CHECK(missing.code() == absl::StatusCode::kNotFound);
  CHECK(ExitCodeOf(missing) == ExitCode::kUnknownTarget);
}

// A machine made of files.
class Machine {
 public:
  explicit Machine(const std::string& cpuinfo) : dir_(TempDir::Create().value()) {
    Write("/proc", "cpuinfo", cpuinfo);
  }
  void AddCache(int index, const char* level, const char* type, const char* size, const char* cpus) {
    const std::string folder = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index);
    Write(folder, "level", level);
    Write(folder, "type", type);
    Write(folder, "size", size);
    Write(folder, "shared_cpu_list", cpus);
  }
  const std::string& root() const { return dir_.path(); }

 private:
  void Write(const std::string& folder, const std::string& name, const std::string& text) {
    REQUIRE(MakeDirectories(dir_.path() + folder).ok());
    REQUIRE(WriteFileAtomic(dir_.path() + folder + "/" + name, text + "\n").ok());
  }
  TempDir dir_;
};

const char kV2[] = "fpu sse sse2 ssse3 sse4_1 sse4_2 popcnt";
const char kV3[] = "fpu sse sse2 ssse3 sse4_1 sse4_2 popcnt fma movbe avx f16c abm bmi1 avx2 bmi2";

std::string X86(const std::string& flags, int processors = 1) {
  std::string text;
  for (int i = 0; i < processors; ++i) {
    text += "processor\t: " + std::to_string(i) + "\nmodel name\t: Some CPU: @ 3 GHz\nflags\t\t: " + flags +
            "\n\n";
  }
  return text;
}

TEST_CASE("HostIsTheBestLevelThatTheMachineHas") {
  const auto name = [](const std::string& flags) {
    const Machine machine(X86(flags));
    return DetectHostTarget(machine.root(), "x86_64").value().name;
  };
  CHECK(name(kV2) == "x86-64-v2");
  CHECK(name(kV3) == "x86-64-v3");
  const std::string v4 = std::string(kV3) + " avx512f avx512dq avx512cd avx512bw avx512vl";
  CHECK(name(v4) == "x86-64-v4");
  CHECK(name(v4 + " avx512_vnni") == "x86-64-v4-vnni");
  // Xeon Phi has avx512f without the rest of the level; a machine without fma is not of level 3.
  CHECK(name(std::string(kV3) + " avx512f avx512cd") == "x86-64-v3");
  CHECK(name(std::string(kV2) + " avx movbe avx2 bmi1 bmi2 f16c abm") == "x86-64-v2");
}

TEST_CASE("HostHasItsOwnCachesAndCores") {
  Machine machine(X86(kV3, 4));
  machine.AddCache(0, "1", "Data", "48K", "0");
  machine.AddCache(1, "1", "Instruction", "64K", "0");
  machine.AddCache(2, "2", "Unified", "1024K", "0");
  machine.AddCache(3, "3", "Unified", "32M", "0-3,8-11");
  const Target target = DetectHostTarget(machine.root(), "x86_64").value();
  CHECK(target.name == "x86-64-v3");
  CHECK(target.cores == 4);
  CHECK(target.l1d_bytes == 48 << 10);
  CHECK(target.l2_bytes == 1 << 20);
  CHECK(target.l3_bytes == 4 << 20);  // An eighth of 32 MiB.
}

TEST_CASE("HostWithoutCacheFactsKeepsThoseOfItsLevel") {
  const Target level = FindTarget("x86-64-v3").value();
  Machine machine(X86(kV3));
  Target target = DetectHostTarget(machine.root(), "x86_64").value();
  CHECK(target.l1d_bytes == level.l1d_bytes);
  CHECK(target.l2_bytes == level.l2_bytes);
  // Some hypervisors give files without sense.
  machine.AddCache(0, "1", "Data", "0K", "");
  machine.AddCache(1, "2", "Unified", "lots", "x-y");
  target = DetectHostTarget(machine.root(), "x86_64").value();
  CHECK(target.l1d_bytes == level.l1d_bytes);
  CHECK(target.l2_bytes == level.l2_bytes);
  CHECK(target.cores == 1);
}

TEST_CASE("ArmHostIsFoundByPartNumberElseByFeatures") {
  const auto name = [](const std::string& features, const std::string& part) {
    const Machine machine("processor\t: 0\nFeatures\t: " + features + "\nCPU part\t: " + part + "\n");
    return DetectHostTarget(machine.root(), "aarch64").value().name;
  };
  const std::string v82 = "fp asimd evtstrm crc32 atomics fphp asimdhp asimddp";
  CHECK(name("fp asimd crc32", "0xd03") == "cortex-a53");
  CHECK(name("fp asimd crc32", "0xd08") == "cortex-a72");
  CHECK(name(v82, "0xd0b") == "cortex-a76");
  CHECK(name(v82, "0xd4f") == "cortex-a76");
  CHECK(name("fp asimd", "0xd4f") == "cortex-a72");
}

TEST_CASE("MachineWithoutATargetIsToldWhatItHas") {
  const Machine machine(X86("fpu sse sse2"));
  const absl::Status status = DetectHostTarget(machine.root(), "x86_64").status();
  CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(std::string(status.message()).find("fpu sse sse2") != std::string::npos);
  CHECK(DetectHostTarget(machine.root(), "riscv64").status().code() == absl::StatusCode::kFailedPrecondition);
  CHECK(DetectHostTarget(machine.root() + "/nowhere", "x86_64").status().code() ==
        absl::StatusCode::kNotFound);
}

TEST_CASE("ThisMachineHasAHostTarget") {
  const absl::StatusOr<Target> target = FindTarget("host");
  INFO(target.status().message());
  REQUIRE(target.ok());
  CHECK(target->cores >= 1);
  CHECK(FindTarget(target->name).ok());
}

}  // namespace
}  // namespace tunefarm::schedules
