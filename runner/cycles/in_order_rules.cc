#include "runner/cycles/in_order_rules.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace tunefarm::cycles {
namespace {

bool IsThumbFloat(absl::string_view text) {
  if (!absl::StartsWith(text, "v")) return false;
  for (const absl::string_view memory : {"vldr", "vldm", "vstr", "vstm", "vpush", "vpop"}) {
    if (absl::StartsWith(text, memory)) return false;
  }
  return true;
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

}  // namespace tunefarm::cycles
