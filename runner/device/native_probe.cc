#include "runner/device/native_probe.h"

#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>
#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/file.h"

namespace tunefarm {
namespace {

// The features that decide which code a core can run and how fast; the rest of the flags is noise here.
constexpr std::array kFeatures = {
    "sse4_2", "avx", "f16c", "fma", "avx2", "avx_vnni", "avx512f", "avx512bw", "avx512cd", "avx512dq",
    "avx512vl", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16",
    // /proc/cpuinfo of aarch64.
    "asimd", "fphp", "asimdhp", "asimddp", "sve", "sve2", "i8mm", "bf16", "neon", "vfpv4"};

std::string ReadTrimmed(const std::string& path) {
  const absl::StatusOr<std::string> content = ReadFile(path);
  return content.ok() ? std::string(absl::StripAsciiWhitespace(*content)) : "";
}

// The first processor's block, keys without their padding.
std::map<std::string, std::string> CpuInfo(const std::string& proc) {
  std::map<std::string, std::string> values;
  for (absl::string_view line : absl::StrSplit(ReadTrimmed(proc + "/cpuinfo"), '\n')) {
    const std::pair<std::string, std::string> entry = absl::StrSplit(line, absl::MaxSplits(':', 1));
    values.emplace(absl::StripAsciiWhitespace(entry.first), absl::StripAsciiWhitespace(entry.second));
  }
  return values;
}

int Number(const std::map<std::string, std::string>& values, const std::string& key) {
  const auto found = values.find(key);
  if (found == values.end()) return -1;
  int number = -1;
  if (absl::SimpleAtoi(found->second, &number)) return number;
  if (absl::SimpleHexAtoi(found->second, &number)) return number;
  return -1;
}

std::uint64_t Bytes(const std::string& text) {
  std::uint64_t number = 0;
  absl::string_view digits = text;
  std::uint64_t unit = 1;
  if (!digits.empty() && digits.back() == 'K') unit = 1 << 10;
  if (!digits.empty() && digits.back() == 'M') unit = 1 << 20;
  if (unit > 1) digits.remove_suffix(1);
  return absl::SimpleAtoi(digits, &number) ? number * unit : 0;
}

void SetCache(v1::DeviceFacts& facts, int level, std::uint64_t bytes) {
  if (bytes == 0) return;
  if (level == 1) facts.set_l1d_bytes(bytes);
  if (level == 2) facts.set_l2_bytes(bytes);
  if (level == 3) facts.set_l3_bytes(bytes);
}

void CachesFromSys(const std::string& sys, int cpu, v1::DeviceFacts& facts) {
  for (int index = 0; index < 8; ++index) {
    const std::string folder = absl::StrCat(sys, "/devices/system/cpu/cpu", cpu, "/cache/index", index);
    const std::string level = ReadTrimmed(folder + "/level");
    if (level.empty()) return;
    int number = 0;
    if (ReadTrimmed(folder + "/type") != "Instruction" && absl::SimpleAtoi(level, &number)) {
      SetCache(facts, number, Bytes(ReadTrimmed(folder + "/size")));
    }
  }
}

// Deterministic cache parameters: leaf 4 (Intel) and 0x8000001d (AMD) have the same layout.
void CachesFromCpuid([[maybe_unused]] v1::DeviceFacts& facts) {
#if defined(__x86_64__)
  for (const unsigned leaf : {0x4u, 0x8000001du}) {
    for (unsigned index = 0; index < 8; ++index) {
      unsigned a = 0, b = 0, c = 0, d = 0;
      if (__get_cpuid_count(leaf, index, &a, &b, &c, &d) == 0) break;
      const unsigned type = a & 31;
      if (type == 0) break;
      if (type == 2) continue;  // Instructions.
      const std::uint64_t ways = (b >> 22) + 1;
      const std::uint64_t partitions = ((b >> 12) & 0x3ff) + 1;
      const std::uint64_t line = (b & 0xfff) + 1;
      SetCache(facts, static_cast<int>((a >> 5) & 7), ways * partitions * line * (std::uint64_t{c} + 1));
    }
  }
#endif
}

std::string WidestIsa(const v1::DeviceFacts& facts) {
  const auto has = [&facts](absl::string_view name) {
    return std::find(facts.isa_features().begin(), facts.isa_features().end(), name) !=
           facts.isa_features().end();
  };
  if (has("avx512f")) return "avx512";
  if (has("avx2")) return "avx2";
  if (has("avx")) return "avx";
  if (has("sse4_2")) return "sse4";
  if (has("sve2")) return "sve2";
  if (has("sve")) return "sve";
  if (has("asimddp")) return "neon-dot";
  if (has("asimd") || has("neon")) return "neon";
  return "scalar";
}

std::string AmdGeneration(int family, int model) {
  // AMD's revision guides: family 17h Zen and Zen 2, 19h Zen 3 and Zen 4, 1ah Zen 5.
  if (family == 0x17) return model >= 0x30 ? "zen2" : "zen";
  if (family == 0x19) {
    const bool zen4 = (model >= 0x10 && model <= 0x1f) || (model >= 0x60 && model <= 0x7f) ||
                      (model >= 0xa0 && model <= 0xaf);
    return zen4 ? "zen4" : "zen3";
  }
  if (family == 0x1a) return "zen5";
  return "";
}

std::string ArmCore(int part) {
  // Main ID register, part numbers of implementer 0x41 (Arm's technical reference manuals).
  static const std::map<int, std::string> kCores = {
      {0xd03, "cortex-a53"},  {0xd04, "cortex-a35"},  {0xd05, "cortex-a55"}, {0xd07, "cortex-a57"},
      {0xd08, "cortex-a72"},  {0xd09, "cortex-a73"},  {0xd0a, "cortex-a75"}, {0xd0b, "cortex-a76"},
      {0xd0c, "neoverse-n1"}, {0xd40, "neoverse-v1"}, {0xd41, "cortex-a78"}, {0xd49, "neoverse-n2"},
      {0xd4f, "neoverse-v2"}, {0xc07, "cortex-a7"}};
  const auto found = kCores.find(part);
  return found != kCores.end() ? found->second : "";
}

// Lower case letters, digits and single dashes.
std::string Slug(const std::string& text) {
  std::string slug;
  for (const char c : text) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c))) {
      slug += absl::ascii_tolower(static_cast<unsigned char>(c));
    } else if (!slug.empty() && slug.back() != '-') {
      slug += '-';
    }
  }
  while (!slug.empty() && slug.back() == '-') slug.pop_back();
  return slug;
}

