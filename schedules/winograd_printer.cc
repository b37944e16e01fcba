#include "schedules/winograd_printer.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "schedules/c_printer.h"
#include "schedules/transform_printer.h"

namespace tunefarm::schedules {
namespace {

class WinogradPrinter : private TransformPrinter {
 public:
  WinogradPrinter(const WinogradShape& shape, const WinogradPlan& plan, const Workload& workload,
                  const ComputeDefinition& compute, const PrintOptions& options)
      : TransformPrinter(workload, compute, plan.products.lanes, options),
        s_(shape),
        form_(*shape.form),
        shares_block_(plan.shares_block),
        panel_(int64_t{plan.products.lanes} * plan.products.vectors),
        panels_((shape.co_part + panel_ - 1) / panel_) {}

  std::string Print(const PrintOptions& options, const std::string& products) {
    PrintHelpers(options);
    Transforms();
    if (SharesBlocks()) c_.Line("extern int omp_get_thread_num(void);");
    Prepare();
    std::string text = c_.Take();
    text += products;
    text += Run();
    return text;
  }

 private:
  void Transforms() {
    const int points = form_.points, outputs = form_.outputs;
    c_.Line("// The second half of B^T x B; `to` holds a point every ", s_.tile_stride, " floats.");
    c_.Open("static inline void transform_columns(vec half[", points, "][", points, "], float* to)");
    c_.Open("for (int i = 0; i < ", points, "; ++i)");
    Transform("vec", points, "half[i][$]", form_.input_c,
              absl::StrCat("*(vec*)(to + (i * ", points, " + $) * ", s_.tile_stride, ")"));
    c_.Close();
    c_.Close();
    c_.Line("// B^T x B of the tile whose rows, columns and blocks of channels stand so far apart.");
    c_.Open(
        "static inline void transform_input(const float* from, long row, long column, long blocks, float* "
        "to)");
    if (!SpansBlocks()) c_.Line("(void)blocks;");
    c_.Line("vec half[", points, "][", points, "];");
    c_.Open("for (int j = 0; j < ", points, "; ++j)");
    Transform("vec", points, Load("from + $ * row + j * column", "blocks"), form_.input_c, "half[$][j]");
    c_.Close();
    c_.Line("transform_columns(half, to);");
    c_.Close();
    c_.Line("// The same of a tile of which some rows, and columns but for first .. last - 1, do not exist.");
    c_.Open(
        "static inline void transform_edge(const float* from, const long* rows, const mask* exists, long ",
        "first, long last, float* to)");
    c_.Line("vec half[", points, "][", points, "] = {{{0}}};");
    c_.Open("for (long j = first; j < last; ++j)");
    Transform("vec", points,
              absl::StrCat("(vec)((mask)",
                           Load(absl::StrCat("from + rows[$] + j * ", in_.x), absl::StrCat(in_.block)),
                           " & exists[$])"),
              form_.input_c, "half[$][j]");
    c_.Close();
    c_.Line("transform_columns(half, to);");
    c_.Close();
    c_.Line("// A^T x A of a tile's products.");
    c_.Open("static inline void transform_output(const float* from, vec to[", outputs, "][", outputs, "])");
    c_.Line("vec half[", outputs, "][", points, "];");
    c_.Open("for (int j = 0; j < ", points, "; ++j)");
    Transform("vec", points,
              absl::StrCat("*(const vec*)(from + ($ * ", points, " + j) * ", s_.product_stride, ")"),
              form_.output_c, "half[$][j]");
    c_.Close();
    c_.Open("for (int i = 0; i < ", outputs, "; ++i)");
    Transform("vec", points, "half[i][$]", form_.output_c, "to[i][$]");
    c_.Close();
    c_.Close();
  }

  void Prepare() {
    const int64_t ci = w_.dim("ci"), co = w_.dim("co");
    const int rows = form_.weight_rows();
    c_.Blank();
    c_.Open("void tunefarm_prepare(const void* const* constants, void* packed)");
    c_.Line("// G weights G^T, in the order in which the products read it.");
    c_.Line("const float* restrict weights = constants[1];");
    c_.Line("float* restrict to = packed;");
    c_.Open("for (long place = 0; place < ", s_.parts() * panels_ * panel_, "; ++place)");
    const int64_t part = panels_ * panel_;  // What of its last panel is more than the part is not read.
    c_.Line(
        "const long co = ",
        s_.parts() == 1 ? "place" : absl::StrCat("place / ", part, " * ", s_.co_part, " + place % ", part),
        ";");
    c_.Open("for (long ci = 0; ci < ", ci, "; ++ci)");
    c_.Line("float half[", rows, "][3];");
    c_.Open("for (int j = 0; j < 3; ++j)");
    const std::string element =
        w_.layout() == Layout::kNhwc
            ? absl::StrCat("weights[co * ", ci * 9, " + $ * ", ci * 3, " + j * ", ci, " + ci]")
            : absl::StrCat("weights[co * ", ci * 9, " + ci * 9 + $ * 3 + j]");
    Transform("float", 3, absl::StrCat("co < ", co, " ? ", element, " : 0"), form_.weights_c, "half[$][j]");
    c_.Close();
    c_.Open("for (int i = 0; i < ", rows, "; ++i)");
    c_.Line("float* set = to + ((i * ", rows * s_.parts() * panels_, " + place / ", panel_, ") * ", ci,
            " + ci) * ", panel_, " + place % ", panel_, ";");
    Transform("float", 3, "half[i][$]", form_.weights_c, absl::StrCat("set[$ * ", set_elements(), "L]"));
    c_.Close();
    c_.Close();
    c_.Close();
    c_.Close();
    c_.Blank();
  }

