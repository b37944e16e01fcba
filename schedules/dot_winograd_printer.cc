// Winograd's convolution, as DotBilinearPrinter prints it: the transforms are those of DotWinogradForm, first
// down the columns of a tile and then along its rows.
#include "absl/strings/str_cat.h"
#include "schedules/dot_bilinear_printer.h"

namespace tunefarm::schedules {
namespace {

class DotWinogradPrinter final : public DotBilinearPrinter {
 public:
  DotWinogradPrinter(const DotBilinearInput& input, const Workload& workload)
      : DotBilinearPrinter(input),
        w_(*input.plan.form->winograd),
        points_(w_.points),
        outputs_(w_.outputs),
        images_(workload.dim("n")),
        height_(workload.dim("h")),
        width_(workload.dim("w")),
        ci_(workload.dim("ci")),
        co_(workload.dim("co")),
        pad_t_(workload.dim("pad_t")),
        pad_l_(workload.dim("pad_l")),
        out_h_((height_ + pad_t_ + workload.dim("pad_b") - 3) / w_.stride + 1),
        out_w_((width_ + pad_l_ + workload.dim("pad_r") - 3) / w_.stride + 1) {
    if (w_.weight_rows() == points_) return;
    for (int i = 0; i < points_; ++i) {
      for (int j = 0; j < points_; ++j)
        set_of_.push_back(w_.weights_of[i] * w_.weight_rows() + w_.weights_of[j]);
    }
  }

 private:
  void PrintTransforms() override {
    TransformInput();
    if (kernel_.paired) TransformPairs();
    TransformOutput();
  }

  void TransformInput() {
    c_.Line("// B^T x B of the tile whose rows and columns stand so far apart; `to` holds a point every ",
            s_.tile_stride, " elements.");
    c_.Open("static inline void transform_input(const int8_t* from, long row, long column, int16_t* to)");
    c_.Line("halves half[", points_, "][", points_, "];");
    c_.Open("for (int j = 0; j < ", points_, "; ++j)");
    Transform("halves", points_, "load_bytes(from + $ * row + j * column)", w_.input_c, "half[$][j] = y$");
    // The zero point is what the transform makes of a tile full of it: it vanishes but where a row's sum is
    // not 0.
    for (int i = 0; i < points_; ++i) {
      int sum = 0;
      for (const int x : w_.input[i]) sum += x;
      const int zero = sum * requantize().input_zero_point;
      if (zero != 0) c_.Line("half[", i, "][j] -= ", static_cast<uint16_t>(zero), ";");
    }
    c_.Close();
    c_.Open("for (int i = 0; i < ", points_, "; ++i)");
    Transform("halves", points_, "half[i][$]", w_.input_c,
              absl::StrCat("store_halves(to + (i * ", points_, " + $) * ", s_.tile_stride, ", y$)"));
    c_.Close();
    c_.Close();
  }

  void TransformPairs() {
    c_.Line("// A^T x A of the sums of a tile's pairs, which products of sums have too much in them.");
    c_.Open("static inline void transform_pairs(const int16_t* tile, uint32_t* to)");
    c_.Line("uint32_t half[", outputs_, "][", points_, "];");
    c_.Open("for (int j = 0; j < ", points_, "; ++j)");
    Transform(
        "uint32_t", points_,
        absl::StrCat("sum_window(tile + ($ * ", points_, " + j) * ", s_.tile_stride, ", ", s_.groups, ")"),
        w_.output_c, "half[$][j] = y$");
    c_.Close();
    c_.Open("for (int i = 0; i < ", outputs_, "; ++i)");
    Transform("uint32_t", points_, "half[i][$]", w_.output_c,
              absl::StrCat("to[i * ", outputs_, " + $] = y$"));
    c_.Close();
    c_.Close();
  }

  void TransformOutput() {
    c_.Line("// A^T x A of a tile's products, requantised; `channel` are the parameters of the channels.");
    c_.Open("static inline __attribute__((always_inline)) void transform_output(const int32_t* from, ",
            kernel_.paired ? "const uint32_t* pairs, " : "",
            "const int32_t* channel, int8_t* out, long rows, long columns, int valid)");
    c_.Line("words half[", outputs_, "][", points_, "], sum[", outputs_, "][", outputs_, "];");
    c_.Open("for (int j = 0; j < ", points_, "; ++j)");
    Transform("words", points_,
              absl::StrCat("load_words(from + ($ * ", points_, " + j) * ", s_.product_stride, ")"),
              w_.output_c, "half[$][j] = y$");
    c_.Close();
    const std::string parameters = LoadParameters();
    for (int i = 0; i < outputs_; ++i) {
      c_.Open();
      Transform("words", points_, absl::StrCat("half[", i, "][$]"), w_.output_c,
                absl::StrCat("sum[", i, "][$] = y$"));
      for (int j = 0; j < outputs_; ++j) {
        const std::string sum = absl::StrCat("sum[", i, "][", j, "]");
        if (kernel_.paired) c_.Line(sum, " -= pairs[", i * outputs_ + j, "];");
        const std::string exact = w_.odd == 1 ? sum : absl::StrCat("(", sum, " * ", w_.inverse(), "u)");
        c_.Line(sum, " = (words)((signed_words)", exact, " >> ", w_.shifts[i] + w_.shifts[j],
                ") + (words)bias;");
      }
      c_.Close();
    }
    c_.Open("for (int i = 0; i < rows; ++i)");
    c_.Open("for (int j = 0; j < columns; ++j)");
    c_.Line("store_channels(out + i * ", out_w_ * co_, "L + j * ", co_, "L, requantize((sums)sum[i][j]",
            parameters, "), valid);");
    c_.Close();
    c_.Close();
    c_.Close();
  }

