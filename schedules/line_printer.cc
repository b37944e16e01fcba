#include "schedules/line_printer.h"

#include "absl/strings/str_format.h"
#include "base/divide.h"
#include "schedules/transform_printer.h"

namespace tunefarm::schedules {
namespace {

class LinePrinter : private TransformPrinter {
 public:
  LinePrinter(const LineShape& shape, const LinePlan& plan, const Workload& workload,
              const ComputeDefinition& compute, const PrintOptions& options)
      : TransformPrinter(workload, compute, plan.products.lanes, options),
        s_(shape),
        form_(shape.form),
        panel_(int64_t{plan.products.lanes} * plan.products.vectors),
        panels_(CeilDivide(shape.co, panel_)),
        ci_(workload.dim("ci")) {}

  std::string Print(const PrintOptions& options, const std::string& products) {
    PrintHelpers(options);
    Transforms();
    Gather();
    if (threads_ > 1) c_.Line("extern int omp_get_thread_num(void);");
    Prepare();
    std::string text = c_.Take();
    text += products;
    Run();
    return text + c_.Take();
  }

 private:
  bool along_width() const { return s_.along_width; }
  int64_t point_weights() const { return panels_ * s_.taps * s_.channels * panel_; }

  void Transforms() {
    c_.Line("// B^T of a tile, whose places are ", s_.pitch, " floats apart; `to` holds a point every ",
            s_.tile_stride(), ".");
    c_.Open("static inline void transform_input(const float* from, float* to)");
    Transform("vec", form_.points, absl::StrCat("*(const vec*)(from + $ * ", s_.pitch, ")"),
              LineInputText(form_), absl::StrCat("*(vec*)(to + $ * ", s_.tile_stride(), "L)"));
    c_.Close();
    c_.Line("// A^T of a tile's products.");
    c_.Open("static inline void transform_output(const float* from, vec to[", form_.outputs, "])");
    Transform("vec", form_.points, absl::StrCat("*(const vec*)(from + $ * ", s_.product_stride(), "L)"),
              LineOutputText(form_), "to[$]");
    c_.Close();
  }

  // An input line's places, each the channels of `along_stride` neighbours.
  void Gather() {
    const int64_t size = along_width() ? in_.width : in_.height, apart = along_width() ? in_.x : in_.y,
                  stride = s_.along_stride, pad = w_.dim(along_width() ? "pad_l" : "pad_t");
    c_.Open("static inline void gather(const float* from, float* to)");
    c_.Open("for (long place = 0; place < ", s_.places(), "; ++place, to += ", s_.pitch, ")");
    c_.Line("const long first = place * ", stride, pad == 0 ? "" : absl::StrCat(" - ", pad), ";");
    const bool together = in_.block == 0;  // A place's channels.
    if (together && apart == ci_) {
      c_.Open("if (first >= 0 && first + ", stride, " <= ", size, ")");
      c_.Line("__builtin_memcpy(to, from + first * ", apart, ", ", s_.channels * 4, ");");
      c_.Line("continue;");
      c_.Close();
    }
    c_.Open("for (long next = 0; next < ", stride, "; ++next)");
    c_.Line("float* own = to + next * ", ci_, ";");
    c_.Line("const long at = first + next;");
    c_.Open("if (at < 0 || at >= ", size, ")");
    c_.Line("__builtin_memset(own, 0, ", ci_ * 4, ");");
    c_.Else();
    if (together) {
      c_.Line("__builtin_memcpy(own, from + at * ", apart, ", ", ci_ * 4, ");");
    } else {
      c_.Line("for (long c = 0; c < ", ci_, "; ++c) own[c] = from[at * ", apart, " + ",
              ChannelOffset(in_, "c"), "];");
    }
    c_.Close();
    c_.Close();
    c_.Close();
    c_.Close();
  }

  void Prepare() {
    const int64_t co = w_.dim("co"), kh = w_.dim("kh"), kw = w_.dim("kw");
    c_.Blank();
    c_.Line("static const float transform_weights[", form_.points, "][", form_.taps, "] = {");
    for (const std::vector<double>& row : form_.weights) {
      std::string text;
      for (const double x : row) absl::StrAppendFormat(&text, "%s%.9e", text.empty() ? "" : ", ", x);
      c_.Line("  {", text, "},");
    }
    c_.Line("};");
    c_.Open("void tunefarm_prepare(const void* const* constants, void* packed)");
    c_.Line("// G weights, in the order in which the products read it.");
    c_.Line("const float* restrict weights = constants[1];");
    c_.Line("float* restrict to = packed;");
    c_.Open("for (long co = 0; co < ", panels_ * panel_, "; ++co)");
    c_.Open("for (long tap = 0; tap < ", s_.taps, "; ++tap)");
    c_.Open("for (long channel = 0; channel < ", s_.channels, "; ++channel)");
    c_.Line("const long ci = channel % ", ci_, ", neighbour = channel / ", ci_, ";");
    c_.Line("float* own = to + ((co / ", panel_, " * ", s_.taps, " + tap) * ", s_.channels, " + channel) * ",
            panel_, " + co % ", panel_, ";");
    c_.Open("for (long point = 0; point < ", form_.points, "; ++point)");
    c_.Line("float sum = 0;");
    c_.Open("for (long t = 0; t < ", form_.taps, "; ++t)");
    c_.Line("const long along = t * ", s_.along_stride, " + neighbour;");
    c_.Line("if (co >= ", co, " || along >= ", s_.along_taps, ") continue;");
    c_.Line("const long y = ", along_width() ? "tap, x = along" : "along, x = tap", ";");
    c_.Line("sum += transform_weights[point][t] * weights[",
            w_.layout() == Layout::kNhwc
                ? absl::StrCat("((co * ", kh, " + y) * ", kw, " + x) * ", ci_, " + ci")
                : absl::StrCat("((co * ", ci_, " + ci) * ", kh, " + y) * ", kw, " + x"),
            "];");
    c_.Close();
    c_.Line("own[point * ", point_weights(), "L] = sum;");
    for (int i = 0; i < 5; ++i) c_.Close();
    c_.Blank();
  }