  std::string Run() {
    c_.Blank();
    OpenRun();
    if (SharesBlocks()) Share();
    c_.Open("for (long block = 0; block < ", s_.blocks, "; ++block)");
    c_.Line("float* restrict tiles = ", buffers(),
            SharesBlocks() ? absl::StrCat(" + omp_get_thread_num() * ", s_.buffer_elements(), "L") : "", ";");
    c_.Line("float* restrict products = tiles + ", s_.points() * s_.tile_stride, ";");
    c_.Line("// The last block moves inwards.");
    c_.Line("const long first = min_long(block * ", s_.block, ", ", s_.tiles - s_.block, ");");
    Inputs();
    Multiply();
    Outputs();
    c_.Close();
    CloseRun();
    return c_.Take();
  }

  // Of transformed weights.
  int64_t part_elements() const { return panels_ * w_.dim("ci") * panel_; }
  int64_t set_elements() const { return part_elements() * s_.parts(); }

  // Points of one part of a set of weights after one another.
  void Multiply() {
    std::vector<std::array<int, 3>> order;  // Set, part, point.
    for (int point = 0; point < s_.points(); ++point) {
      const int set = form_.weights_of[point / form_.points] * form_.weight_rows() +
                      form_.weights_of[point % form_.points];
      for (int part = 0; part < s_.parts(); ++part) order.push_back({set, part, point});
    }
    std::ranges::sort(order);
    std::string table;
    for (const auto& [set, part, point] : order)
      absl::StrAppend(&table, table.empty() ? "" : ", ", "{", set, ", ", part, ", ", point, "}");
    c_.Line("static const struct { short set, part, point; } order[", order.size(), "] = {", table, "};");
    if (shares_block_) Share();
    c_.Open("for (long i = 0; i < ", order.size(), "; ++i)");
    c_.Line("const long set = order[i].set, part = order[i].part, point = order[i].point;");
    c_.Line("void* const operands[] = {tiles + point * ", s_.tile_stride, ", 0, products + point * ",
            s_.product_stride, " + part * ", s_.co_part, "};");
    c_.Line("multiply(operands, (const float*)packed + set * ", set_elements(), "L + part * ",
            part_elements(), "L, 0);");
    c_.Close();
  }

  bool SharesBlocks() const { return threads_ > 1 && !shares_block_; }

  // The loop over a block's tiles, with the place of the tile: y and x are its first row and column, `step`
  // apart.
  void OpenTiles(int step, int64_t pad_t, int64_t pad_l) {
    if (shares_block_) Share();
    c_.Open("for (long tile = 0; tile < ", s_.block, "; ++tile)");
    c_.Line("const long n = (first + tile) / ", s_.rows * s_.columns, ";");
    c_.Line("const long y = (first + tile) / ", s_.columns, " % ", s_.rows, " * ", step, " - ", pad_t, ";");
    c_.Line("const long x = (first + tile) % ", s_.columns, " * ", step, " - ", pad_l, ";");
  }

