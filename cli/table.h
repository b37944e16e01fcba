// A table of text: columns as wide as their content, headings above, two spaces between. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace tunefarm::cli {

enum class Align { kLeft, kRight };

struct Column {
  std::string title;
  Align align = Align::kLeft;
  bool flexible = false;  // Shortened (FitWidth) when the table is wider than allowed. At most one.
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // As many cells as columns.
  void AddRow(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.empty(); }

  // The heading and the rows, none wider than `width` as long as shortening the flexible column to
  // kMinFlexible suffices; 0: no limit. No trailing spaces.
  std::vector<std::string> Lines(std::size_t width = 0) const;
  // The same, each line ended.
  std::string ToString(std::size_t width = 0) const;

  static constexpr std::size_t kMinFlexible = 8;  // Below this a label tells nothing any more.

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace tunefarm::cli
