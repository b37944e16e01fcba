// Strassen's algorithm in Winograd's form (1971), one level, as DotBilinearPrinter prints it. With the
// matrices cut into quarters, A11 the first rows' first terms, B11 the first terms' first columns,
//
//   S1 = A21 + A22, S2 = S1 - A11, S3 = A11 - A21, S4 = A12 - S2
//   T1 = B12 - B11, T2 = B22 - T1, T3 = B22 - B12, T4 = T2 - B21
//   P0 = A11 B11, P1 = A12 B21, P2 = S4 B22, P3 = A22 T4, P4 = S1 T1, P5 = S2 T2, P6 = S3 T3
//   C11 = P0 + P1, C12 = P0 + P5 + P4 + P2, C21 = P0 + P5 + P6 - P3, C22 = P0 + P5 + P6 + P4
//
// One level cuts the matrices into 2 x 2 parts; the second does the same with each of the seven products, so
// that its transforms follow those of the first. A tile is a row of each part of the rows. Terms that a last
// part has less than the others meet weights of 0, whatever is read for them. An input less its zero point,
// added up four times, has 11 bits and a weight 10, or 13 and 12 after two levels.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "schedules/dot_bilinear_forms.h"
#include "schedules/dot_bilinear_printer.h"

namespace tunefarm::schedules {
namespace {

const std::vector<std::string>& InputStatements() {
  static const auto* statements = new std::vector<std::string>{
      "y0 = x0;",           "y1 = x1;",      "y2 = x1 - (x2 + x3 - x0);", "y3 = x3;", "y4 = x2 + x3;",
      "y5 = x2 + x3 - x0;", "y6 = x0 - x2;",
  };
  return *statements;
}

// x0, x1: B11, B12; x2, x3: B21, B22.
const std::vector<std::string>& WeightStatements() {
  static const auto* statements = new std::vector<std::string>{
      "y0 = x0;",      "y1 = x2;",
      "y2 = x3;",      "y3 = x3 - (x1 - x0) - x2;",
      "y4 = x1 - x0;", "y5 = x3 - (x1 - x0);",
      "y6 = x3 - x1;",
  };
  return *statements;
}

const std::vector<std::string>& OutputStatements() {
  static const auto* statements = new std::vector<std::string>{
      "y0 = x0 + x1;",
      "y1 = (x0 + x5) + (x4 + x2);",
      "y2 = (x0 + x5) + (x6 - x3);",
      "y3 = (x0 + x5) + (x6 + x4);",
  };
  return *statements;
}

class DotStrassenPrinter final : public DotBilinearPrinter {
 public:
  explicit DotStrassenPrinter(const DotBilinearInput& input)
      : DotBilinearPrinter(input),
        p_(PartsOf(facts_, options_.dot->roles, form_.strassen_levels)),
        parts_(p_.parts()) {}

 private:
  static constexpr int kQuarters = 4, kProducts = 7;  // Of a level.
  const DotRoles& roles() const { return options_.dot->roles; }
  // The part that a quarter of the first level and one of the second come to, of rows (high: the quarter's
  // first bit) or of terms or columns.
  int Part(int outer, int inner, bool high) const {
    const int first = high ? outer / 2 : outer % 2, second = high ? inner / 2 : inner % 2;
    return p_.levels == 1 ? first : 2 * first + second;
  }

  // Statements from x(quarter) to y(product), or back, of one level after the other. `from` and `to` take the
  // numbers of the first and of the second level.
  template <typename From, typename To>
  void TransformLevels(const char* type, int inputs, const std::vector<std::string>& statements,
                       const From& from, const To& to) {
    const int outputs = static_cast<int>(statements.size());
    const auto level = [&](const auto& source, const auto& destination) {
      for (int i = 0; i < inputs; ++i) c_.Line("const ", type, " x", i, " = ", source(i), ";");
      for (const std::string& statement : statements) c_.Line("const ", type, " ", statement);
      for (int i = 0; i < outputs; ++i) c_.Line(destination(i, absl::StrCat("y", i)), ";");
    };
    if (p_.levels == 1) {
      c_.Open();
      level([&](int i) { return from(i, 0); },
            [&](int i, const std::string& value) { return to(i, 0, value); });
      c_.Close();
      return;
    }
    c_.Line(type, " half[", outputs, "][", inputs, "];");
    for (int inner = 0; inner < inputs; ++inner) {
      c_.Open();
      level([&](int i) { return from(i, inner); },
            [&](int i, const std::string& value) {
              return absl::StrCat("half[", i, "][", inner, "] = ", value);
            });
      c_.Close();
    }
    for (int outer = 0; outer < outputs; ++outer) {
      c_.Open();
      level([&](int i) { return absl::StrCat("half[", outer, "][", i, "]"); },
            [&](int i, const std::string& value) { return to(outer, i, value); });
      c_.Close();
    }
  }
  int Point(int outer, int inner) const { return p_.levels == 1 ? outer : outer * kProducts + inner; }
  int Result(int outer, int inner) const { return p_.levels == 1 ? outer : outer * kQuarters + inner; }

