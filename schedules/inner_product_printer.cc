// How InnerProductRule prints a kernel.
#include "schedules/c_preamble.h"
#include "schedules/c_text.h"
#include "schedules/inner_product_rule.h"

namespace tunefarm::schedules {
namespace {

// A tree of additions over the lanes, by halves.
void PrintSumLanes(int lanes, CText& out) {
  out.Open("static inline float sum_lanes(vec x", lanes, ")");
  for (int half = lanes / 2; half >= 4; half /= 2) {
    std::string low, high;
    for (int lane = 0; lane < half; ++lane) {
      absl::StrAppend(&low, lane == 0 ? "" : ", ", "x", 2 * half, "[", lane, "]");
      absl::StrAppend(&high, lane == 0 ? "" : ", ", "x", 2 * half, "[", half + lane, "]");
    }
    out.Line("typedef float vec", half, " __attribute__((vector_size(", half * 4, ")));");
    out.Line("const vec", half, " x", half, " = (vec", half, "){", low, "} + (vec", half, "){", high, "};");
  }
  out.Line("return (x4[0] + x4[2]) + (x4[1] + x4[3]);");
  out.Close();
}

class InnerProductPrinter {
 public:
  InnerProductPrinter(const ComputeFacts& facts, const InnerProductAxes& axes, const InnerProductPlan& plan,
                      bool packs, int threads)
      : facts_(facts), axes_(axes), plan_(plan), packs_(packs), threads_(threads) {
    terms_ = facts.compute.axes[axes.k].extent;
    whole_ = terms_ / plan.lanes;
    column_ = packs             ? (terms_ + plan.lanes - 1) / plan.lanes * plan.lanes
              : axes.column < 0 ? 0
                                : facts.rhs.stride[axes.column];
    panel_ = Extent(axes.column) * column_;
  }

  std::string Print(const std::string& title, const std::string& config) {
    PrintPreamble(title, config, plan_.lanes, facts_.compute, out_);
    PrintSumLanes(plan_.lanes, out_);
    if (packs_) PackColumns();
    if (packs_ && facts_.rhs.constant) Prepare();
    Run();
    return out_.Take();
  }

 private:
  int64_t Extent(int axis) const { return axis < 0 ? 1 : facts_.compute.axes[axis].extent; }
  const std::string& Name(const LinearAccess& access) const {
    return facts_.compute.tensors[access.access.tensor].name;
  }
  // Where the open batch loops stand.
  CSum InBatch(const LinearAccess& access) const {
    CSum sum(access.offset);
    for (const int axis : axes_.batch) sum.Add(facts_.compute.axes[axis].name, access.stride[axis]);
    return sum;
  }
  void OpenBatch(const LinearAccess* needed) {
    for (const int axis : axes_.batch) {
      if (needed != nullptr && !needed->uses[axis]) continue;
      const Axis& a = facts_.compute.axes[axis];
      out_.Open("for (long ", a.name, " = 0; ", a.name, " < ", a.extent, "; ++", a.name, ")");
      ++batch_open_;
    }
  }
  void CloseBatch() {
    for (; batch_open_ > 0; --batch_open_) out_.Close();
  }
  // Of the panels, in elements: only constant ones are all there at once.
  CSum PanelAt() const {
    CSum sum;
    int64_t stride = panel_;
    for (auto axis = axes_.batch.rbegin(); axis != axes_.batch.rend(); ++axis) {
      if (!facts_.rhs.uses[*axis] || !facts_.rhs.constant) continue;
      sum.Add(facts_.compute.axes[*axis].name, stride);
      stride *= Extent(*axis);
    }
    return sum;
  }

  void PackColumns() {
    const int64_t k = facts_.rhs.stride[axes_.k];
    const int64_t next = axes_.column < 0 ? 0 : facts_.rhs.stride[axes_.column];
    const int64_t at_end = whole_ * plan_.lanes, repeated = at_end - (terms_ - plan_.lanes);
    out_.Line(
        "// Columns one behind the other. The last vector ends where a column ends, with zeros for what the",
        " one before it has.");
    out_.Open("static void pack_columns(const float* restrict from, float* restrict to)");
    out_.Open("for (long column = 0; column < ", Extent(axes_.column), "; ++column)");
    out_.Line("const float* restrict terms = from + column * ", next, ";");
    out_.Line("float* restrict panel = to + column * ", column_, ";");
    out_.Line("for (long k = 0; k < ", at_end, "; ++k) panel[k] = terms[k * ", k, "];");
    if (at_end < terms_) {
      out_.Line("for (long lane = 0; lane < ", repeated, "; ++lane) panel[", at_end, " + lane] = 0;");
      out_.Line("for (long lane = ", repeated, "; lane < ", plan_.lanes, "; ++lane) panel[", at_end,
                " + lane] = terms[(", terms_ - plan_.lanes, " + lane) * ", k, "];");
    }
    out_.Close();
    out_.Close();
  }