  void Inputs() {
    const int points = form_.points;
    OpenTiles(form_.outputs * form_.stride, w_.dim("pad_t"), w_.dim("pad_l"));
    c_.Line("const float* from = input + n * ", in_.n, " + y * ", in_.y, " + x * ", in_.x, ";");
    c_.Line("float* to = tiles + tile * ", s_.ci, ";");
    EdgeOfTile();
    c_.Open("for (long c = 0; c < ", s_.ci, "; c += ", lanes_, ")");
    const std::string at = absl::StrCat("from + ", ChannelOffset(in_, "c"));
    c_.Open("if (inside && c + ", lanes_, " <= ", in_.channels, ")");
    c_.Line("transform_input(", at, ", ", in_.y, ", ", in_.x, ", ", in_.block, ", to + c);");
    c_.Line("continue;");
    c_.Close();
    c_.Open("if (c + ", lanes_, " <= ", in_.channels, ")");
    c_.Line("transform_edge(", at, ", rows, exists, first_column, last_column, to + c);");
    c_.Line("continue;");
    c_.Close();
    c_.Line("// By way of a copy with zeros where nothing is.");
    c_.Line("float patch[", points, "][", points, "][", lanes_, "];");
    c_.Line("const long valid = min_long(", in_.channels, " - c, ", lanes_, ");");
    c_.Open("for (int i = 0; i < ", points, "; ++i)");
    c_.Open("for (int j = 0; j < ", points, "; ++j)");
    c_.Line("const float* pixel = from + ", ChannelOffset(in_, "c"), " + i * ", in_.y, " + j * ", in_.x, ";");
    c_.Line("const int exists = (unsigned long)(y + i) < ", in_.height, " && (unsigned long)(x + j) < ",
            in_.width, ";");
    c_.Open("if (exists && valid == ", lanes_, ")");
    const std::string lane_at = SpansBlocks() ? ChannelOffset(in_, "lane") : "lane";
    c_.Line("for (int lane = 0; lane < ", lanes_, "; ++lane) patch[i][j][lane] = pixel[", lane_at, "];");
    c_.Else();
    c_.Line("for (int lane = 0; lane < ", lanes_,
            "; ++lane) patch[i][j][lane] = exists && lane < valid ? pixel[", lane_at, "] : 0;");
    c_.Close();
    c_.Close();
    c_.Close();
    c_.Line("transform_input(&patch[0][0][0], ", int64_t{points} * lanes_, ", ", lanes_, ", ", block_,
            ", to + c);");
    c_.Close();
    c_.Close();
  }

  // Which of the tile's rows and columns exist; of those that do not, a row that does is read and masked.
  void EdgeOfTile() {
    const int points = form_.points;
    c_.Line("const int inside = y >= 0 && y + ", points, " <= ", in_.height, " && x >= 0 && x + ", points,
            " <= ", in_.width, ";");
    c_.Line("const long first_column = x < 0 ? -x : 0, last_column = min_long(", points, ", ", in_.width,
            " - x);");
    c_.Line("long rows[", points, "];");
    c_.Line("mask exists[", points, "];");
    c_.Open("for (int i = 0; !inside && i < ", points, "; ++i)");
    c_.Line("const long row = y + i < 0 ? 0 : min_long(y + i, ", in_.height - 1, ");");
    c_.Line("rows[i] = (row - y) * ", in_.y, ";");
    c_.Line("exists[i] = (mask){0} - (row == y + i);");
    c_.Close();
  }

  void Outputs() {
    const ImageStrides& o = out_;
    const int outputs = form_.outputs;
    OpenTiles(outputs, 0, 0);
    const std::string at =
        absl::StrCat("n * ", o.n, " + (y + i) * ", o.y, " + (x + j) * ", o.x, " + ", ChannelOffset(o, "c"));
    c_.Open("for (long c = 0; c < ", o.channels, "; c += ", lanes_, ")");
    c_.Line("vec done[", outputs, "][", outputs, "];");
    c_.Line("transform_output(products + tile * ", s_.co, " + c, done);");
    // Written out, so that the results stay in registers.
    c_.Open("if (y + ", outputs, " <= ", o.height, " && x + ", outputs, " <= ", o.width, " && c + ", lanes_,
            " <= ", o.channels, ")");
    c_.Line("#pragma GCC unroll ", outputs);
    c_.Open("for (int i = 0; i < ", outputs, "; ++i)");
    c_.Line("#pragma GCC unroll ", outputs);
    c_.Open("for (int j = 0; j < ", outputs, "; ++j)");
    c_.Line("const long at = ", at, ";");
    if (fetches_output_) FetchNextTile(outputs * o.x);
    c_.Line("vec v = done[i][j];");
    StoreWhole();
    c_.Close();
    c_.Close();
    c_.Line("continue;");
    c_.Close();
    c_.Line("const long valid = min_long(", o.channels, " - c, ", lanes_, ");");
    c_.Open("for (int i = 0; i < min_long(", outputs, ", ", o.height, " - y); ++i)");
    c_.Open("for (int j = 0; j < min_long(", outputs, ", ", o.width, " - x); ++j)");
    c_.Line("const long at = ", at, ";");
    c_.Line("vec v = done[i][j];");
    StoreValid();
    for (int i = 0; i < 4; ++i) c_.Close();
  }

  const WinogradShape& s_;
  const WinogradForm& form_;
  const bool shares_block_;
  const int64_t panel_, panels_;
};

}  // namespace

absl::StatusOr<std::string> PrintTransformed(const WinogradRule& rule, const WinogradPlan& plan,
                                             const Workload& workload, const ComputeDefinition& compute,
                                             const PrintOptions& options) {
  TUNEFARM_ASSIGN_OR_RETURN(const LoopTree products, rule.LowerProduct(plan));
  PrintOptions of_products;
  of_products.part = "multiply";
  const std::string part = PrintC(products, rule.product_facts(plan), of_products);
  return WinogradPrinter(rule.shape(plan), plan, workload, compute, options).Print(options, part);
}

}  // namespace tunefarm::schedules
