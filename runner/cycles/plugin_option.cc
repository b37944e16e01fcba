#include <unistd.h>

#include <bit>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "base/file.h"
#include "runner/cycles/estimator.h"
#include "runner/cycles/plugin/cache.h"

namespace tunefarm::cycles {
namespace {

bool IsName(const std::string& name) {
  for (const char c : name) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '_' && c != '-') return false;
  }
  return !name.empty() && name.size() < kMaxCacheName;
}

// The plugin checks the geometry as well; here a person is told what is wrong with it.
absl::Status Check(const CacheSpec& cache) {
  const auto refuse = [&cache](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat("the cache '", cache.name, "' ", why));
  };
  const std::uint32_t sector = cache.sector_bytes == 0 ? cache.line_bytes : cache.sector_bytes;
  if (!IsName(cache.name)) return refuse("needs a short name of letters, digits, '_' and '-'");
  if (cache.level != 1 && cache.level != 2) return refuse("is of neither level 1 nor 2");
  if (!std::has_single_bit(cache.line_bytes) || cache.line_bytes < 4 || cache.line_bytes > 256) {
    return refuse("has lines that are not a power of two from 4 to 256 bytes");
  }
  if (!std::has_single_bit(sector) || sector < 4 || sector > cache.line_bytes) {
    return refuse("has sectors that are not a power of two from 4 bytes to its line");
  }
  const std::uint64_t lines = cache.bytes / cache.line_bytes;
  const std::uint64_t ways = cache.ways == 0 ? lines : cache.ways;
  if (lines == 0 || cache.bytes % cache.line_bytes != 0 || lines > 1u << 20 || ways > lines ||
      lines % ways != 0 || !std::has_single_bit(lines / ways)) {
    return refuse("has bytes that are not a power of two times its ways and lines");
  }
  if (cache.ranges.size() > kMaxRanges) return refuse("has more than 4 ranges");
  for (const AddressRange& range : cache.ranges) {
    if (range.end <= range.begin) return refuse("has an empty range");
  }
  return absl::OkStatus();
}

char Letter(Serves serves) {
  switch (serves) {
    case Serves::kFetch:
      return 'i';
    case Serves::kData:
      return 'd';
    case Serves::kBoth:
      break;
  }
  return 'u';
}

std::string Text(const CacheSpec& cache) {
  std::string text = absl::StrFormat("%s:%c:%d:%d:%d:%d:%d", cache.name, Letter(cache.serves), cache.level,
                                     cache.bytes, cache.line_bytes, cache.sector_bytes, cache.ways);
  if (!cache.ranges.empty()) {
    const auto range = [](std::string* out, const AddressRange& r) {
      absl::StrAppendFormat(out, "0x%x-0x%x", r.begin, r.end);
    };
    absl::StrAppend(&text, ":", absl::StrJoin(cache.ranges, "+", range));
  }
  return text;
}

}  // namespace

absl::StatusOr<std::string> PluginPath() {
  std::string plugin = ProgramDirectory() + "/tunefarm-cycles.so";
  if (access(plugin.c_str(), R_OK) == 0) return plugin;
  return absl::NotFoundError(
      absl::StrCat("the QEMU plugin ", plugin, " is missing: install it beside the programs"));
}

absl::StatusOr<std::string> PluginOption(const ModelSpec& spec, const std::string& plugin,
                                         const std::string& out, std::uint64_t begin, std::uint64_t end) {
  if (spec.caches.size() > kMaxCaches) {
    return absl::InvalidArgumentError(absl::StrCat("more than ", static_cast<int>(kMaxCaches), " caches"));
  }
  // A comma ends a value for QEMU; two are one.
  const auto quoted = [](const std::string& path) { return absl::StrReplaceAll(path, {{",", ",,"}}); };
  std::string option =
      absl::StrFormat("file=%s,out=%s,begin=0x%x,end=0x%x", quoted(plugin), quoted(out), begin, end);
  for (std::size_t i = 0; i < spec.caches.size(); ++i) {
    TUNEFARM_RETURN_IF_ERROR(Check(spec.caches[i]));
    absl::StrAppend(&option, ",cache", i, "=", Text(spec.caches[i]));
  }
  return option;
}

absl::StatusOr<std::string> PluginOption(const ModelSpec& spec, const std::string& out, std::uint64_t begin,
                                         std::uint64_t end) {
  TUNEFARM_ASSIGN_OR_RETURN(const std::string plugin, PluginPath());
  return PluginOption(spec, plugin, out, begin, end);
}

}  // namespace tunefarm::cycles
