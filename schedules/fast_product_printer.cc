// How FastProductRule prints a kernel.
#include "schedules/c_preamble.h"
#include "schedules/c_text.h"
#include "schedules/fast_product_layout.h"
#include "schedules/fast_product_packing.h"
#include "schedules/fast_product_store.h"
#include "schedules/fast_product_tile.h"

namespace tunefarm::schedules {
namespace {

class FastProductPrinter {
 public:
  FastProductPrinter(const ComputeFacts& facts, const ProductFactors& factors, const FastProductPlan& plan,
                     int threads, int registers)
      : facts_(facts),
        factors_(factors),
        plan_(plan),
        layout_(LayOut(facts, factors, plan, threads)),
        form_(StrassenProducts(plan.levels)),
        kernel_{facts_, factors_, plan_, layout_, form_},
        registers_(registers),
        tile_lanes_(plan.tile_lanes()),
        terms_(plan.tile.terms) {}

  std::string Print(const std::string& title, const std::string& config) {
    PrintPreamble(title, config, plan_.tile.lanes, facts_.compute, out_);
    PrintPackingTypes(kernel_, out_);
    if (layout_.packed_elements > 0) {
      PrintPackConstant(kernel_, out_);
      Prepare();
    }
    if (layout_.rows_blocked && !ReadsRowsInPlace(factors_, layout_, plan_)) PrintGatherRows(kernel_, out_);
    if (layout_.rows_blocked) PrintPackRows(kernel_, out_);
    if (!layout_.rows_blocked || layout_.packs_other) PrintPackLanes(kernel_, out_);
    PrintMultiply(kernel_, registers_, out_);
    store_.Helpers();
    Run();
    return out_.Take();
  }

 private:
  int64_t Extent(int axis) const { return facts_.compute.axes[axis].extent; }
  const std::string& AxisName(int axis) const { return facts_.compute.axes[axis].name; }
  const std::string& TensorName(const LinearAccess& access) const {
    return facts_.compute.tensors[access.access.tensor].name;
  }
  CSum Outer(const LinearAccess& access) const { return OuterOffset(kernel_, access); }
  std::string Flat(const LinearAccess& access, const std::vector<int>& axes, const std::string& index) const {
    return FlatOffset(facts_, access, axes, index);
  }
  // The copy of the constant factor for the place of the outer loops.
  std::string PackedAt(const ProductFactor& factor) const {
    CSum sum;
    int64_t stride = layout_.other.elements;
    for (auto axis = factors_.outer.rbegin(); axis != factors_.outer.rend(); ++axis) {
      if (!factor.access->uses[*axis]) continue;
      sum.Add(AxisName(*axis), stride);
      stride *= Extent(*axis);
    }
    return sum.Text();
  }
  void OpenOuter(const LinearAccess* needed) {
    for (const int axis : factors_.outer) {
      if (needed != nullptr && !needed->uses[axis]) continue;
      out_.Open("for (long ", AxisName(axis), " = 0; ", AxisName(axis), " < ", Extent(axis), "; ++",
                AxisName(axis), ")");
      ++outer_open_;
    }
  }
  void CloseOuter() {
    for (; outer_open_ > 0; --outer_open_) out_.Close();
  }

  void Prepare() {
    const ProductFactor& factor = layout_.rows_blocked ? factors_.lanes : factors_.rows;
    out_.Blank();
    out_.Open("void tunefarm_prepare(const void* const* constants, void* packed)");
    out_.Line("const float* restrict weights = constants[", factor.access->access.tensor, "];");
    OpenOuter(factor.access);
    out_.Line("pack_constant(weights + ", Outer(*factor.access).Text(), ", (float*)packed + ",
              PackedAt(factor), ");");
    CloseOuter();
    out_.Close();
  }