  void Prepare() {
    out_.Blank();
    out_.Open("void tunefarm_prepare(const void* const* constants, void* packed)");
    out_.Line("const float* restrict weights = constants[", facts_.rhs.access.tensor, "];");
    OpenBatch(&facts_.rhs);
    out_.Line("pack_columns(weights + ", InBatch(facts_.rhs).Text(), ", (float*)packed + ", PanelAt().Text(),
              ");");
    CloseBatch();
    out_.Close();
  }

  void Run() {
    out_.Blank();
    out_.Open("void tunefarm_run(void* const* arguments, const void* packed, void* workspace)");
    const auto argument = [&](const LinearAccess& access, const char* type) {
      out_.Line(type, "* restrict ", Name(access), " = arguments[", access.access.tensor, "];");
    };
    argument(facts_.lhs, "const float");
    const bool from_argument = !packs_ || !facts_.rhs.constant;
    if (from_argument) argument(facts_.rhs, "const float");
    for (std::size_t e = 0; e < facts_.epilogue.size(); ++e) {
      if (facts_.epilogue[e].access.tensor >= 0) argument(facts_.epilogue[e], "const float");
    }
    argument(facts_.output, "float");
    if (!packs_ || !facts_.rhs.constant) out_.Line("(void)packed;");
    if (!packs_ || facts_.rhs.constant) out_.Line("(void)workspace;");
    OpenBatch(nullptr);
    if (!packs_) {
      out_.Line("const float* restrict panels = ", Name(facts_.rhs), " + ", InBatch(facts_.rhs).Text(), ";");
    } else if (facts_.rhs.constant) {
      out_.Line("const float* restrict panels = (const float*)packed + ", PanelAt().Text(), ";");
    } else {
      out_.Line("float* restrict panels = workspace;");
      out_.Line("pack_columns(", Name(facts_.rhs), " + ", InBatch(facts_.rhs).Text(), ", panels);");
    }
    if (threads_ > 1) out_.Line("#pragma omp parallel for num_threads(", threads_, ")");
    Tiles(axes_.row, "row", plan_.rows);
    Tiles(axes_.column, "column", plan_.columns);
    Tile();
    if (axes_.column >= 0) out_.Close();
    if (axes_.row >= 0) out_.Close();
    CloseBatch();
    out_.Close();
  }

  // The loop over an axis' tiles; `name` is where a tile begins.
  void Tiles(int axis, const std::string& name, int64_t size) {
    if (axis < 0) return;
    const int64_t extent = Extent(axis);
    if (extent % size == 0) {
      out_.Open("for (long ", name, " = 0; ", name, " < ", extent, "; ", name, " += ", size, ")");
      return;
    }
    out_.Open("for (long ", name, "_0 = 0; ", name, "_0 < ", extent, "; ", name, "_0 += ", size, ")");
    out_.Line("const long ", name, " = min_long(", name, "_0, ", extent - size,
              ");  // The last tile moves inwards.");
  }

  static std::string Sum(int row, int column, int chain) {
    return absl::StrCat("sum_", row, "_", column, "_", chain);
  }

  // Vectors of a step's terms: `at` is its place along a row, `in_panel` along a column.
  void Step(int chain, int64_t at, int64_t in_panel) {
    const bool rows_stay = plan_.rows <= plan_.columns;
    const auto load = [&](bool row, int i) {
      const int64_t next = row ? (axes_.row < 0 ? 0 : int64_t{facts_.lhs.stride[axes_.row]}) : column_;
      out_.Line("const vec ", row ? "x" : "w", chain, "_", i, " = *(const vec_unaligned*)(", row ? "x" : "w",
                " + ", i * next + (row ? at : in_panel), ");");
    };
    const int outer = rows_stay ? plan_.columns : plan_.rows, inner = rows_stay ? plan_.rows : plan_.columns;
    for (int i = 0; i < inner; ++i) load(rows_stay, i);
    for (int o = 0; o < outer; ++o) {
      load(!rows_stay, o);
      for (int i = 0; i < inner; ++i) {
        const int row = rows_stay ? i : o, column = rows_stay ? o : i;
        out_.Line(Sum(row, column, chain), " += x", chain, "_", row, " * w", chain, "_", column, ";");
      }
    }
  }

