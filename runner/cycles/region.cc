#include "runner/cycles/region.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace tunefarm::cycles {
namespace {

using Words = std::vector<absl::string_view>;

bool TakeNumber(absl::string_view word, std::uint64_t* value) { return absl::SimpleAtoi(word, value); }

bool TakeRegion(const Words& words, Region* region) {
  return words.size() == 4 && TakeNumber(words[1], &region->instructions) &&
         TakeNumber(words[2], &region->loads) && TakeNumber(words[3], &region->stores);
}

bool TakeCache(const Words& words, Region* region) {
  CacheMisses& cache = region->caches.emplace_back();
  if (words.size() != 5) return false;
  cache.name = std::string(words[1]);
  return TakeNumber(words[2], &cache.fetch) && TakeNumber(words[3], &cache.load) &&
         TakeNumber(words[4], &cache.store);
}

bool TakeBlock(const Words& words, Region* region) {
  CodeBlock& block = region->blocks.emplace_back();
  if (words.size() != 6 || !absl::SimpleHexAtoi(words[1], &block.address) ||
      !TakeNumber(words[2], &block.executions) || !TakeNumber(words[3], &block.taken) ||
      block.taken > block.executions || words[4].empty()) {
    return false;
  }
  std::size_t bytes = 0;
  for (const char digit : words[4]) {
    if (digit != '2' && digit != '4') return false;
    block.sizes.push_back(static_cast<std::uint8_t>(digit - '0'));
    bytes += block.sizes.back();
  }
  const auto is_hex = [](char c) { return absl::ascii_isxdigit(static_cast<unsigned char>(c)); };
  if (words[5].size() != 2 * bytes || !std::all_of(words[5].begin(), words[5].end(), is_hex)) return false;
  block.code = absl::HexStringToBytes(words[5]);
  return true;
}

}  // namespace

absl::StatusOr<std::vector<Region>> ParseRegions(absl::string_view text) {
  std::vector<Region> regions;
  bool open = false;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    ++number;
    const Words words = absl::StrSplit(line, ' ');
    bool good = false;
    if (words[0] == "region") {
      good = !open && TakeRegion(words, &regions.emplace_back());
      open = true;
    } else if (open && words[0] == "cache") {
      good = TakeCache(words, &regions.back());
    } else if (open && words[0] == "block") {
      good = TakeBlock(words, &regions.back());
    } else if (open && line == "end") {
      good = true;
      open = false;
    }
    if (!good) return absl::DataLossError(absl::StrCat("line ", number, " of the counts is malformed"));
  }
  if (open) return absl::DataLossError("the counts are cut off: the emulator ended inside the region");
  return regions;
}

}  // namespace tunefarm::cycles