  void PrintWeights() override {
    const int sets = w_.weight_rows();
    c_.Line("int half[", sets, "][3];");
    c_.Open("for (int j = 0; j < 3; ++j)");
    Transform("int", 3,
              absl::StrCat("co < ", co_, " && term < ", ci_, " ? weights[co * ", ci_ * 9, "L + $ * ", ci_ * 3,
                           " + j * ", ci_, " + term] : 0"),
              w_.weights_c, "half[$][j] = y$");
    c_.Close();
    c_.Open("for (int i = 0; i < ", sets, "; ++i)");
    Transform("int", 3, "half[i][$]", w_.weights_c,
              absl::StrCat("set[(i * ", sets, " + $) * next] = (int16_t)y$"));
    c_.Close();
  }

  // The loop over a block's tiles, with the place of the tile: y and x are its first row and column.
  void OpenTiles(int step, int64_t pad_t, int64_t pad_l) {
    const auto less = [](int64_t pad) { return pad == 0 ? "" : absl::StrCat(" - ", pad); };
    c_.Open("for (long tile = 0; tile < ", s_.block, "; ++tile)");
    c_.Line("const long n = (first + tile) / ", Rows() * Columns(), ";");
    c_.Line("const long y = (first + tile) / ", Columns(), " % ", Rows(), " * ", step, less(pad_t), ";");
    c_.Line("const long x = (first + tile) % ", Columns(), " * ", step, less(pad_l), ";");
  }

  void PrintInputs() override {
    DeclarePatch();
    OpenTiles(outputs_ * w_.stride, pad_t_, pad_l_);
    c_.Line("const long at = ((n * ", height_, " + y) * ", width_, " + x) * ", ci_, ";");
    c_.Line("int16_t* to = tiles + tile * ", s_.terms, ";");
    const int64_t row = width_ * ci_, last = (points_ - 1) * (row + ci_) + s_.terms;
    // The last vector of a pixel may reach over its end, but not over that of the input.
    c_.Open("if (y >= 0 && y + ", points_, " <= ", height_, " && x >= 0 && x + ", points_, " <= ", width_,
            s_.terms == ci_ ? "" : absl::StrCat(" && at + ", last, " <= ", images_ * height_ * row), ")");
    c_.Line("for (long c = 0; c < ", s_.terms, "; c += ", 2 * lanes_, ") transform_input(input + at + c, ",
            row, ", ", ci_, ", to + c);");
    c_.Else();
    c_.Line("// By way of a copy with the zero point where nothing is.");
    c_.Open("for (int i = 0; i < ", points_, "; ++i)");
    c_.Open("for (int j = 0; j < ", points_, "; ++j)");
    c_.Line("int8_t* pixel = patch + (i * ", points_, " + j) * ", s_.terms, ";");
    c_.Open("if ((unsigned long)(y + i) < ", height_, " && (unsigned long)(x + j) < ", width_, ")");
    c_.Line("__builtin_memcpy(pixel, input + at + i * ", row, " + j * ", ci_, ", ", ci_, ");");
    c_.Else();
    c_.Line("__builtin_memset(pixel, ", requantize().input_zero_point, ", ", ci_, ");");
    c_.Close();
    c_.Close();
    c_.Close();
    c_.Line("for (long c = 0; c < ", s_.terms, "; c += ", 2 * lanes_, ") transform_input(patch + c, ",
            points_ * s_.terms, ", ", s_.terms, ", to + c);");
    c_.Close();
    if (kernel_.paired) c_.Line("transform_pairs(to, pairs + tile * ", form_.results, ");");
    c_.Close();
  }

  void PrintOutputs() override {
    OpenTiles(outputs_, 0, 0);
    c_.Line("const long rows = min_long(", outputs_, ", ", out_h_, " - y), columns = min_long(", outputs_,
            ", ", out_w_, " - x);");
    c_.Line("const int32_t* from = products + tile * ", s_.channel_block, " - co;");
    c_.Line("int8_t* out = output + ((n * ", out_h_, " + y) * ", out_w_, " + x) * ", co_, ";");
    const auto call = [&](int64_t valid) {
      return absl::StrCat("transform_output(from + c, ",
                          kernel_.paired ? absl::StrCat("pairs + tile * ", form_.results, ", ") : "",
                          "channels + c * ", fields(), ", out + c, rows, columns, ", valid, ");");
    };
    const int64_t whole = co_ / lanes_ * lanes_;
    c_.Line("long c = co;");
    if (whole > 0) {
      c_.Line("for (; c < min_long(end, ", whole, "); c += ", lanes_, ") ", call(lanes_));
    }
    if (whole < co_) c_.Line("if (c < end) ", call(co_ - whole));
    c_.Close();
  }

  int64_t Rows() const { return (out_h_ + outputs_ - 1) / outputs_; }  // Of tiles in an image.
  int64_t Columns() const { return (out_w_ + outputs_ - 1) / outputs_; }

  const DotWinogradForm& w_;
  const int points_, outputs_;
  const int64_t images_, height_, width_, ci_, co_, pad_t_, pad_l_, out_h_, out_w_;
};

}  // namespace

std::string PrintDotWinograd(const DotBilinearInput& input, const Workload& workload) {
  return DotWinogradPrinter(input, workload).Print();
}

}  // namespace tunefarm::schedules
