#include "schedules/dot_winograd_printer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_replace.h"
#include "schedules/c_text.h"

namespace tunefarm::schedules {
namespace {

// Vectors of int16 and int32 that wrap around.
constexpr char kVectors[] = R"(typedef uint16_t halves __attribute__((vector_size($BYTES)));
typedef uint32_t words __attribute__((vector_size($BYTES)));
typedef int32_t signed_words __attribute__((vector_size($BYTES)));
static inline halves load_bytes(const int8_t* p) { return (halves)_mm$WIDTH_cvtepi8_epi16(*(const __m$HALFi_u*)p); }
static inline void store_halves(int16_t* p, halves x) { _mm$WIDTH_store_si$WIDTH((void*)p, (__m$WIDTHi)x); }
static inline words load_words(const int32_t* p) { return (words)_mm$WIDTH_load_si$WIDTH((const void*)p); }
)";

class DotWinogradPrinter {
 public:
  DotWinogradPrinter(const DotWinogradPlan& plan, const DotWinogradShape& shape, const Workload& workload,
                     const LoopTree& tree, const ComputeFacts& facts, const PrintOptions& options)
      : plan_(plan),
        kernel_(*plan.kernel),
        form_(*plan.form),
        s_(shape),
        tree_(tree),
        facts_(facts),
        options_(options),
        dot_(tree, facts, *options.dot, c_),
        lanes_(plan.kernel->lanes),
        points_(plan.form->points),
        outputs_(plan.form->outputs),
        images_(workload.dim("n")),
        height_(workload.dim("h")),
        width_(workload.dim("w")),
        ci_(workload.dim("ci")),
        co_(workload.dim("co")),
        pad_t_(workload.dim("pad_t")),
        pad_l_(workload.dim("pad_l")),
        out_h_((height_ + pad_t_ + workload.dim("pad_b") - 3) / plan.form->stride + 1),
        out_w_((width_ + pad_l_ + workload.dim("pad_r") - 3) / plan.form->stride + 1) {}

  std::string Print() {
    c_.Line("// ", options_.title);
    c_.Line("// ", options_.config);
    c_.Line("static inline long min_long(long a, long b) { return a < b ? a : b; }");
    if (options_.threads > 1) c_.Line("extern int omp_get_thread_num(void);");
    dot_.Preamble();
    const int bits = lanes_ * 32;
    c_.Raw(absl::StrReplaceAll(kVectors, {{"$BYTES", absl::StrCat(bits / 8)},
                                          {"$WIDTH", absl::StrCat(bits)},
                                          {"$HALF", absl::StrCat(bits / 2)}}));
    TransformInput();
    if (kernel_.paired) TransformPairs();
    TransformOutput();
    for (const int64_t vectors : VectorCounts()) {
      for (const int64_t rows : RowCounts()) Multiply(rows, vectors);
    }
    Prepare();
    dot_.GeneralRun();
    Run();
    return c_.Take();
  }

 private:
  const Requantize& requantize() const { return *facts_.compute.requantize; }
  int64_t AllPoints() const { return int64_t{points_} * points_; }
  int64_t AllOutputs() const { return int64_t{outputs_} * outputs_; }
  // The register tile, and smaller ones at the end of a block's tiles and of the channels.
  static std::vector<int64_t> Counts(int64_t whole, const std::vector<int64_t>& extents) {
    std::vector<int64_t> counts;
    for (const int64_t extent : extents) {
      for (const int64_t count : {extent >= whole ? whole : 0, extent % whole}) {
        if (count > 0 && std::ranges::find(counts, count) == counts.end()) counts.push_back(count);
      }
    }
    return counts;
  }
  std::vector<int64_t> RowCounts() const { return Counts(plan_.rows, {s_.block}); }
  int64_t LastChannels() const { return s_.co - (s_.co - 1) / s_.channel_block * s_.channel_block; }
  std::vector<int64_t> VectorCounts() const {
    return Counts(plan_.vectors, {s_.channel_block / lanes_, LastChannels() / lanes_});
  }

