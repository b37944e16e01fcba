#include "runner/cycles/in_order_rules.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace tunefarm::cycles {
namespace {

bool StartsWithAny(absl::string_view text, std::initializer_list<absl::string_view> beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [&](absl::string_view beginning) { return absl::StartsWith(text, beginning); });
}

bool IsThumbFloat(absl::string_view text) {
  return absl::StartsWith(text, "v") &&
         !StartsWithAny(text, {"vldr", "vldm", "vstr", "vstm", "vpush", "vpop"});
}

bool IsIt(absl::string_view text) {
  return text.size() > 1 && text[0] == 'i' && text[1] == 't' &&
         text.find_first_not_of("te", 2) == text.find_first_of("\t ", 2);
}

int FullVectors(absl::string_view text) {
  int count = 0;
  for (const absl::string_view arrangement : {".16b", ".8h", ".4s", ".2d"}) {
    for (std::size_t at = text.find(arrangement); at != absl::string_view::npos;
         at = text.find(arrangement, at + 1)) {
      ++count;
    }
  }
  return count;
}

// How many 128-bit registers it loads.
int WideLoads(absl::string_view text) {
  if (absl::StartsWith(text, "ldp\tq")) return 2;
  if (absl::StartsWith(text, "ldr\tq") || absl::StartsWith(text, "ldur\tq")) return 1;
  return FullVectors(text);  // LD1 to LD4 name each.
}

// Of a load or store of Thumb's: 128 bits a cycle, and one more to put what was loaded into lanes.
double TransferCycles(absl::string_view text) {
  const std::size_t list = text.find('{');
  if (list == absl::string_view::npos) return 1;
  const absl::string_view registers = text.substr(list, text.find('}') - list);
  const double bits = static_cast<double>(std::count(registers.begin(), registers.end(), 'd')) * 64 +
                      static_cast<double>(std::count(registers.begin(), registers.end(), 's')) * 32;
  const bool lanes = absl::StartsWith(text, "vld") && absl::StrContains(registers, "[");
  return std::ceil(bits / 128) + (lanes ? 1 : 0);
}

}  // namespace

std::vector<Listing> PartFloat(const Listing& listing) {
  if (std::any_of(listing.begin(), listing.end(), IsIt)) return {listing};
  std::vector<Listing> parts(2);
  for (const std::string& text : listing) parts[IsThumbFloat(text) ? 0 : 1].push_back(text);
  if (parts[0].empty() || parts[1].empty()) return {listing};
  return parts;
}

double NarrowSimdFloor(const Listing& listing, bool loads) {
  double cycles = 0;
  for (const std::string& text : listing) {
    if (absl::StartsWith(text, "st")) continue;
    if (absl::StartsWith(text, "ld")) {
      if (loads) cycles += WideLoads(text);
    } else {
      cycles += FullVectors(text) > 0 ? 1 : 0;
    }
  }
  return cycles;
}

double SerialNeonFloor(const Listing& listing) {
  double cycles = 0;
  for (const std::string& text : listing) {
    if (!absl::StartsWith(text, "v")) continue;
    if (StartsWithAny(text, {"vld", "vst", "vpush", "vpop"})) {
      cycles += TransferCycles(text);
      continue;
    }
    const bool wide = absl::StrContains(text, "\tq");
    const bool slow = absl::StrContains(text, ".f32") ||
                      StartsWithAny(text, {"vpadal", "vqrdmulh", "vmul.i32", "vmla.i32", "vmull.s32",
                                           "vmull.u32", "vmlal.s32", "vmlal.u32"});
    cycles += wide && slow ? 2 : 1;
  }
  return cycles;
}

void PredictBranches(Listing* listing) {
  for (std::string& text : *listing) {
    if (absl::StartsWith(text, "b.")) text = absl::StrCat("b", text.substr(text.find_first_of("\t ")));
  }
}

}  // namespace tunefarm::cycles