  void Run() {
    c_.Blank();
    OpenRun();
    if (threads_ > 1) Share();
    c_.Open("for (long block = 0; block < ", s_.images * s_.blocks, "; ++block)");
    c_.Line("float* restrict places = ", buffers(),
            threads_ > 1 ? absl::StrCat(" + omp_get_thread_num() * ", s_.buffer_elements(), "L") : "", ";");
    c_.Line("float* restrict tiles = places + ", OddLines(s_.places() * s_.pitch), ";");
    c_.Line("float* restrict products = tiles + ", form_.points * s_.tile_stride(), "L;");
    c_.Line("// An image's last block moves inwards.");
    c_.Line("const long n = block / ", s_.blocks, ", first = min_long(block % ", s_.blocks, " * ", s_.block,
            ", ", s_.lines - s_.block, ");");
    Inputs();
    c_.Open("for (long point = 0; point < ", form_.points, "; ++point)");
    c_.Line("void* const operands[] = {tiles + point * ", s_.tile_stride(), "L, 0, products + point * ",
            s_.product_stride(), "L};");
    c_.Line("multiply(operands, (const float*)packed + point * ", point_weights(), "L, 0);");
    c_.Close();
    Outputs();
    c_.Close();
    CloseRun();
  }

  void Inputs() {
    const int64_t lines = along_width() ? in_.height : in_.width, apart = along_width() ? in_.y : in_.x,
                  pad = w_.dim(along_width() ? "pad_t" : "pad_l");
    c_.Open("for (long line = 0; line < ", s_.input_lines(), "; ++line)");
    c_.Line("const long from = first * ", s_.stride, " + line", pad == 0 ? "" : absl::StrCat(" - ", pad),
            ";");
    c_.Line("float* own = tiles + line * ", s_.line_elements(), ";");
    c_.Open("if (from < 0 || from >= ", lines, ")");
    c_.Line("for (long point = 0; point < ", form_.points, "; ++point) __builtin_memset(own + point * ",
            s_.tile_stride(), "L, 0, ", s_.line_elements() * 4, ");");
    c_.Line("continue;");
    c_.Close();
    c_.Line("gather(input + n * ", in_.n, "L + from * ", apart, ", places);");
    c_.Open("for (long tile = 0; tile < ", s_.tiles, "; ++tile)");
    c_.Open("for (long c = 0; c < ", s_.pitch, "; c += ", lanes_, ")");
    c_.Line("transform_input(places + tile * ", form_.outputs * s_.pitch, " + c, own + tile * ", s_.pitch,
            " + c);");
    for (int i = 0; i < 3; ++i) c_.Close();
  }

  void Outputs() {
    const ImageStrides& o = out_;
    const int64_t along = along_width() ? o.x : o.y, across = along_width() ? o.y : o.x,
                  size = along_width() ? o.width : o.height;
    const int outputs = form_.outputs;
    const std::string at = absl::StrCat("n * ", o.n, "L + (first + line) * ", across, " + (tile * ", outputs,
                                        " + i) * ", along, " + ", ChannelOffset(o, "c"));
    c_.Open("for (long line = 0; line < ", s_.block, "; ++line)");
    c_.Open("for (long tile = 0; tile < ", s_.tiles, "; ++tile)");
    c_.Open("for (long c = 0; c < ", o.channels, "; c += ", lanes_, ")");
    c_.Line("vec done[", outputs, "];");
    c_.Line("transform_output(products + (line * ", s_.tiles, " + tile) * ", s_.co, " + c, done);");
    // Written out, so that the results stay in registers.
    c_.Open("if (tile * ", outputs, " + ", outputs, " <= ", size, " && c + ", lanes_, " <= ", o.channels,
            ")");
    c_.Line("#pragma GCC unroll ", outputs);
    c_.Open("for (long i = 0; i < ", outputs, "; ++i)");
    c_.Line("const long at = ", at, ";");
    if (fetches_output_) FetchNextTile(outputs * along);
    c_.Line("vec v = done[i];");
    StoreWhole();
    c_.Close();
    c_.Line("continue;");
    c_.Close();
    c_.Line("const long valid = min_long(", o.channels, " - c, ", lanes_, ");");
    c_.Open("for (long i = 0; i < min_long(", outputs, ", ", size, " - tile * ", outputs, "); ++i)");
    c_.Line("const long at = ", at, ";");
    c_.Line("vec v = done[i];");
    StoreValid();
    for (int i = 0; i < 4; ++i) c_.Close();
  }

  const LineShape& s_;
  const LineForm& form_;
  const int64_t panel_, panels_;
  const int64_t ci_;
};

}  // namespace

absl::StatusOr<std::string> PrintTransformed(const LineRule& rule, const LinePlan& plan,
                                             const Workload& workload, const ComputeDefinition& compute,
                                             const PrintOptions& options) {
  TUNEFARM_ASSIGN_OR_RETURN(const LoopTree products, rule.LowerProduct(plan));
  PrintOptions of_products;
  of_products.part = "multiply";
  const std::string part = PrintC(products, rule.product_facts(plan), of_products);
  return LinePrinter(rule.shape(plan), plan, workload, compute, options).Print(options, part);
}

}  // namespace tunefarm::schedules