  void PrintTransforms() override {
    c_.Line("// Sums of the parts of a tile's rows; `to` holds a point every ", s_.tile_stride, " elements.");
    c_.Open("static inline void transform_input(const int8_t* const* rows, long part, long c, int16_t* to)");
    const int zero = requantize().input_zero_point;
    const std::string less = zero == 0 ? "" : absl::StrCat(" - ", static_cast<uint16_t>(zero));
    TransformLevels(
        "halves", kQuarters, InputStatements(),
        [&](int outer, int inner) {
          return absl::StrCat("load_bytes(rows[", Part(outer, inner, true), "] + c + ",
                              Part(outer, inner, false), " * part)", less);
        },
        [&](int outer, int inner, const std::string& value) {
          return absl::StrCat("store_halves(to + ", Point(outer, inner) * s_.tile_stride, ", ", value, ")");
        });
    c_.Close();
    if (kernel_.paired) {
      c_.Line("// What products of sums have too much in them, of a tile's results.");
      c_.Open("static inline void transform_pairs(const int16_t* tile, uint32_t* to)");
      TransformLevels(
          "uint32_t", kProducts, OutputStatements(),
          [&](int outer, int inner) {
            return absl::StrCat("sum_window(tile + ", Point(outer, inner) * s_.tile_stride, ", ", s_.groups,
                                ")");
          },
          [&](int outer, int inner, const std::string& value) {
            return absl::StrCat("to[", Result(outer, inner), "] = ", value);
          });
      c_.Close();
    }
    c_.Line(
        "// A vector of channels of each part of the columns, for the tile's rows. `row` and `column` are "
        "those of",
        " the first part.");
    c_.Open("static inline void transform_output(const int32_t* from, ",
            kernel_.paired ? "const uint32_t* pairs, " : "",
            "const int32_t* channels, int8_t* out, long row, long column)");
    c_.Line("words sum[", form_.results, "];");
    TransformLevels(
        "words", kProducts, OutputStatements(),
        [&](int outer, int inner) {
          return absl::StrCat("load_words(from + ", Point(outer, inner) * s_.product_stride, ")");
        },
        [&](int outer, int inner, const std::string& value) {
          const int result = Result(outer, inner);
          return absl::StrCat("sum[", result, "] = ", value,
                              kernel_.paired ? absl::StrCat(" - pairs[", result, "]") : "");
        });
    c_.Line("(void)row, (void)column;");
    for (int part = 0; part < parts_; ++part) StorePart(part);
    c_.Close();
  }

  // The tile's results in a part of the columns.
  void StorePart(int part) {
    const int64_t first = part * s_.co, left = p_.columns - first;
    if (left <= 0) return;
    const bool whole = left >= s_.co;
    if (whole) {
      c_.Open();
    } else {
      c_.Open("if (column < ", left, ")");
      c_.Line("const int valid = (int)min_long(", left, " - column, ", lanes_, ");");
    }
    c_.Line("const int32_t* channel = channels + ", first * fields(), ";");
    const std::string parameters = LoadParameters();
    const int quarters = p_.levels == 1 ? 1 : kQuarters;
    for (int outer = 0; outer < kQuarters; ++outer) {
      for (int inner = 0; inner < quarters; ++inner) {
        if (Part(outer, inner, false) != part) continue;
        const int row_part = Part(outer, inner, true);
        const int64_t above = row_part * p_.row_part;
        if (above >= p_.rows) continue;
        const bool exists = above + p_.row_part <= p_.rows;
        c_.Line(exists ? "" : absl::StrCat("if (row < ", p_.rows - above, ") "), "store_channels(out + ",
                above * facts_.output.stride[roles().rows] + first, ", requantize((sums)(sum[",
                Result(outer, inner), "] + (words)bias)", parameters, "), ",
                whole ? absl::StrCat(lanes_) : "valid", ");");
      }
    }
    c_.Close();
  }