  // So many groups of rows, from `first` on, into `to`, laid out as `packed`.
  void PackRowGroups(const PackedFactor& packed, const std::string& groups, const std::string& to,
                     const std::string& first) {
    const ProductFactor& factor = factors_.rows;
    if (layout_.shares_block) Share();
    out_.Open("for (long group = 0; group < ", groups, "; ++group)");
    const bool in_place = ReadsRowsInPlace(factors_, layout_, plan_);
    out_.Line("const float* rows[", packed.width, "];");
    if (!in_place) out_.Line("long numbers[", packed.width, "];");
    out_.Open("for (long r = 0; r < ", packed.width, "; ++r)");
    out_.Line("const long row = min_long(", first, " + group * ", packed.width, " + r, ", factor.extent - 1,
              ");");
    if (in_place) {
      out_.Line("rows[r] = ", TensorName(*factor.access), " + ",
                CSumText(Outer(*factor.access), Flat(*factor.access, factor.axes, "row")), ";");
    } else {
      out_.Line("numbers[r] = row;");
      out_.Line("rows[r] = ", Gathered(), " + r * ", GatheredRow(layout_, plan_), ";");
    }
    out_.Close();
    if (!in_place) {
      std::string outer;
      for (const int axis : factors_.outer) absl::StrAppend(&outer, AxisName(axis), ", ");
      out_.Line("gather_rows(", TensorName(*factor.access), ", ", outer, "numbers, ", Gathered(), ");");
    }
    out_.Line("pack_rows(rows, ", GroupOf(packed, to, "group"), Exist(packed, factor, first), ");");
    out_.Close();
  }

  // How many rows or lanes there are from a group's first on, where it matters.
  std::string Exist(const PackedFactor& packed, const ProductFactor& factor, const std::string& first) const {
    if (packed.last_parts == layout_.splits) return "";
    return absl::StrCat(", ", factor.extent, " - ", first, " - group * ", packed.width);
  }

  // Whether the group that begins at `first` is the last one and shorter than others.
  std::string IsShort(const PackedFactor& packed, const ProductFactor& factor, const char* first,
                      int few) const {
    if (packed.last_parts == layout_.splits && few == 0) return "0";
    return absl::StrCat(first, " + ", few > 0 ? few : packed.last_parts * packed.part, " >= ", factor.extent);
  }

  // Where a group's tiles, sums of pairs and scales are.
  std::string GroupOf(const PackedFactor& packed, const std::string& at, const std::string& group) const {
    const auto place = [&](int64_t first, int64_t apart) {
      return absl::StrCat(at, " + ", first, "L + ", group, " * ", apart, "L");
    };
    return absl::StrCat(place(0, packed.group), ", ",
                        plan_.tile.pairs ? place(packed.pairs, packed.group_pairs) : "0", ", ",
                        place(packed.scales, packed.width));
  }

  // `shared`: by all threads.
  void PackLaneGroups(const PackedFactor& packed, const std::string& groups, const std::string& to,
                      const std::string& first, bool shared) {
    const ProductFactor& factor = factors_.lanes;
    const bool in_place = ReadsLanesInPlace(factors_);
    const std::string outer = Outer(*factor.access).Text();
    const int64_t vectors = packed.width / plan_.tile.lanes;
    if (in_place) {
      // All whole groups at once, in the order of memory; a thread's part of them.
      const int parts = shared ? layout_.threads : 1;
      if (shared) Share();
      out_.Open("for (long part = 0; part < ", parts, "; ++part)");
      out_.Line("const long whole = min_long(", groups, ", (", factor.extent, " - ", first, ") / ",
                packed.width, ") * ", vectors, ";");
      out_.Line("const long begin = whole * part / ", parts, ", end = whole * (part + 1) / ", parts, ";");
      const std::string lane = absl::StrCat("begin * ", plan_.tile.lanes);
      out_.Line("measure_lanes(", TensorName(*factor.access), " + ", outer, " + ", first, " + ", lane, ", ",
                factor.access->stride[factors_.terms[0]], ", end - begin, ", to, " + ", packed.scales, "L + ",
                lane, ");");
      out_.Close();
    }
    if (shared) Share();
    out_.Open("for (long group = 0; group < ", groups, "; ++group)");
    out_.Line("const long lane = ", first, " + group * ", packed.width, ";");
    if (in_place) {
      out_.Line("const float* from = ", TensorName(*factor.access), " + ", outer, " + lane;");
      out_.Line("long next = ", factor.access->stride[factors_.terms[0]], ";");
    } else {
      out_.Line("float* restrict gathered = ", Gathered(), ";");
      out_.Line("const float* from = gathered;");
      out_.Line("const long next = ", packed.width, ";");
    }
    if (!in_place || factor.extent % packed.width != 0) {
      if (in_place) {
        out_.Open("if (lane + ", packed.width, " > ", factor.extent, ")");
      } else {
        out_.Open();
      }
      if (in_place) out_.Line("float* restrict gathered = ", Gathered(), ";");
      out_.Line("const float* restrict lanes[", packed.width, "];");
      out_.Open("for (long l = 0; l < ", packed.width, "; ++l)");
      out_.Line("const long at = min_long(lane + l, ", factor.extent - 1, ");");
      out_.Line("lanes[l] = ", TensorName(*factor.access), " + ",
                CSumText(Outer(*factor.access), Flat(*factor.access, factor.axes, "at")), ";");
      out_.Close();
      out_.Open("for (long k = 0; k < ", factors_.term_count, "; ++k)");
      out_.Line("const long term = ", Flat(*factor.access, factors_.terms, "k"), ";");
      out_.Line("for (long l = 0; l < ", packed.width, "; ++l) gathered[k * ", packed.width,
                " + l] = lanes[l][term];");
      out_.Close();
      out_.Line("measure_lanes(gathered, ", packed.width, ", ", vectors, ", ", to, " + ", packed.scales,
                "L + group * ", packed.width, ");");
      if (in_place) {
        out_.Line("from = gathered;");
        out_.Line("next = ", packed.width, ";");
      }
      out_.Close();
    }
    out_.Line("pack_lanes(from, next, ", GroupOf(packed, to, "group"), Exist(packed, factor, first), ");");
    out_.Close();
  }