  // x0, x1, ... from `from`, then the statements, then `to` for each of y0, y1, ... `$` is the variable's
  // number.
  void Transform(const char* type, int inputs, const std::string& from,
                 const std::vector<std::string>& statements, const std::string& to) {
    const auto numbered = [](const std::string& text, std::size_t number) {
      return absl::StrReplaceAll(text, {{"$", absl::StrCat(number)}});
    };
    for (int i = 0; i < inputs; ++i) c_.Line("const ", type, " x", i, " = ", numbered(from, i), ";");
    for (std::size_t i = 0; i < statements.size(); ++i) {
      c_.Line("const ", type, " ", statements[i]);
      c_.Line(numbered(to, i), ";");
    }
  }

  void TransformInput() {
    c_.Blank();
    c_.Line("// B^T x B of the tile whose rows and columns stand so far apart; `to` holds a point every ",
            s_.tile_stride, " elements.");
    c_.Open("static inline void transform_input(const int8_t* from, long row, long column, int16_t* to)");
    c_.Line("halves half[", points_, "][", points_, "];");
    c_.Open("for (int j = 0; j < ", points_, "; ++j)");
    Transform("halves", points_, "load_bytes(from + $ * row + j * column)", form_.input_c, "half[$][j] = y$");
    // The zero point is what the transform makes of a tile full of it: it vanishes but where a row's sum is
    // not 0.
    for (int i = 0; i < points_; ++i) {
      int sum = 0;
      for (const int x : form_.input[i]) sum += x;
      const int zero = sum * requantize().input_zero_point;
      if (zero != 0) c_.Line("half[", i, "][j] -= ", static_cast<uint16_t>(zero), ";");
    }
    c_.Close();
    c_.Open("for (int i = 0; i < ", points_, "; ++i)");
    Transform("halves", points_, "half[i][$]", form_.input_c,
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
        form_.output_c, "half[$][j] = y$");
    c_.Close();
    c_.Open("for (int i = 0; i < ", outputs_, "; ++i)");
    Transform("uint32_t", points_, "half[i][$]", form_.output_c,
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
              form_.output_c, "half[$][j] = y$");
    c_.Close();
    const std::vector<const char*>& fields = options_.dot->channels.fields;
    std::string parameters;
    for (std::size_t f = 0; f < fields.size(); ++f) {
      c_.Line("const sums ", fields[f], " = load_channels(channel + ", static_cast<int64_t>(f) * lanes_,
              ");");
      if (f > 0) absl::StrAppend(&parameters, ", ", fields[f]);
    }
    for (int i = 0; i < outputs_; ++i) {
      c_.Open();
      Transform("words", points_, absl::StrCat("half[", i, "][$]"), form_.output_c,
                absl::StrCat("sum[", i, "][$] = y$"));
      for (int j = 0; j < outputs_; ++j) {
        const std::string sum = absl::StrCat("sum[", i, "][", j, "]");
        if (kernel_.paired) c_.Line(sum, " -= pairs[", i * outputs_ + j, "];");
        const std::string exact = form_.odd == 1 ? sum : absl::StrCat("(", sum, " * ", form_.inverse(), "u)");
        c_.Line(sum, " = (words)((signed_words)", exact, " >> ", form_.shifts[i] + form_.shifts[j],
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

  static std::string Sum(int64_t row, int64_t vector) { return absl::StrCat("sum_", row, "_", vector); }

  // A register tile at a point.
  void Multiply(int64_t rows, int64_t vectors) {
    c_.Line("// products = rows * panel, of ", rows, " tiles and ", vectors, " vectors of channels.");
    c_.Open("static inline void multiply_", rows, "_", vectors,
            "(const int16_t* row, const int16_t* panel, int32_t* to)");
    for (int64_t v = 0; v < vectors; ++v) {
      for (int64_t r = 0; r < rows; ++r) {
        c_.Line("sums ", Sum(r, v), " = ",
                kernel_.paired ? absl::StrCat("load_channels((const int32_t*)panel + ", v * lanes_, ")")
                               : "(sums){}",
                ";");
      }
    }
    if (s_.start > 0) c_.Line("panel += ", vectors * s_.start, ";");
    const int64_t step = vectors * lanes_ * kernel_.group, whole = s_.groups / plan_.unroll;
    c_.Line("const int16_t* const end = panel + ", whole * plan_.unroll * step, ";");
    c_.Open("do");
    for (int u = 0; u < plan_.unroll; ++u) Group(rows, vectors, u);
    c_.Line("row += ", plan_.unroll * kernel_.group, ";");
    c_.Line("panel += ", plan_.unroll * step, ";");
    c_.CloseWhile("panel != end");
    for (int u = 0; u < s_.groups % plan_.unroll; ++u) Group(rows, vectors, u);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t v = 0; v < vectors; ++v) {
        c_.Line("_mm", lanes_ * 32, "_store_si", lanes_ * 32, "((void*)(to + ",
                r * s_.channel_block + v * lanes_, "), ", Sum(r, v), ");");
      }
    }
    c_.Close();
  }

  void Group(int64_t rows, int64_t vectors, int64_t group) {
    const int64_t vector = lanes_ * kernel_.group;
    // Paired terms of a vector are two registers, of which one is read from memory where there are too few.
    const bool folds = kernel_.paired && rows * vectors + 4 + 2 * vectors > registers();
    c_.Open();
    for (int64_t v = 0; v < vectors; ++v) {
      c_.Line("const ", folds ? "folded_terms w" : "rhs_terms w", v, " = ", folds ? "fold_rhs" : "load_rhs",
              "(panel + ", (group * vectors + v) * vector, ");");
    }
    for (int64_t r = 0; r < rows; ++r) {
      c_.Line("const lhs_terms x", r, " = load_lhs(row + ", r * s_.ci + group * kernel_.group, ");");
      for (int64_t v = 0; v < vectors; ++v) {
        c_.Line(Sum(r, v), folds ? " = dot_folded(" : " = dot(", Sum(r, v), ", x", r, ", w", v, ");");
      }
    }
    c_.Close();
  }
  int64_t registers() const { return kernel_.isa == DotIsa::kAvx512 ? 32 : 16; }

  void Prepare() {
    const int64_t panels = s_.panels, group = kernel_.group;
    const int sets = form_.weight_rows();
    c_.Blank();
    c_.Open("void tunefarm_prepare(const void* const* constants, void* packed)");
    c_.Line("// G weights G^T, in the order in which the products read it.");
    c_.Open();
    c_.Line("const int8_t* restrict weights = constants[", facts_.rhs.access.tensor, "];");
    c_.Line("int16_t* restrict to = packed;");
    c_.Open("for (long co = 0; co < ", s_.co, "; ++co)");
    c_.Line("// Where the register tile's weights stand, how many vectors it has, and the channel's place.");
    const std::string block = absl::StrCat("co / ", s_.channel_block, " * ", s_.channel_block / lanes_);
    c_.Line("const long block = ", block, ", in_block = co % ", s_.channel_block, " / ", lanes_, ";");
    c_.Line("const long first = block + in_block / ", plan_.vectors, " * ", plan_.vectors, ";");
    c_.Line("const long end = min_long(block + ", s_.channel_block / lanes_, ", ", panels,
            "), vectors = min_long(end - first, ", plan_.vectors, "), vector = block + in_block - first;");
    c_.Open("for (long ci = 0; ci < ", s_.groups * group, "; ++ci)");
    c_.Line("int half[", sets, "][3];");
    c_.Open("for (int j = 0; j < 3; ++j)");
    Transform("int", 3,
              absl::StrCat("co < ", co_, " && ci < ", ci_, " ? weights[co * ", ci_ * 9, "L + $ * ", ci_ * 3,
                           " + j * ", ci_, " + ci] : 0"),
              form_.weights_c, "half[$][j] = y$");
    c_.Close();
    c_.Open("for (int i = 0; i < ", sets, "; ++i)");
    c_.Line("int16_t* set = to + (i * ", sets * panels, "L + first) * ", s_.panel, " + vectors * ", s_.start,
            " + (ci / ", group, " * vectors + vector) * ", lanes_ * group, " + ",
            kernel_.paired ? absl::StrCat("ci % 4 / 2 * ", lanes_ * 2, " + ") : "", "co % ", lanes_,
            " * 2 + ci % 2;");
    Transform("int", 3, "half[i][$]", form_.weights_c,
              absl::StrCat("set[$ * ", panels * s_.panel, "L] = (int16_t)y$"));
    c_.Close();
    c_.Close();
    if (kernel_.paired) PrepareStarts();
    c_.Close();
    c_.Close();
    const LoopBuffer& table = tree_.buffers[options_.dot->channels.buffer];
    c_.Line("// What each channel adds, and how it is scaled: ", table.bytes, " bytes.");
    c_.Line("int32_t* restrict to = (int32_t*)packed + ", table.offset_bytes / table.element_bytes, ";");
    dot_.PackChannels("to");
    CheckRange();
    c_.Close();
  }

  // What products of sums have too much in them on the side of the weights.
  void PrepareStarts() {
    c_.Open("for (int set = 0; set < ", form_.weight_rows() * form_.weight_rows(), "; ++set)");
    c_.Line("const int16_t* panel = to + (set * ", s_.panels, "L + first) * ", s_.panel, ";");
    c_.Line("const int16_t* w = panel + vectors * ", s_.start, " + vector * ", lanes_ * 4, " + co % ", lanes_,
            " * 2;");
    c_.Line("uint32_t sum = 0;");
    c_.Open("for (long group = 0; group < ", s_.groups, "; ++group, w += vectors * ", lanes_ * 4, ")");
    c_.Line("sum += (uint32_t)(w[0] * w[", lanes_ * 2, "]) + (uint32_t)(w[1] * w[", lanes_ * 2 + 1, "]);");
    c_.Close();
    c_.Line("((uint32_t*)panel)[vector * ", lanes_, " + co % ", lanes_, "] = -sum;");
    c_.Close();
  }

  // PackChannels looks at the sums that requantisation takes; the transform may need smaller ones.
  void CheckRange() {
    const int bits = form_.result_bits();
    if (bits >= 29) return;  // What PackChannels asks for.
    const int zero = requantize().input_zero_point;
    c_.Line("// Whether the transform gives all sums that may occur.");
    c_.Open("for (long co = 0; co < ", co_, "; ++co)");
    c_.Line("long low = 0, high = 0;");
    c_.Open("for (long i = 0; i < ", ci_ * 9, "; ++i)");
    c_.Line("const long w = ((const int8_t*)constants[", facts_.rhs.access.tensor, "])[co * ", ci_ * 9,
            "L + i];");
    c_.Line("low += w * (w < 0 ? ", 127 - zero, " : ", -128 - zero, ");");
    c_.Line("high += w * (w < 0 ? ", -128 - zero, " : ", 127 - zero, ");");
    c_.Close();
    c_.Line("if (low <= -(1 << ", bits, ") || high >= 1 << ", bits, ") to[", options_.dot->channels.elements,
            "] = 1;");
    c_.Close();
  }

  void Run() {
    const LoopBuffer& table = tree_.buffers[options_.dot->channels.buffer];
    c_.Blank();
    c_.Open("void tunefarm_run(void* const* arguments, const void* packed, void* workspace)");
    c_.Line("const int8_t* restrict input = arguments[", facts_.lhs.access.tensor, "];");
    c_.Line("int8_t* restrict output = arguments[", facts_.output.access.tensor, "];");
    c_.Line("const int16_t* restrict panels = packed;");
    c_.Line("const int32_t* restrict channels = (const int32_t*)packed + ",
            table.offset_bytes / table.element_bytes, ";");
    c_.Line("if (channels[", options_.dot->channels.elements, "]) return run_general(arguments);");
    if (options_.threads > 1) c_.Line("#pragma omp parallel for num_threads(", options_.threads, ")");
    c_.Open("for (long block = 0; block < ", s_.blocks, "; ++block)");
    c_.Line("char* area = (char*)workspace",
            options_.threads > 1 ? absl::StrCat(" + omp_get_thread_num() * ", s_.workspace_bytes, "L") : "",
            ";");
    c_.Line("int16_t* restrict tiles = (int16_t*)area;");
    c_.Line("int32_t* restrict products = (int32_t*)(area + ", s_.products_at, "L);");
    if (kernel_.paired) c_.Line("uint32_t* restrict pairs = (uint32_t*)(area + ", s_.pair_sums_at, "L);");
    c_.Line("int8_t* restrict patch = (int8_t*)(area + ", s_.patch_at, "L);");
    c_.Line("// The last block moves inwards.");
    c_.Line("const long first = min_long(block * ", s_.block, ", ", s_.tiles - s_.block, ");");
    Inputs();
    c_.Open("for (long co = 0; co < ", s_.co, "; co += ", s_.channel_block, ")");
    Products();
    Outputs();
    c_.Close();
    c_.Close();
    c_.Close();
  }

  // The loop over a block's tiles, with the place of the tile: y and x are its first row and column.
  void OpenTiles(int step, int64_t pad_t, int64_t pad_l) {
    const auto less = [](int64_t pad) { return pad == 0 ? "" : absl::StrCat(" - ", pad); };
    c_.Open("for (long tile = 0; tile < ", s_.block, "; ++tile)");
    c_.Line("const long n = (first + tile) / ", s_.rows * s_.columns, ";");
    c_.Line("const long y = (first + tile) / ", s_.columns, " % ", s_.rows, " * ", step, less(pad_t), ";");
    c_.Line("const long x = (first + tile) % ", s_.columns, " * ", step, less(pad_l), ";");
  }

  void Inputs() {
    OpenTiles(outputs_ * form_.stride, pad_t_, pad_l_);
    c_.Line("const long at = ((n * ", height_, " + y) * ", width_, " + x) * ", ci_, ";");
    c_.Line("int16_t* to = tiles + tile * ", s_.ci, ";");
    const int64_t row = width_ * ci_, last = (points_ - 1) * (row + ci_) + s_.ci;
    // The last vector of a pixel may reach over its end, but not over that of the input.
    c_.Open("if (y >= 0 && y + ", points_, " <= ", height_, " && x >= 0 && x + ", points_, " <= ", width_,
            s_.ci == ci_ ? "" : absl::StrCat(" && at + ", last, " <= ", images_ * height_ * row), ")");
    c_.Line("for (long c = 0; c < ", s_.ci, "; c += ", 2 * lanes_, ") transform_input(input + at + c, ", row,
            ", ", ci_, ", to + c);");
    c_.Else();
    c_.Line("// By way of a copy with the zero point where nothing is.");
    c_.Open("for (int i = 0; i < ", points_, "; ++i)");
    c_.Open("for (int j = 0; j < ", points_, "; ++j)");
    c_.Line("int8_t* pixel = patch + (i * ", points_, " + j) * ", s_.ci, ";");
    c_.Open("if ((unsigned long)(y + i) < ", height_, " && (unsigned long)(x + j) < ", width_, ")");
    c_.Line("__builtin_memcpy(pixel, input + at + i * ", row, " + j * ", ci_, ", ", ci_, ");");
    c_.Else();
    c_.Line("__builtin_memset(pixel, ", requantize().input_zero_point, ", ", ci_, ");");
    c_.Close();
    c_.Close();
    c_.Close();
    c_.Line("for (long c = 0; c < ", s_.ci, "; c += ", 2 * lanes_, ") transform_input(patch + c, ",
            points_ * s_.ci, ", ", s_.ci, ", to + c);");
    c_.Close();
    if (kernel_.paired) c_.Line("transform_pairs(to, pairs + tile * ", AllOutputs(), ");");
    c_.Close();
  }

  // Points with the same weights follow each other.
  void PrintOrder() {
    std::vector<std::pair<int, int>> order;  // Set, point.
    for (int i = 0; i < points_; ++i) {
      for (int j = 0; j < points_; ++j) {
        order.emplace_back(form_.weights_of[i] * form_.weight_rows() + form_.weights_of[j], i * points_ + j);
      }
    }
    std::ranges::sort(order);
    std::string points, sets;
    for (const auto& [set, point] : order) {
      absl::StrAppend(&points, point, ", ");
      absl::StrAppend(&sets, set, ", ");
    }
    c_.Line("static const unsigned char points[] = {", points, "}, sets[] = {", sets, "};");
  }

  void Products() {
    const bool shared = form_.weight_rows() < points_;
    if (shared) PrintOrder();
    c_.Line("const long end = min_long(co + ", s_.channel_block, ", ", s_.co, ");");
    const char* const counter = shared ? "i" : "point";
    c_.Open("for (long ", counter, " = 0; ", counter, " < ", AllPoints(), "; ++", counter, ")");
    if (shared) c_.Line("const long point = points[i], set = sets[i];");
    c_.Line("const int16_t* rows = tiles + point * ", s_.tile_stride, ";");
    c_.Line("const int16_t* panel = panels + (", shared ? "set" : "point", " * ", s_.panels, " + co / ",
            lanes_, ") * ", s_.panel, "L;");
    c_.Line("int32_t* to = products + point * ", s_.product_stride, ";");
    c_.Line("long c = co;");
    for (const int64_t vectors : VectorCounts()) {
      const int64_t width = vectors * lanes_;
      c_.Open(vectors == plan_.vectors ? "for" : "if", " (", vectors == plan_.vectors ? "; " : "", "c + ",
              width, vectors == plan_.vectors ? " <= end; )" : " == end)");
      RowTiles(vectors);
      c_.Line("c += ", width, ", panel += ", vectors * s_.panel, ", to += ", width, ";");
      c_.Close();
    }
    c_.Close();
  }

  void RowTiles(int64_t vectors) {
    const auto call = [&](int64_t rows, const std::string& row) {
      return absl::StrCat("multiply_", rows, "_", vectors, "(rows + ", row, " * ", s_.ci, ", panel, to + ",
                          row, " * ", s_.channel_block, ");");
    };
    const int64_t whole = s_.block / plan_.rows * plan_.rows;
    if (whole > 0) {
      c_.Line("for (long row = 0; row < ", whole, "; row += ", plan_.rows, ") ", call(plan_.rows, "row"));
    }
    if (whole < s_.block) c_.Line(call(s_.block - whole, absl::StrCat(whole)));
  }

  void Outputs() {
    OpenTiles(outputs_, 0, 0);
    c_.Line("const long rows = min_long(", outputs_, ", ", out_h_, " - y), columns = min_long(", outputs_,
            ", ", out_w_, " - x);");
    c_.Line("const int32_t* from = products + tile * ", s_.channel_block, " - co;");
    c_.Line("int8_t* out = output + ((n * ", out_h_, " + y) * ", out_w_, " + x) * ", co_, ";");
    const auto call = [&](int64_t valid) {
      return absl::StrCat("transform_output(from + c, ",
                          kernel_.paired ? absl::StrCat("pairs + tile * ", AllOutputs(), ", ") : "",
                          "channels + c * ", options_.dot->channels.fields.size(),
                          ", out + c, rows, columns, ", valid, ");");
    };
    const int64_t whole = co_ / lanes_ * lanes_;
    c_.Line("long c = co;");
    if (whole > 0) {
      c_.Line("for (; c < min_long(end, ", whole, "); c += ", lanes_, ") ", call(lanes_));
    }
    if (whole < co_) c_.Line("if (c < end) ", call(co_ - whole));
    c_.Close();
  }

  const DotWinogradPlan& plan_;
  const DotKernel& kernel_;
  const DotWinogradForm& form_;
  const DotWinogradShape& s_;
  const LoopTree& tree_;
  const ComputeFacts& facts_;
  const PrintOptions& options_;
  CText c_;
  DotPrinter dot_;
  const int lanes_, points_, outputs_;
  const int64_t images_, height_, width_, ci_, co_, pad_t_, pad_l_, out_h_, out_w_;
};

}  // namespace

std::string PrintDotWinograd(const DotWinogradPlan& plan, const DotWinogradShape& shape,
                             const Workload& workload, const LoopTree& tree, const ComputeFacts& facts,
                             const PrintOptions& options) {
  return DotWinogradPrinter(plan, shape, workload, tree, facts, options).Print();
}

}  // namespace tunefarm::schedules
