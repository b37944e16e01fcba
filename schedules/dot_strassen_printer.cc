// Strassen's algorithm in Winograd's form (1971), one level, as DotBilinearPrinter prints it. With the
// matrices cut into quarters, A11 the first rows' first terms, B11 the first terms' first columns,
//
//   S1 = A21 + A22, S2 = S1 - A11, S3 = A11 - A21, S4 = A12 - S2
//   T1 = B12 - B11, T2 = B22 - T1, T3 = B22 - B12, T4 = T2 - B21
//   P0 = A11 B11, P1 = A12 B21, P2 = S4 B22, P3 = A22 T4, P4 = S1 T1, P5 = S2 T2, P6 = S3 T3
//   C11 = P0 + P1, C12 = P0 + P5 + P4 + P2, C21 = P0 + P5 + P6 - P3, C22 = P0 + P5 + P6 + P4
//
// A tile is a row and the one that is half of all rows behind it, a column stands for itself and the one half
// of all behind. Terms that the second half has less meet weights of 0, whatever is read for them. An input
// less its zero point, added up four times, has 11 bits, a weight 10.
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
      : DotBilinearPrinter(input), h_(HalvesOf(facts_, options_.dot->roles)) {}

 private:
  int64_t Stride(const LinearAccess& access, int axis) const { return access.stride[axis]; }
  const DotRoles& roles() const { return options_.dot->roles; }

  void PrintTransforms() override {
    c_.Line("// Sums of the quarters of a pair of rows; `to` holds a point every ", s_.tile_stride,
            " elements.");
    c_.Open(
        "static inline void transform_input(const int8_t* first, const int8_t* second, long half, int16_t* "
        "to)");
    const int zero = requantize().input_zero_point;
    const std::string less = zero == 0 ? "" : absl::StrCat(" - ", static_cast<uint16_t>(zero));
    for (int x = 0; x < 4; ++x) {
      c_.Line("const halves x", x, " = load_bytes(", x < 2 ? "first" : "second", x % 2 == 0 ? "" : " + half",
              ")", less, ";");
    }
    Transform("halves", 0, "", InputStatements(),
              absl::StrCat("store_halves(to + $ * ", s_.tile_stride, ", y$)"));
    c_.Close();
    if (kernel_.paired) {
      c_.Line("// What products of sums have too much in them, of the results of a pair of rows.");
      c_.Open("static inline void transform_pairs(const int16_t* tile, uint32_t* to)");
      Transform("uint32_t", static_cast<int>(form_.points),
                absl::StrCat("sum_window(tile + $ * ", s_.tile_stride, ", ", s_.groups, ")"),
                OutputStatements(), "to[$] = y$");
      c_.Close();
    }
    c_.Line(
        "// A vector of channels of both halves of the columns, of a pair of rows, of which the second may "
        "not",
        " exist.");
    c_.Open("static inline __attribute__((always_inline)) void transform_output(const int32_t* from, ",
            kernel_.paired ? "const uint32_t* pairs, " : "",
            "const int32_t* channels, int8_t* first, int8_t* second, long rows, int valid)");
    Transform("words", static_cast<int>(form_.points),
              absl::StrCat("load_words(from + $ * ", s_.product_stride, ")"), OutputStatements(),
              absl::StrCat("const sums sum$ = (sums)(y$", kernel_.paired ? " - pairs[$]" : "", ")"));
    StoreHalf(0, absl::StrCat(lanes_));
    c_.Open("if (valid > 0)");
    StoreHalf(1, "valid");
    c_.Close();
    c_.Close();
  }

  void StoreHalf(int half, const std::string& valid) {
    c_.Open();
    c_.Line("const int32_t* channel = channels",
            half == 0 ? "" : absl::StrCat(" + ", h_.column_half * fields()), ";");
    const std::string parameters = LoadParameters();
    for (int row = 0; row < 2; ++row) {
      c_.Line(row == 0 ? "" : "if (rows > 1) ", "store_channels(", row == 0 ? "first" : "second",
              half == 0 ? "" : absl::StrCat(" + ", h_.column_half), ", requantize((sums)((words)sum",
              row * 2 + half, " + (words)bias)", parameters, "), ", valid, ");");
    }
    c_.Close();
  }

  void PrintWeights() override {
    const int64_t channel = Stride(facts_.rhs, roles().channels), term = Stride(facts_.rhs, roles().k);
    c_.Open("if (co < ", h_.column_half, ")");
    for (int x = 0; x < 4; ++x) {
      const int64_t column = x % 2 * h_.column_half, first = x / 2 * h_.term_half;
      c_.Line("const int x", x, " = co < ", h_.columns - column, " && term < ", h_.terms - first,
              " && term < ", h_.term_half, " ? weights[(co + ", column, ") * ", channel, "L + (term + ",
              first, ") * ", term, "L] : 0;");
    }
    Transform("int", 0, "", WeightStatements(), absl::StrCat("set[$ * ", SetStride(), "L] = (int16_t)y$"));
    c_.Close();
  }

  void PrintInputs() override {
    const int64_t row = Stride(facts_.lhs, roles().rows);
    // The vectors of a second half reach beyond the row.
    const bool reaches_on = h_.term_half + s_.terms > row;
    if (reaches_on) DeclarePatch();
    c_.Open("for (long tile = 0; tile < ", s_.block, "; ++tile)");
    c_.Line("// Of a row that does not exist another is taken.");
    c_.Line("const int8_t* one = input + (first + tile) * ", row, ";");
    c_.Line("const int8_t* other = input + min_long(first + tile + ", h_.row_half, ", ", h_.rows - 1, ") * ",
            row, ";");
    c_.Line("int16_t* to = tiles + tile * ", s_.terms, ";");
    c_.Line("long half = ", h_.term_half, ";");
    if (reaches_on) {
      c_.Open("if (other + ", h_.term_half + s_.terms, " > input + ", h_.rows * row, ")");
      c_.Line("// By way of a copy, whose vectors end in what does not count.");
      c_.Line("for (int i = 0; i < 2; ++i) {");
      c_.Line("  int8_t* half_row = patch + i * ", 2 * s_.terms, ";");
      c_.Line("  __builtin_memcpy(half_row, i == 0 ? one : other, ", h_.term_half, ");");
      c_.Line("  __builtin_memcpy(half_row + ", s_.terms, ", (i == 0 ? one : other) + ", h_.term_half, ", ",
              h_.terms - h_.term_half, ");");
      c_.Line("}");
      c_.Line("one = patch, other = patch + ", 2 * s_.terms, ", half = ", s_.terms, ";");
      c_.Close();
    }
    c_.Line("for (long c = 0; c < ", s_.terms, "; c += ", 2 * lanes_,
            ") transform_input(one + c, other + c, half, to + c);");
    if (kernel_.paired) c_.Line("transform_pairs(to, pairs + tile * 4);");
    c_.Close();
  }

  void PrintOutputs() override {
    const int64_t row = Stride(facts_.output, roles().rows), second = h_.columns - h_.column_half;
    c_.Open("for (long tile = 0; tile < ", s_.block, "; ++tile)");
    c_.Line("const int32_t* from = products + tile * ", s_.channel_block, " - co;");
    c_.Line("int8_t* out = output + (first + tile) * ", row, ";");
    c_.Line("const long rows = first + tile + ", h_.row_half, " < ", h_.rows, " ? 2 : 1;");
    const auto call = [&](const std::string& valid) {
      return absl::StrCat("transform_output(from + c, ", kernel_.paired ? "pairs + tile * 4, " : "",
                          "channels + c * ", fields(), ", out + c, out + ", h_.row_half * row, " + c, rows, ",
                          valid, ");");
    };
    const int64_t whole = second / lanes_ * lanes_;
    c_.Line("long c = co;");
    if (whole > 0) {
      c_.Line("for (; c < min_long(end, ", whole, "); c += ", lanes_, ") ", call(absl::StrCat(lanes_)));
    }
    if (whole < second) {
      c_.Open("if (c < end && c < ", second, ")");
      c_.Line(call(absl::StrCat(second - whole)));
      c_.Line("c += ", lanes_, ";");
      c_.Close();
    }
    if (RoundedColumns(second) < h_.column_half) c_.Line("for (; c < end; c += ", lanes_, ") ", call("0"));
    c_.Close();
  }
  int64_t RoundedColumns(int64_t columns) const { return (columns + lanes_ - 1) / lanes_ * lanes_; }

  const StrassenHalves h_;
};

}  // namespace

std::string PrintDotStrassen(const DotBilinearInput& input) { return DotStrassenPrinter(input).Print(); }

}  // namespace tunefarm::schedules
