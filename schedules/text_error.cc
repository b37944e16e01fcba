#include "schedules/text_error.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"

namespace tunefarm::schedules {
namespace {

// A terminal's line, with room for the indent.
constexpr std::size_t kShown = 100;
constexpr std::size_t kQuoted = 40;

std::string Printable(absl::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  return result;
}

// Levenshtein's distance. Words here are short.
std::size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string PointAt(absl::string_view text, std::size_t position, absl::string_view message) {
  position = std::min(position, text.size());
  // The window keeps two thirds before the caret: what led to the error explains it.
  std::size_t begin = 0;
  if (text.size() > kShown && position > kShown * 2 / 3) begin = position - kShown * 2 / 3;
  const absl::string_view shown = text.substr(begin, kShown);
  const absl::string_view before = begin > 0 ? "..." : "";
  const absl::string_view after = begin + shown.size() < text.size() ? "..." : "";
  return absl::StrCat("column ", position + 1, ": ", message, "\n  ", before, Printable(shown), after, "\n  ",
                      std::string(before.size() + position - begin, ' '), "^");
}

std::string Quoted(absl::string_view text) {
  if (text.size() > kQuoted) return absl::StrCat("'", Printable(text.substr(0, kQuoted)), "...'");
  return absl::StrCat("'", Printable(text), "'");
}

std::string DidYouMean(absl::string_view word, const std::vector<std::string>& known) {
  if (word.size() > kQuoted) return "";
  const std::string* best = nullptr;
  std::size_t best_distance = 3;
  for (const std::string& candidate : known) {
    const std::size_t distance = EditDistance(word, candidate);
    if (distance < best_distance && 2 * distance <= std::max(word.size(), candidate.size())) {
      best = &candidate;
      best_distance = distance;
    }
  }
  return best == nullptr ? "" : absl::StrCat("; did you mean '", *best, "'?");
}

}  // namespace tunefarm::schedules