// What the system tells this process itself. Under an emulator /proc describes the machine below it.
std::vector<std::string> OwnFeatures() {
  std::vector<std::string> features;
#if defined(__aarch64__)
  const unsigned long first = getauxval(AT_HWCAP), second = getauxval(AT_HWCAP2);
  const auto add = [&features](bool there, const char* name) {
    if (there) features.emplace_back(name);
  };
  add((first & HWCAP_ASIMD) != 0, "asimd");
  add((first & HWCAP_FPHP) != 0, "fphp");
  add((first & HWCAP_ASIMDHP) != 0, "asimdhp");
  add((first & HWCAP_ASIMDDP) != 0, "asimddp");
  add((first & HWCAP_SVE) != 0, "sve");
  add((second & HWCAP2_I8MM) != 0, "i8mm");
  add((second & HWCAP2_BF16) != 0, "bf16");
#endif
  return features;
}

}  // namespace

std::string DeviceClassOf(const v1::DeviceFacts& facts, int family, int model) {
  std::string core;
  if (facts.architecture() == "x86_64" && absl::StartsWith(facts.cpu_model(), "AMD")) {
    const std::string generation = AmdGeneration(family, model);
    if (!generation.empty()) core = "amd-" + generation;
  } else if (facts.architecture() == "x86_64" && absl::StartsWith(facts.cpu_model(), "Intel") && model >= 0) {
    core = absl::StrCat("intel-", family, "-", model);
  } else if (facts.architecture() == "aarch64" || facts.architecture() == "armv7l") {
    core = ArmCore(model);
    if (!core.empty()) core = "arm-" + core;
  }
  if (core.empty()) core = Slug(facts.cpu_model().empty() ? facts.architecture() : facts.cpu_model());
  return absl::StrCat(core, "-", WidestIsa(facts));
}