  void PrintWeights() override {
    const int64_t channel = facts_.rhs.stride[roles().channels], term = facts_.rhs.stride[roles().k];
    TransformLevels(
        "int", kQuarters, WeightStatements(),
        [&](int outer, int inner) {
          const int64_t first = Part(outer, inner, true) * p_.term_part,
                        column = Part(outer, inner, false) * s_.co;
          return absl::StrCat("co < ", std::min(p_.columns - column, s_.co), " && term < ",
                              std::min(p_.terms - first, p_.term_part), " ? weights[(co + ", column, ") * ",
                              channel, "L + (term + ", first, ") * ", term, "L] : 0");
        },
        [&](int outer, int inner, const std::string& value) {
          return absl::StrCat("set[", Point(outer, inner), " * next] = (int16_t)", value);
        });
  }

  void PrintInputs() override {
    const int64_t row = facts_.lhs.stride[roles().rows];
    // The vectors of the last part reach beyond the row's terms, which must not be beyond the input.
    const int64_t reach = (parts_ - 1) * p_.term_part + s_.terms, end = (p_.rows - 1) * row + p_.terms;
    const bool reaches_on = reach > p_.terms;
    if (reaches_on) DeclarePatch();
    c_.Open("for (long tile = 0; tile < ", s_.block, "; ++tile)");
    c_.Line("// In place of a row that does not exist the last one is taken.");
    c_.Line("const int8_t* rows[", parts_, "];");
    c_.Line("for (int i = 0; i < ", parts_, "; ++i) rows[i] = input + min_long(first + tile + i * ",
            p_.row_part, ", ", p_.rows - 1, ") * ", row, ";");
    c_.Line("long part = ", p_.term_part, ";");
    if (reaches_on) {
      c_.Open("if (rows[", parts_ - 1, "] + ", reach, " > input + ", end, ")");
      c_.Line("// By way of a copy, whose vectors end in what does not count.");
      c_.Open("for (int i = 0; i < ", parts_, "; ++i)");
      c_.Line("int8_t* copy = patch + i * ", parts_ * s_.terms, ";");
      for (int part = 0; part < parts_; ++part) {
        const int64_t first = part * p_.term_part, count = std::min(p_.terms - first, p_.term_part);
        if (count <= 0) continue;
        c_.Line("__builtin_memcpy(copy + ", part * s_.terms, ", rows[i] + ", first, ", ", count, ");");
      }
      c_.Line("rows[i] = copy;");
      c_.Close();
      c_.Line("part = ", s_.terms, ";");
      c_.Close();
    }
    c_.Line("int16_t* to = tiles + tile * ", s_.terms, ";");
    c_.Line("for (long c = 0; c < ", s_.terms, "; c += ", 2 * lanes_,
            ") transform_input(rows, part, c, to + c);");
    if (kernel_.paired) c_.Line("transform_pairs(to, pairs + tile * ", form_.results, ");");
    c_.Close();
  }

  void PrintOutputs() override {
    c_.Open("for (long tile = 0; tile < ", s_.block, "; ++tile)");
    c_.Line("const int32_t* from = products + tile * ", s_.channel_block, " - co;");
    c_.Line("int8_t* out = output + (first + tile) * ", facts_.output.stride[roles().rows], ";");
    c_.Line("for (long c = co; c < end; c += ", lanes_, ") transform_output(from + c, ",
            kernel_.paired ? absl::StrCat("pairs + tile * ", form_.results, ", ") : "", "channels + c * ",
            fields(), ", out + c, first + tile, c);");
    c_.Close();
  }

  const StrassenParts p_;
  const int parts_;
};

}  // namespace

std::string PrintDotStrassen(const DotBilinearInput& input) { return DotStrassenPrinter(input).Print(); }

}  // namespace tunefarm::schedules