  void Tile() {
    out_.Open();
    const auto from = [&](const LinearAccess& access) {
      CSum sum = InBatch(access);
      if (axes_.row >= 0) sum.Add("row", access.stride[axes_.row]);
      if (axes_.column >= 0) sum.Add("column", access.stride[axes_.column]);
      return sum.Text();
    };
    out_.Line("const float* restrict x = ", Name(facts_.lhs), " + ", from(facts_.lhs), ";");
    out_.Line("const float* restrict w = panels",
              axes_.column < 0 ? "" : absl::StrCat(" + column * ", column_), ";");
    ForEachResult([&](int row, int column) {
      for (int chain = 0; chain < plan_.chains; ++chain)
        out_.Line("vec ", Sum(row, column, chain), " = {0};");
    });
    const int64_t step = int64_t{plan_.lanes} * plan_.chains, rounds = whole_ / plan_.chains;
    out_.Open("for (long k = 0; k < ", rounds * step, "; k += ", step, ", x += ", step, ", w += ", step, ")");
    for (int chain = 0; chain < plan_.chains; ++chain)
      Step(chain, int64_t{chain} * plan_.lanes, int64_t{chain} * plan_.lanes);
    out_.Close();
    // What is left; x and w stand behind the last round.
    const int64_t done = rounds * step;
    out_.Open();
    for (int64_t s = rounds * plan_.chains; s < whole_; ++s) {
      const int64_t at = s * plan_.lanes - done;
      Step(static_cast<int>(s % plan_.chains), at, at);
    }
    if (whole_ * plan_.lanes < terms_) {
      Step(static_cast<int>(whole_ % plan_.chains), terms_ - plan_.lanes - done, whole_ * plan_.lanes - done);
    }
    out_.Close();
    ForEachResult([&](int row, int column) {
      std::string sum = Sum(row, column, 0);
      for (int chain = 1; chain < plan_.chains; ++chain)
        absl::StrAppend(&sum, " + ", Sum(row, column, chain));
      out_.Open();
      out_.Line("float result = sum_lanes(", sum, ");");
      const auto element = [&](const LinearAccess& access) {
        CSum at = InBatch(access);
        if (axes_.row >= 0) {
          at.Add("row", access.stride[axes_.row]);
          at.Add(int64_t{row} * access.stride[axes_.row]);
        }
        if (axes_.column >= 0) {
          at.Add("column", access.stride[axes_.column]);
          at.Add(int64_t{column} * access.stride[axes_.column]);
        }
        return absl::StrCat(Name(access), "[", at.Text(), "]");
      };
      for (std::size_t e = 0; e < facts_.epilogue.size(); ++e) {
        switch (facts_.compute.epilogue[e].step) {
          case EpilogueStep::kBias:
          case EpilogueStep::kResidual:
            out_.Line("result += ", element(facts_.epilogue[e]), ";");
            break;
          case EpilogueStep::kRelu:
            out_.Line("result = result > 0 ? result : 0;");
            break;
          case EpilogueStep::kRelu6:
            out_.Line("result = result > 0 ? (result < 6 ? result : 6) : 0;");
            break;
        }
      }
      out_.Line(element(facts_.output), " = result;");
      out_.Close();
    });
    out_.Close();
  }

  template <typename Print>
  void ForEachResult(const Print& print) {
    for (int row = 0; row < plan_.rows; ++row) {
      for (int column = 0; column < plan_.columns; ++column) print(row, column);
    }
  }

  const ComputeFacts& facts_;
  const InnerProductAxes& axes_;
  const InnerProductPlan& plan_;
  const bool packs_;
  const int threads_;
  int64_t terms_ = 0, whole_ = 0;   // Of a sum; vectors of them that do not reach over its end.
  int64_t column_ = 0, panel_ = 0;  // From column to column as they are read, and all of them.
  int batch_open_ = 0;
  CText out_;
};

}  // namespace

std::string InnerProductRule::Print(const InnerProductPlan& plan, const std::string& title,
                                    const std::string& config) const {
  return InnerProductPrinter(*facts_, axes_, plan, !ReadsColumns(plan.lanes), Shares() ? threads_ : 1)
      .Print(title, config);
}

}  // namespace tunefarm::schedules
