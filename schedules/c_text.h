// Pieces of C text.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace tunefarm::schedules {

// Lines with two spaces of indent per open block.
class CText {
 public:
  template <typename... Args>
  void Line(const Args&... args) {
    text_.append(indent_ * 2, ' ');
    absl::StrAppend(&text_, args...);
    text_.push_back('\n');
  }
  // A line that ends in " {", and the block after it.
  template <typename... Args>
  void Open(const Args&... args) {
    Line(args..., " {");
    ++indent_;
  }
  // A block of its own.
  void Open() {
    Line("{");
    ++indent_;
  }
  void Else() {
    --indent_;
    Line("} else {");
    ++indent_;
  }
  void Close() {
    --indent_;
    Line("}");
  }
  void CloseWhile(const std::string& condition) {
    --indent_;
    Line("} while (", condition, ");");
  }
  // Whole lines, as they are.
  void Raw(const std::string& lines) { text_ += lines; }
  void Blank() { text_.push_back('\n'); }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
  std::size_t indent_ = 0;
};

// A sum under construction: constants are added up, terms with factor 0 vanish. "0" when nothing is left.
class CSum {
 public:
  explicit CSum(int64_t constant = 0) : constant_(constant) {}
  void Add(int64_t constant) { constant_ += constant; }
  void Add(const std::string& term, int64_t factor) {
    if (factor == 0 || term.empty()) return;
    absl::StrAppend(&text_, text_.empty() ? "" : " + ", term);
    if (factor != 1) absl::StrAppend(&text_, " * ", factor);
  }
  bool is_constant() const { return text_.empty(); }
  std::string Text() const {
    if (text_.empty()) return absl::StrCat(constant_);
    if (constant_ == 0) return text_;
    return constant_ > 0 ? absl::StrCat(text_, " + ", constant_) : absl::StrCat(text_, " - ", -constant_);
  }

 private:
  int64_t constant_;
  std::string text_;
};

}  // namespace tunefarm::schedules
