#include "cli/table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/format.h"

namespace tunefarm::cli {

std::vector<std::string> Table::Lines(std::size_t width) const {
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    std::size_t widest = DisplayWidth(columns_[c].title);
    for (const auto& row : rows_) widest = std::max(widest, DisplayWidth(row[c]));
    widths.push_back(widest);
  }
  std::size_t total = columns_.empty() ? 0 : 2 * (columns_.size() - 1);
  for (const std::size_t w : widths) total += w;
  if (width > 0 && total > width) {
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      if (!columns_[c].flexible) continue;
      const std::size_t excess = total - width;
      const std::size_t shrunk = widths[c] > excess ? widths[c] - excess : 0;
      widths[c] = std::min(widths[c], std::max(shrunk, kMinFlexible));
    }
  }
  const auto line = [&](const auto& cell) {
    std::string text;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      const std::string shown = FitWidth(cell(c), widths[c]);
      const std::string space(widths[c] - DisplayWidth(shown), ' ');
      absl::StrAppend(&text, c == 0 ? "" : "  ", columns_[c].align == Align::kRight ? space : "", shown,
                      columns_[c].align == Align::kRight ? "" : space);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
  };
  std::vector<std::string> lines;
  lines.push_back(line([&](std::size_t c) { return columns_[c].title; }));
  for (const auto& row : rows_) lines.push_back(line([&](std::size_t c) { return row[c]; }));
  return lines;
}

std::string Table::ToString(std::size_t width) const {
  return absl::StrCat(absl::StrJoin(Lines(width), "\n"), "\n");
}

}  // namespace tunefarm::cli