v1::DeviceFacts ProbeNative(const ProbeRoots& roots, int cpu) {
  v1::DeviceFacts facts;
  facts.set_kind("native");
  utsname names{};
  uname(&names);
  facts.set_architecture(names.machine);
  facts.set_kernel_release(ReadTrimmed(roots.proc + "/sys/kernel/osrelease"));
  facts.set_boot_id(ReadTrimmed(roots.proc + "/sys/kernel/random/boot_id"));
  facts.set_governor(Governor(roots, cpu));

  const std::map<std::string, std::string> info = CpuInfo(roots.proc);
  const auto text = [&info](const std::string& key) {
    const auto found = info.find(key);
    return found != info.end() ? found->second : std::string();
  };
  const std::string board = text("Model");  // Raspberry Pi and others.
  facts.set_cpu_model(!text("model name").empty() ? text("model name") : board);
  std::vector<std::string> flags =
      absl::StrSplit(!text("flags").empty() ? text("flags") : text("Features"), ' ');
  if (roots.real && facts.architecture() == "aarch64" && text("Features").empty()) {
    flags = OwnFeatures();
    facts.clear_cpu_model();  // The machine's below the emulator.
  }
  for (const char* feature : kFeatures) {
    if (std::find(flags.begin(), flags.end(), feature) != flags.end()) facts.add_isa_features(feature);
  }
  for (absl::string_view line : absl::StrSplit(ReadTrimmed(roots.proc + "/meminfo"), '\n')) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    std::uint64_t kib = 0;
    if (words.size() >= 2 && words[0] == "MemTotal:" && absl::SimpleAtoi(words[1], &kib))
      facts.set_memory_bytes(kib << 10);
  }
  CachesFromSys(roots.sys, cpu, facts);
  if (roots.real && facts.l1d_bytes() == 0) CachesFromCpuid(facts);
  const bool arm = Number(info, "CPU part") >= 0;
  facts.set_device_class(
      DeviceClassOf(facts, Number(info, "cpu family"), Number(info, arm ? "CPU part" : "model")));
  return facts;
}

absl::StatusOr<std::vector<int>> ParseCpuList(const std::string& text) {
  const auto bad = [&text] {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not a list of cpus such as 0,2-3"));
  };
  std::vector<int> cpus;
  for (const std::string& part : std::vector<std::string>(absl::StrSplit(text, ','))) {
    const std::vector<std::string> ends = absl::StrSplit(part, '-');
    int first = 0;
    int last = 0;
    if (ends.size() > 2 || !absl::SimpleAtoi(ends[0], &first) || !absl::SimpleAtoi(ends.back(), &last))
      return bad();
    if (first < 0 || last < first || last >= CPU_SETSIZE) return bad();
    for (int cpu = first; cpu <= last; ++cpu) {
      if (std::find(cpus.begin(), cpus.end(), cpu) == cpus.end()) cpus.push_back(cpu);
    }
  }
  return cpus;
}

std::vector<int> AllowedCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return {0};
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

std::string Governor(const ProbeRoots& roots, int cpu) {
  return ReadTrimmed(absl::StrCat(roots.sys, "/devices/system/cpu/cpu", cpu, "/cpufreq/scaling_governor"));
}

double Temperature(const ProbeRoots& roots) {
  double hottest = 0;
  for (int zone = 0; zone < 32; ++zone) {
    const std::string text =
        ReadTrimmed(absl::StrCat(roots.sys, "/class/thermal/thermal_zone", zone, "/temp"));
    double millidegrees = 0;
    if (text.empty()) break;
    if (absl::SimpleAtod(text, &millidegrees)) hottest = std::max(hottest, millidegrees * 1e-3);
  }
  return hottest;
}

double Load(const ProbeRoots& roots) {
  const std::vector<std::string> words = absl::StrSplit(ReadTrimmed(roots.proc + "/loadavg"), ' ');
  double load = 0;
  return absl::SimpleAtod(words[0], &load) ? load : 0;
}

}  // namespace tunefarm