  void Share(const char* more = "") {
    out_.Line("#pragma omp parallel for num_threads(", layout_.threads, ")", more);
  }
  // Where the running thread gathers.
  std::string Gathered() const {
    return absl::StrCat(
        "((float*)workspace + ", layout_.shared_elements + layout_.block_elements, "L",
        layout_.threads > 1 ? absl::StrCat(" + omp_get_thread_num() * ", layout_.thread_stride(), "L") : "",
        ")");
  }

  static std::string CSumText(CSum sum, const std::string& more) {
    sum.Add(more, 1);
    return sum.Text();
  }

  void Run() {
    const bool rows_blocked = layout_.rows_blocked;
    out_.Blank();
    if (layout_.threads > 1) out_.Line("extern int omp_get_thread_num(void);");
    out_.Open("void tunefarm_run(void* const* arguments, const void* packed, void* workspace)");
    const auto argument = [&](const LinearAccess& access, const char* type) {
      out_.Line(type, "* restrict ", TensorName(access), " = arguments[", access.access.tensor, "];");
    };
    for (const ProductFactor* factor : {&factors_.rows, &factors_.lanes}) {
      if (!factor->access->constant) argument(*factor->access, "const float");
    }
    for (std::size_t e = 0; e < facts_.epilogue.size(); ++e) {
      if (facts_.epilogue[e].access.tensor >= 0) argument(facts_.epilogue[e], "const float");
    }
    argument(facts_.output, "float");
    if (layout_.packed_elements == 0) out_.Line("(void)packed;");
    const ProductFactor& other = rows_blocked ? factors_.lanes : factors_.rows;
    const ProductFactor& blocked = rows_blocked ? factors_.rows : factors_.lanes;
    OpenOuter(nullptr);
    if (layout_.packs_other) {
      out_.Line("float* restrict other = workspace;");
      PackLaneGroups(layout_.other, absl::StrCat(layout_.other.groups()), "other", "0", layout_.threads > 1);
    } else {
      out_.Line("const float* restrict other = (const float*)packed + ", PackedAt(other), ";");
    }
    const bool shares_blocks = layout_.threads > 1 && !layout_.shares_block;
    if (shares_blocks) Share();
    out_.Open("for (long part = 0; part < ", layout_.blocks, "; ++part)");
    out_.Line("float* restrict own = (float*)workspace + ", layout_.shared_elements, "L",
              shares_blocks ? absl::StrCat(" + omp_get_thread_num() * ", layout_.thread_stride(), "L") : "",
              ";");
    out_.Line("const long first = part * ", layout_.block, ";");
    if (layout_.sum_blocks > 1)
      out_.Line("vec* restrict partial = (vec*)(own + ", layout_.blocked.elements, "L);");
    const PackedFactor &rows = layout_.rows(), &lanes = layout_.lanes();
    const std::string a = rows_blocked ? "own" : "other", b = rows_blocked ? "other" : "own";
    // Groups that exist; a last block may have fewer than others.
    const auto groups = [&](const PackedFactor& packed, bool is_blocked) {
      if (!is_blocked || layout_.blocks == 1) return absl::StrCat(packed.groups());
      return absl::StrCat("min_long(", layout_.block / packed.width, ", (", blocked.extent, " - first + ",
                          packed.width - 1, ") / ", packed.width, ")");
    };
    out_.Line("const long row_groups = ", groups(rows, rows_blocked),
              ", lane_groups = ", groups(lanes, !rows_blocked), ";");
    if (rows_blocked) {
      PackRowGroups(layout_.blocked, "row_groups", "own", "first");
    } else {
      PackLaneGroups(layout_.blocked, "lane_groups", "own", "first", layout_.shares_block);
    }
    const bool in_blocks = layout_.sum_blocks > 1;
    if (layout_.shares_block) Share(" collapse(2)");
    out_.Open("for (long lane_group = 0; lane_group < lane_groups; ++lane_group)");
    if (in_blocks) {
      out_.Open("for (long block = 0; block < ", layout_.sum_blocks, "; ++block)");
      out_.Line("const long steps = min_long(", plan_.steps, ", ", layout_.steps, " - block * ", plan_.steps,
                ");");
    }
    out_.Open("for (long row_group = 0; row_group < row_groups; ++row_group)");
    const int64_t sums = int64_t{plan_.tile.rows} * plan_.tile.vectors;
    const int64_t group_sums = sums * layout_.splits * layout_.splits;
    if (in_blocks) {
      out_.Line("vec* sums = partial + row_group * ", group_sums, ";");
    } else if (layout_.keeps_sums()) {
      out_.Line("vec sums[", group_sums, "];");
    }
    const auto first_of = [](bool is_blocked, const char* group, const PackedFactor& packed) {
      return absl::StrCat(is_blocked ? "first + " : "", group, " * ", packed.width);
    };
    out_.Line("const long first_row = ", first_of(rows_blocked, "row_group", rows),
              ", first_lane = ", first_of(!rows_blocked, "lane_group", lanes), ";");
    store_.Fetch();
    const auto group_of = [&](const PackedFactor& packed, const std::string& at, const char* group) {
      return absl::StrCat(at, " + ", group, " * ", packed.group, "L",
                          in_blocks ? absl::StrCat(" + block * ", packed.block, "L") : "");
    };
    const auto pairs_of = [&](const PackedFactor& packed, const std::string& at, const char* group) {
      return plan_.tile.pairs
                 ? absl::StrCat(at, " + ", packed.pairs, "L + ", group, " * ", packed.group_pairs, "L",
                                in_blocks ? absl::StrCat(" + block * ", packed.all_pairs, "L") : "")
                 : "0";
    };
    const std::string factors =
        absl::StrCat(group_of(rows, a, "row_group"), ", ", group_of(lanes, b, "lane_group"), ", ",
                     in_blocks ? "steps" : absl::StrCat(layout_.steps));
    const std::string pairs =
        absl::StrCat(", ", pairs_of(rows, a, "row_group"), ", ", pairs_of(lanes, b, "lane_group"));
    const std::string few = IsShort(rows, factors_.rows, "first_row", layout_.few_rows);
    if (layout_.keeps_sums()) {
      out_.Line("multiply_group(", factors, pairs, ", sums, ", in_blocks ? "block == 0" : "1", ", ", few,
                ", ", IsShort(lanes, factors_.lanes, "first_lane", 0), ");");
    } else {
      out_.Line("const tile_sums sums = ",
                layout_.few_rows > 0 ? absl::StrCat(few, " ? multiply_few(", factors, ") : ") : "",
                "multiply(", factors, pairs, ");");
    }
    if (in_blocks) out_.Line("if (block + 1 < ", layout_.sum_blocks, ") continue;");
    const auto scales_of = [&](const char* name, const PackedFactor& packed, const std::string& at,
                               const char* group) {
      out_.Line("const float* restrict ", name, " = ", at, " + ", packed.scales, "L + ", group, " * ",
                packed.width, ";");
    };
    scales_of("group_row_scales", rows, a, "row_group");
    scales_of("group_lane_scales", lanes, b, "lane_group");
    store_.Group();
    for (int i = 0; i < (in_blocks ? 4 : 3); ++i) out_.Close();
    CloseOuter();
    out_.Close();
  }

  const ComputeFacts& facts_;
  const ProductFactors& factors_;
  const FastProductPlan& plan_;
  const FastProductLayout layout_;
  const BlockProducts& form_;
  const FastProductKernel kernel_;
  const int registers_;
  const int64_t tile_lanes_;
  const int terms_;  // Of a step.
  int outer_open_ = 0;
  CText out_;
  const FastProductStore store_{kernel_, out_};
};

}  // namespace

std::string FastProductRule::Print(const FastProductPlan& plan, const std::string& title,
                                   const std::string& config) const {
  return FastProductPrinter(*facts_, factors_, plan, threads_, target_.vector_registers).Print(title, config);
}

}  // namespace tunefarm::schedules
