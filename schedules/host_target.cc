#include "schedules/host_target.h"

#include <algorithm>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/file.h"

namespace tunefarm::schedules {
namespace {

struct CpuInfo {
  int processors = 0;
  std::set<std::string> features;  // Of the first core.
  std::string part;                // Arm: the core's part number, "0xd08".
};

CpuInfo ParseCpuInfo(absl::string_view text) {
  CpuInfo info;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(line, absl::MaxSplits(':', 1));
    const absl::string_view key = absl::StripAsciiWhitespace(pair.first);
    const absl::string_view value = absl::StripAsciiWhitespace(pair.second);
    if (key == "processor") ++info.processors;
    if ((key == "flags" || key == "Features") && info.features.empty()) {
      for (const absl::string_view word : absl::StrSplit(value, ' ', absl::SkipEmpty()))
        info.features.emplace(word);
    }
    if (key == "CPU part" && info.part.empty()) info.part = std::string(value);
  }
  return info;
}

std::string ReadStripped(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  return text.ok() ? std::string(absl::StripAsciiWhitespace(*text)) : "";
}

// "48K", "32768K", "1M"; 0 when it is anything else.
int64_t ParseSize(absl::string_view text) {
  int64_t unit = 1;
  if (absl::ConsumeSuffix(&text, "K"))
    unit = int64_t{1} << 10;
  else if (absl::ConsumeSuffix(&text, "M"))
    unit = int64_t{1} << 20;
  int64_t number = 0;
  if (!absl::SimpleAtoi(text, &number) || number < 0 || number > (int64_t{1} << 32)) return 0;
  return number * unit;
}

// How many CPUs "0-3,8" names; at least 1.
int64_t CountCpus(absl::string_view list) {
  int64_t count = 0;
  for (const absl::string_view range : absl::StrSplit(list, ',', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> ends =
        absl::StrSplit(range, absl::MaxSplits('-', 1));
    int64_t first = 0, last = 0;
    if (!absl::SimpleAtoi(ends.first, &first)) continue;
    if (!absl::SimpleAtoi(ends.second, &last)) last = first;
    if (last >= first && last - first < 65536) count += last - first + 1;
  }
  return std::max<int64_t>(count, 1);
}

void DetectCaches(const std::string& folder, Target& target) {
  for (int i = 0; i < 8; ++i) {
    const std::string index = absl::StrCat(folder, "/index", i);
    const std::string level = ReadStripped(index + "/level");
    const std::string type = ReadStripped(index + "/type");
    const int64_t size = ParseSize(ReadStripped(index + "/size"));
    if (size == 0 || (type != "Data" && type != "Unified")) continue;
    if (level == "1") target.l1d_bytes = size;
    if (level == "2") target.l2_bytes = size;
    if (level == "3") target.l3_bytes = size / CountCpus(ReadStripped(index + "/shared_cpu_list"));
  }
}

// Arm part numbers (MIDR_EL1) of the cores that have a target of their own.
std::string CoreOfPart(absl::string_view part) {
  if (part == "0xd03") return "cortex-a53";
  if (part == "0xd08") return "cortex-a72";
  if (part == "0xd0b") return "cortex-a76";
  return "";
}

bool CanRun(const CpuInfo& info, const Target& target) {
  return std::all_of(target.isa_features.begin(), target.isa_features.end(),
                     [&](const std::string& feature) { return info.features.count(feature) > 0; });
}

}  // namespace

absl::StatusOr<Target> DetectHostTarget(const std::string& root, absl::string_view architecture) {
  const std::string path = root + "/proc/cpuinfo";
  TUNEFARM_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  const CpuInfo info = ParseCpuInfo(text);

  // The best first. An Arm core without a target of its own gets the one with the same features.
  std::vector<std::string> candidates;
  if (architecture == "x86_64") candidates = {"x86-64-v4-vnni", "x86-64-v4", "x86-64-v3", "x86-64-v2"};
  if (architecture == "aarch64") {
    if (const std::string core = CoreOfPart(info.part); !core.empty()) candidates.push_back(core);
    candidates.insert(candidates.end(), {"cortex-a76", "cortex-a72"});
  }
  for (const std::string& name : candidates) {
    TUNEFARM_ASSIGN_OR_RETURN(Target target, FindTarget(name));
    if (!CanRun(info, target)) continue;
    DetectCaches(root + "/sys/devices/system/cpu/cpu0/cache", target);
    target.cores = std::max(info.processors, 1);
    return target;
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "no built-in target fits this machine (", architecture, ", features '",
      absl::StrJoin(info.features, " "), "' in ", path, "); give --target the path of a target file"));
}

}  // namespace tunefarm::schedules
