// How PairedProductRule prints a kernel.
#include "schedules/c_preamble.h"
#include "schedules/c_text.h"
#include "schedules/paired_product_layout.h"

namespace tunefarm::schedules {
namespace {

class PairedProductPrinter {
 public:
  PairedProductPrinter(const ComputeFacts& facts, const ProductFactors& factors,
                       const PairedProductPlan& plan, int threads, int registers)
      : facts_(facts),
        factors_(factors),
        plan_(plan),
        layout_(LayOut(facts, factors, plan, threads)),
        registers_(registers),
        tile_lanes_(plan.tile_lanes()),
        terms_(plan.tile.terms) {}

  std::string Print(const std::string& title, const std::string& config) {
    PrintPreamble(title, config, plan_.tile.lanes, facts_.compute, out_);
    Types();
    if (layout_.other_copies > 0 && layout_.packed_elements > 0) {
      PackElements(layout_.rows_blocked ? factors_.lanes : factors_.rows, layout_.other);
      Prepare();
    }
    if (layout_.rows_blocked) PackRows();
    if (!layout_.rows_blocked || layout_.packs_other) PackLanes();
    Multiply();
    Run();
    return out_.Take();
  }

 private:
  int64_t Extent(int axis) const { return facts_.compute.axes[axis].extent; }
  const std::string& AxisName(int axis) const { return facts_.compute.axes[axis].name; }
  const std::string& TensorName(const LinearAccess& access) const {
    return facts_.compute.tensors[access.access.tensor].name;
  }
  // Where the outer loops stand.
  CSum Outer(const LinearAccess& access) const {
    CSum sum(access.offset);
    for (const int axis : factors_.outer) sum.Add(AxisName(axis), access.stride[axis]);
    return sum;
  }
  // How far the element is from the first for a flat index over `axes`.
  std::string Flat(const LinearAccess& access, const std::vector<int>& axes, const std::string& index) const {
    if (const std::optional<int64_t> stride = FlatStride(facts_, access, axes)) {
      CSum sum;
      sum.Add(index, *stride);
      return sum.Text();
    }
    CSum sum;
    int64_t inside = 1;
    for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
      std::string place = inside == 1 ? index : absl::StrCat(index, " / ", inside);
      if (axis + 1 != axes.rend()) place = absl::StrCat(place, " % ", Extent(*axis));
      sum.Add(place, access.stride[*axis]);
      inside *= Extent(*axis);
    }
    return sum.Text();
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

  void Types() {
    out_.Line("typedef int mask_unaligned __attribute__((vector_size(", plan_.tile.lanes * 4,
              "), may_alias, aligned(4)));");
    out_.Line("typedef float quad __attribute__((vector_size(16), may_alias));");
    out_.Line("typedef float quad_unaligned __attribute__((vector_size(16), may_alias, aligned(4)));");
    out_.Line("typedef int word __attribute__((may_alias));");
    out_.Line("// Magnitudes are compared as the integers that their bits make.");
    out_.Open("static inline mask larger(mask a, mask b)");
    out_.Line("const mask first = a > b;");
    out_.Line("return (a & first) | (b & ~first);");
    out_.Close();
    out_.Line("// The largest power of 2 that is no larger, as bits, of what is no extreme.");
    out_.Open("static inline int power_of_2(int magnitude)");
    out_.Line("const int bits = magnitude & 0x7f800000;");
    out_.Line("return bits < ", kLowest, " ? ", kLowest, " : bits > ", kHighest, " ? ", kHighest, " : bits;");
    out_.Close();
    out_.Open("static inline float from_bits(int bits)");
    out_.Line("const union { int bits; float value; } both = {bits};");
    out_.Line("return both.value;");
    out_.Close();
  }

  // Scalar code that reads elements wherever they are, for constants.
  void PackElements(const ProductFactor& factor, const PackedFactor& packed) {
    const bool rows = &factor == &factors_.rows;
    const std::string term_offset = Flat(*factor.access, factors_.terms, "k");
    out_.Blank();
    out_.Open("static void pack_constant(const float* restrict from, float* restrict to)");
    out_.Open("for (long i = 0; i < ", packed.count, "; ++i)");
    out_.Line("const float* restrict terms = from + ",
              Flat(*factor.access, factor.axes, absl::StrCat("min_long(i, ", factor.extent - 1, ")")), ";");
    out_.Line("int magnitude = 0;");
    out_.Open("for (long k = 0; k < ", factors_.term_count, "; ++k)");
    out_.Line("const int bits = *(const word*)(terms + ", term_offset, ") & 0x7fffffff;");
    out_.Line("magnitude = bits > magnitude ? bits : magnitude;");
    out_.Close();
    out_.Line("const int power = power_of_2(magnitude);");
    out_.Line("const float scale = i < ", factor.extent, " ? from_bits(", kTwice, " - power) : 0;");
    out_.Line("to[", packed.scales, " + i] = from_bits(power);");
    out_.Line("float* restrict tile = to + i / ", packed.width, " * ", packed.tile, "L + i % ", packed.width,
              rows ? absl::StrCat(" * ", terms_) : "", ";");
    out_.Open("for (long block = 0; block < ", layout_.sum_blocks, "; ++block)");
    out_.Line("float pairs = 0;");
    out_.Line("const long end = min_long((block + 1) * ", plan_.steps, ", ", layout_.steps, ");");
    out_.Open("for (long step = block * ", plan_.steps, "; step < end; ++step)");
    out_.Line("float scaled[", terms_, "];");
    out_.Open("for (long t = 0; t < ", terms_, "; ++t)");
    out_.Line("const long k = step * ", terms_, " + t;");
    out_.Line("scaled[t] = k < ", factors_.term_count, " ? terms[", term_offset, "] * scale : 0;");
    out_.Line("tile[step * ", terms_ * packed.width, " + t", rows ? "" : absl::StrCat(" * ", packed.width),
              "] = scaled[t];");
    out_.Close();
    out_.Line("pairs += scaled[0] * scaled[1];");
    out_.Close();
    out_.Line("to[", packed.pairs, " + block * ", packed.count, " + i] = pairs;");
    out_.Close();
    out_.Close();
    out_.Close();
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

  // For the loops over a block of the sum: `whole` steps have all that the fast loop reads.
  void OpenSumBlock(int64_t whole) {
    out_.Open("for (long block = 0, step = 0; block < ", layout_.sum_blocks, "; ++block)");
    out_.Line("const long end = min_long((block + 1) * ", plan_.steps, ", ", layout_.steps, ");");
    out_.Line("const long whole = min_long(end, ", whole, ");");
  }

  // A tile of rows whose terms are contiguous.
  void PackRows() {
    const int rows = plan_.tile.rows;
    const int64_t terms = factors_.term_count, lanes = plan_.tile.lanes;
    const int64_t whole = terms < 4 ? 0 : (terms - 4) / terms_ + 1;  // Steps that four terms can be read of.
    out_.Blank();
    out_.Line("// A tile of rows: [step][row][term].");
    out_.Open("static void pack_rows(const float* const* rows, float* restrict to, float* restrict pairs, ",
              "float* restrict scales)");
    out_.Line("float scale[", rows, "];");
    out_.Open("for (int row = 0; row < ", rows, "; ++row)");
    out_.Line("const float* restrict from = rows[row];");
    out_.Line("int magnitude = 0;");
    if (terms >= lanes) {
      out_.Line("mask largest = {0};");
      out_.Line("for (long k = 0; k < ", terms / lanes * lanes, "; k += ", lanes,
                ") largest = larger(*(const mask_unaligned*)(from + k) & 0x7fffffff, largest);");
      out_.Line("for (int lane = 0; lane < ", lanes,
                "; ++lane) magnitude = largest[lane] > magnitude ? largest[lane] : magnitude;");
    }
    if (terms % lanes != 0) {
      out_.Open("for (long k = ", terms / lanes * lanes, "; k < ", terms, "; ++k)");
      out_.Line("const int bits = *(const word*)(from + k) & 0x7fffffff;");
      out_.Line("magnitude = bits > magnitude ? bits : magnitude;");
      out_.Close();
    }
    out_.Line("const int power = power_of_2(magnitude);");
    out_.Line("scale[row] = from_bits(", kTwice, " - power);");
    out_.Line("scales[row] = from_bits(power);");
    out_.Close();
    for (int row = 0; row < rows; ++row) {
      out_.Line("const float* restrict row", row, " = rows[", row, "];");
      out_.Line("const float scale", row, " = scale[", row, "];");
    }
    OpenSumBlock(whole);
    out_.Line("quad sums[", rows, "] = {{0}};");
    if (terms_ < 4) out_.Line("// A fourth term is written over by the row behind.");
    out_.Open("for (; step < whole; ++step, to += ", terms_ * rows, ")");
    for (int row = 0; row < rows; ++row) {
      out_.Line("const quad x", row, " = *(const quad_unaligned*)(row", row, " + step * ", terms_,
                ") * scale", row, ";");
      out_.Line("*(quad_unaligned*)(to + ", terms_ * row, ") = x", row, ";");
      out_.Line("sums[", row, "] += x", row, " * __builtin_shufflevector(x", row, ", x", row,
                ", 1, 0, 3, 2);");
    }
    out_.Close();
    out_.Open("for (; step < end; ++step, to += ", terms_ * rows, ")");
    out_.Open("for (int row = 0; row < ", rows, "; ++row)");
    out_.Line("for (long t = 0; t < ", terms_, "; ++t) to[row * ", terms_, " + t] = step * ", terms_,
              " + t < ", terms, " ? rows[row][step * ", terms_, " + t] * scale[row] : 0;");
    out_.Line("sums[row][0] += to[row * ", terms_, "] * to[row * ", terms_, " + 1];");
    out_.Close();
    out_.Close();
    out_.Line("for (int row = 0; row < ", rows, "; ++row) pairs[block * ", layout_.rows().count,
              " + row] = sums[row][0];");
    out_.Close();
    out_.Close();
  }

  // A tile of lanes which are contiguous, term by term.
  void PackLanes() {
    const int vectors = plan_.tile.vectors;
    const int64_t terms = factors_.term_count;
    out_.Blank();
    out_.Line("// A tile of lanes: [step][term][lane].");
    out_.Open("static void pack_lanes(const float* restrict from, long next, float* restrict to, ",
              "float* restrict pairs, float* restrict scales)");
    out_.Line("mask largest[", vectors, "] = {{0}};");
    const auto at = [&](const std::string& k, int vector) {
      return absl::StrCat("(from + (", k, ") * next + ", vector * plan_.tile.lanes, ")");
    };
    out_.Open("for (long k = 0; k < ", terms, "; ++k)");
    for (int v = 0; v < vectors; ++v)
      out_.Line("largest[", v, "] = larger(*(const mask_unaligned*)", at("k", v), " & 0x7fffffff, largest[",
                v, "]);");
    out_.Close();
    out_.Line("vec scale[", vectors, "];");
    out_.Open("for (int v = 0; v < ", vectors, "; ++v)");
    out_.Line("mask power = largest[v] & 0x7f800000;");
    out_.Line("power = larger(power, (mask){0} + ", kLowest, ");");
    out_.Line("power = -larger(-power, (mask){0} - ", kHighest, ");");
    out_.Line("*(mask_unaligned*)(scales + v * ", plan_.tile.lanes, ") = power;");
    out_.Line("scale[v] = (vec)(", kTwice, " - power);");
    out_.Close();
    OpenSumBlock(terms / terms_);
    out_.Line("vec sums[", vectors, "] = {{0}};");
    const auto step = [&](int valid) {
      for (int v = 0; v < vectors; ++v) {
        for (int t = 0; t < terms_; ++t) {
          const std::string k = absl::StrCat("step * ", terms_, " + ", t);
          out_.Line("const vec x", v, "_", t, " = ",
                    t < valid ? absl::StrCat("*(const vec_unaligned*)", at(k, v), " * scale[", v, "]")
                              : std::string("{0}"),
                    ";");
          out_.Line("*(vec_unaligned*)(to + ", t * tile_lanes_ + int64_t{v} * plan_.tile.lanes, ") = x", v,
                    "_", t, ";");
        }
        out_.Line("sums[", v, "] += x", v, "_0 * x", v, "_1;");
      }
    };
    out_.Open("for (; step < whole; ++step, to += ", terms_ * tile_lanes_, ")");
    step(terms_);
    out_.Close();
    if (terms % terms_ != 0) {
      out_.Open("for (; step < end; ++step, to += ", terms_ * tile_lanes_, ")");
      step(static_cast<int>(terms % terms_));
      out_.Close();
    }
    out_.Line("for (int v = 0; v < ", vectors, "; ++v) *(vec_unaligned*)(pairs + block * ",
              layout_.lanes().count, " + v * ", plan_.tile.lanes, ") = sums[v];");
    out_.Close();
    out_.Close();
  }

  template <typename Print>
  void ForEachSum(const Print& print) const {
    for (int row = 0; row < plan_.tile.rows; ++row) {
      for (int v = 0; v < plan_.tile.vectors; ++v) print(row, v);
    }
  }

  // The steps of a tile, as assembler: compilers copy registers, spill them, and change the order, which is
  // what lets additions and multiply-adds run side by side. Folded, single terms are broadcast by their
  // multiply-adds, which are spread among the pairs; else they follow the pairs, in registers that those no
  // longer need.
  void Steps() {
    const int vectors = plan_.tile.vectors, rows = plan_.tile.rows, sums = rows * vectors;
    const bool folded = plan_.tile.folded;
    const auto name = [](int number) { return absl::StrCat("%%zmm", number); };
    const auto sum = [&](int row, int v) { return name(row * vectors + v); };
    // The second term's weights stay in memory where they do not fit.
    const bool both = VectorRegistersOf(plan_.tile) + vectors <= registers_;
    const int second = sums + vectors, behind = second + (both ? vectors : 0),
              single = folded ? behind : sums, free = behind + (folded ? vectors : 0);
    const std::string a0 = name(free), a1 = name(free + 1), x = name(free + 2), y = name(free + 3);
    const auto lanes_at = [&](int term, int v) {
      return absl::StrCat((term * tile_lanes_ + int64_t{v} * plan_.tile.lanes) * 4, "(%[b])");
    };
    const auto term_at = [&](int row, int term) { return absl::StrCat((row * terms_ + term) * 4, "(%[a])"); };
    std::vector<std::string> pairs, singles;
    for (int row = 0; row < rows; ++row) {
      pairs.push_back(absl::StrCat("vbroadcastss ", term_at(row, 0), ", ", a0));
      pairs.push_back(absl::StrCat("vbroadcastss ", term_at(row, 1), ", ", a1));
      for (int v = 0; v < vectors; ++v) {
        pairs.push_back(absl::StrCat("vaddps ", both ? name(second + v) : lanes_at(1, v), ", ", a0, ", ", x));
        pairs.push_back(absl::StrCat("vaddps ", name(sums + v), ", ", a1, ", ", y));
        pairs.push_back(absl::StrCat("vfmadd231ps ", x, ", ", y, ", ", sum(row, v)));
      }
    }
    for (int term = 2; term < terms_; ++term) {
      for (int v = 0; v < vectors; ++v)
        singles.push_back(absl::StrCat("vmovups ", lanes_at(term, v), ", ", name(single + v)));
      for (int r = 0; r < rows; ++r) {
        const int row = folded ? (r + rows / 2) % rows : r;  // Far from the pairs of the same sums.
        const std::string& broadcast = r % 2 == 0 ? a0 : a1;
        if (!folded) singles.push_back(absl::StrCat("vbroadcastss ", term_at(row, term), ", ", broadcast));
        for (int v = 0; v < vectors; ++v) {
          const std::string weights = name(single + v);
          singles.push_back(absl::StrCat(
              "vfmadd231ps ",
              folded ? absl::StrCat(term_at(row, term), "%{1to", plan_.tile.lanes, "%}, ", weights)
                     : absl::StrCat(weights, ", ", broadcast),
              ", ", sum(row, v)));
        }
      }
    }
    const auto line = [&](const std::string& text) { out_.Line("\"", text, "\\n\\t\""); };
    out_.Line("__asm__ volatile(");
    ForEachSum([&](int row, int v) {
      line(absl::StrCat("vmovups ", (row * vectors + v) * plan_.tile.lanes * 4, "(%[sums]), ", sum(row, v)));
    });
    line("1:");
    for (int v = 0; v < vectors; ++v) line(absl::StrCat("vmovups ", lanes_at(0, v), ", ", name(sums + v)));
    for (int v = 0; both && v < vectors; ++v)
      line(absl::StrCat("vmovups ", lanes_at(1, v), ", ", name(second + v)));
    std::size_t done = 0;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      line(pairs[i]);
      for (; folded && done < singles.size() * (i + 1) / pairs.size(); ++done) line(singles[done]);
    }
    for (; done < singles.size(); ++done) line(singles[done]);
    line(absl::StrCat("add $", terms_ * rows * 4, ", %[a]"));
    line(absl::StrCat("add $", terms_ * tile_lanes_ * 4, ", %[b]"));
    line("dec %[steps]");
    line("jnz 1b");
    ForEachSum([&](int row, int v) {
      line(absl::StrCat("vmovups ", sum(row, v), ", ", (row * vectors + v) * plan_.tile.lanes * 4,
                        "(%[sums])"));
    });
    std::string clobbered;
    for (int r = 0; r < free + 4; ++r) absl::StrAppend(&clobbered, "\"xmm", r, "\", ");
    out_.Line(": [a] \"+r\"(a), [b] \"+r\"(b), [steps] \"+r\"(steps)");
    out_.Line(": [sums] \"r\"(sums)");
    out_.Line(": ", clobbered, "\"cc\", \"memory\");");
  }

  void Multiply() {
    out_.Blank();
    out_.Line("// A block of the sum for a tile whose sums so far are at `sums`, or none.");
    out_.Open("static inline void multiply(const float* a, const float* b, long steps, ",
              "const float* restrict row_pairs, const float* restrict lane_pairs, vec* sums, int none)");
    ForEachSum([&](int row, int v) {
      const int at = row * plan_.tile.vectors + v;
      out_.Line("sums[", at, "] = (none ? (vec){0} : sums[", at, "]) - *(const vec_unaligned*)(lane_pairs + ",
                v * plan_.tile.lanes, ") - row_pairs[", row, "];");
    });
    Steps();
    out_.Close();
    Store();
  }

  // An operand of the epilogue, or the output: where it is for the tile's row.
  std::string InTile(const LinearAccess& access) const {
    CSum sum = Outer(access);
    sum.Add("row", *FlatStride(facts_, access, factors_.rows.axes));
    sum.Add("lane", *FlatStride(facts_, access, factors_.lanes.axes));
    return sum.Text();
  }

  void Store() {
    out_.Open("static inline vec load_lanes(const float* from, long valid)");
    out_.Line("vec x = {0};");
    out_.Line("for (long i = 0; i < valid; ++i) x[i] = from[i];");
    out_.Line("return x;");
    out_.Close();
    out_.Open("static inline void store_lanes(float* to, vec x, long valid)");
    out_.Line("for (long i = 0; i < valid; ++i) to[i] = x[i];");
    out_.Close();
  }

  // `sum` of the tile's vector in the scope's `row` and `lane`; of which `valid` lanes exist unless `whole`.
  void StoreVector(const std::string& sum, const std::string& row_scale, const std::string& lane_scale,
                   bool whole) {
    out_.Line("vec x = ", sum, " * ", row_scale, " * *(const vec_unaligned*)(", lane_scale, ");");
    for (std::size_t e = 0; e < facts_.epilogue.size(); ++e) {
      const LinearAccess& access = facts_.epilogue[e];
      switch (facts_.compute.epilogue[e].step) {
        case EpilogueStep::kBias:
        case EpilogueStep::kResidual: {
          const std::string place = absl::StrCat(TensorName(access), " + ", InTile(access));
          if (*FlatStride(facts_, access, factors_.lanes.axes) == 0) {
            out_.Line("x += *(", place, ");");
          } else if (whole) {
            out_.Line("x += *(const vec_unaligned*)(", place, ");");
          } else {
            out_.Line("x += load_lanes(", place, ", valid);");
          }
          break;
        }
        case EpilogueStep::kRelu:
          out_.Line("x = relu(x);");
          break;
        case EpilogueStep::kRelu6:
          out_.Line("x = relu6(x);");
          break;
      }
    }
    const std::string place = absl::StrCat(TensorName(facts_.output), " + ", InTile(facts_.output));
    if (whole) {
      out_.Line("*(vec_unaligned*)(", place, ") = x;");
    } else {
      out_.Line("store_lanes(", place, ", x, valid);");
    }
  }

  // The output's cache lines, which are far away where it is large: in time for the stores behind the steps.
  void FetchOutput() {
    if (layout_.sum_blocks > 1) out_.Open("if (block + 1 == ", layout_.sum_blocks, ")");
    out_.Open("for (long r = 0; r < ", plan_.tile.rows, "; ++r)");
    out_.Line("const long row = first_row + r, lane = first_lane;");
    out_.Line("const float* line = ", TensorName(facts_.output), " + ", InTile(facts_.output), ";");
    for (int64_t at = 0; at < tile_lanes_; at += 16) out_.Line("__builtin_prefetch(line + ", at, ", 1);");
    out_.Close();
    if (layout_.sum_blocks > 1) out_.Close();
  }

  void StoreTile() {
    const bool rows_fit = factors_.rows.extent % plan_.tile.rows == 0;
    const bool lanes_fit = factors_.lanes.extent % tile_lanes_ == 0;
    const int64_t sums = int64_t{plan_.tile.rows} * plan_.tile.vectors;
    if (!rows_fit || !lanes_fit) {
      out_.Line("const long valid_rows = min_long(", plan_.tile.rows, ", ", factors_.rows.extent,
                " - first_row);");
      out_.Open("if (valid_rows < ", plan_.tile.rows, " || first_lane + ", tile_lanes_, " > ",
                factors_.lanes.extent, ")");
      std::string copy;
      for (int64_t i = 0; i < sums; ++i) absl::StrAppend(&copy, i == 0 ? "" : ", ", "sums[", i, "]");
      out_.Line("const vec some[] = {", copy, "};");
      out_.Open("for (long r = 0; r < valid_rows; ++r)");
      out_.Open("for (long v = 0; v < ", plan_.tile.vectors, "; ++v)");
      out_.Line("const long row = first_row + r, lane = first_lane + v * ", plan_.tile.lanes, ";");
      out_.Line("const long valid = min_long(", factors_.lanes.extent, " - lane, ", plan_.tile.lanes, ");");
      StoreVector(absl::StrCat("some[r * ", plan_.tile.vectors, " + v]"), "row_scales[r]",
                  absl::StrCat("lane_scales + v * ", plan_.tile.lanes), false);
      out_.Close();
      out_.Close();
      out_.Line("continue;");
      out_.Close();
    }
    ForEachSum([&](int row, int v) {
      out_.Open();
      out_.Line("const long row = first_row + ", row, ", lane = first_lane + ", v * plan_.tile.lanes, ";");
      StoreVector(absl::StrCat("sums[", row * plan_.tile.vectors + v, "]"),
                  absl::StrCat("row_scales[", row, "]"), absl::StrCat("lane_scales + ", v * plan_.tile.lanes),
                  true);
      out_.Close();
    });
  }

  // So many tiles of rows, from `first` on, into `to`, laid out as `packed`.
  void PackRowTiles(const PackedFactor& packed, const std::string& tiles, const std::string& to,
                    const std::string& first, const std::string& gathered) {
    const ProductFactor& factor = factors_.rows;
    out_.Open("for (long tile = 0; tile < ", tiles, "; ++tile)");
    out_.Line("const float* rows[", plan_.tile.rows, "];");
    out_.Open("for (long r = 0; r < ", plan_.tile.rows, "; ++r)");
    out_.Line("const long row = min_long(", first, " + tile * ", plan_.tile.rows, " + r, ", factor.extent - 1,
              ");");
    out_.Line("const float* restrict from = ", TensorName(*factor.access), " + ",
              CSumText(Outer(*factor.access), Flat(*factor.access, factor.axes, "row")), ";");
    if (ReadsRowsInPlace(factors_)) {
      out_.Line("rows[r] = from;");
    } else {
      const int64_t stride = (factors_.term_count + 15) / 16 * 16;
      out_.Line("float* restrict copy = ", gathered, " + r * ", stride, ";");
      out_.Line("for (long k = 0; k < ", factors_.term_count, "; ++k) copy[k] = from[",
                Flat(*factor.access, factors_.terms, "k"), "];");
      out_.Line("rows[r] = copy;");
    }
    out_.Close();
    out_.Line("pack_rows(rows, ", to, " + tile * ", packed.tile, "L, ", to, " + ", packed.pairs, " + tile * ",
              packed.width, ", ", to, " + ", packed.scales, " + tile * ", packed.width, ");");
    out_.Close();
  }

  void PackLaneTiles(const PackedFactor& packed, const std::string& tiles, const std::string& to,
                     const std::string& first, const std::string& gathered) {
    const ProductFactor& factor = factors_.lanes;
    const bool in_place = ReadsLanesInPlace(factors_);
    out_.Open("for (long tile = 0; tile < ", tiles, "; ++tile)");
    out_.Line("const long lane = ", first, " + tile * ", tile_lanes_, ";");
    const std::string outer = Outer(*factor.access).Text();
    if (in_place) {
      out_.Line("const float* from = ", TensorName(*factor.access), " + ", outer, " + lane;");
      out_.Line("long next = ", factor.access->stride[factors_.terms[0]], ";");
    } else {
      out_.Line("const float* from = ", gathered, ";");
      out_.Line("const long next = ", tile_lanes_, ";");
    }
    if (!in_place || factor.extent % tile_lanes_ != 0) {
      if (in_place) {
        out_.Open("if (lane + ", tile_lanes_, " > ", factor.extent, ")");
      } else {
        out_.Open();
      }
      out_.Line("const float* restrict lanes[", tile_lanes_, "];");
      out_.Open("for (long l = 0; l < ", tile_lanes_, "; ++l)");
      out_.Line("const long at = min_long(lane + l, ", factor.extent - 1, ");");
      out_.Line("lanes[l] = ", TensorName(*factor.access), " + ",
                CSumText(Outer(*factor.access), Flat(*factor.access, factor.axes, "at")), ";");
      out_.Close();
      out_.Open("for (long k = 0; k < ", factors_.term_count, "; ++k)");
      out_.Line("const long term = ", Flat(*factor.access, factors_.terms, "k"), ";");
      out_.Line("for (long l = 0; l < ", tile_lanes_, "; ++l) ", gathered, "[k * ", tile_lanes_,
                " + l] = lanes[l][term];");
      out_.Close();
      if (in_place) {
        out_.Line("from = ", gathered, ";");
        out_.Line("next = ", tile_lanes_, ";");
      }
      out_.Close();
    }
    out_.Line("pack_lanes(from, next, ", to, " + tile * ", packed.tile, "L, ", to, " + ", packed.pairs,
              " + tile * ", packed.width, ", ", to, " + ", packed.scales, " + tile * ", packed.width, ");");
    out_.Close();
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
      PackLaneTiles(
          layout_.other, absl::StrCat(layout_.other.count / layout_.other.width), "other", "0",
          absl::StrCat("((float*)workspace + ", layout_.shared_elements + layout_.blocked.elements, "L)"));
    } else {
      out_.Line("const float* restrict other = (const float*)packed + ", PackedAt(other), ";");
    }
    if (layout_.threads > 1) out_.Line("#pragma omp parallel for num_threads(", layout_.threads, ")");
    out_.Open("for (long part = 0; part < ", layout_.blocks, "; ++part)");
    out_.Line(
        "float* restrict own = (float*)workspace + ", layout_.shared_elements, "L",
        layout_.threads > 1 ? absl::StrCat(" + omp_get_thread_num() * ", layout_.thread_elements, "L") : "",
        ";");
    out_.Line("const long first = part * ", layout_.block, ";");
    const std::string gathered = absl::StrCat("(own + ", layout_.blocked.elements, "L)");
    if (layout_.sum_blocks > 1)
      out_.Line("vec* restrict partial = (vec*)(own + ", layout_.blocked.elements + layout_.gathered, "L);");
    const PackedFactor &rows = layout_.rows(), &lanes = layout_.lanes();
    const std::string a = rows_blocked ? "own" : "other", b = rows_blocked ? "other" : "own";
    // Tiles that exist; a last block may have fewer than others.
    const auto tiles = [&](const PackedFactor& packed, bool is_blocked) {
      if (!is_blocked || layout_.blocks == 1) return absl::StrCat(packed.count / packed.width);
      return absl::StrCat("min_long(", layout_.block / packed.width, ", (", blocked.extent, " - first + ",
                          packed.width - 1, ") / ", packed.width, ")");
    };
    out_.Line("const long row_tiles = ", tiles(rows, rows_blocked),
              ", lane_tiles = ", tiles(lanes, !rows_blocked), ";");
    if (rows_blocked) {
      PackRowTiles(layout_.blocked, "row_tiles", "own", "first", gathered);
    } else {
      PackLaneTiles(layout_.blocked, "lane_tiles", "own", "first", gathered);
    }
    out_.Open("for (long block = 0; block < ", layout_.sum_blocks, "; ++block)");
    out_.Line("const long steps = min_long(", plan_.steps, ", ", layout_.steps, " - block * ", plan_.steps,
              ");");
    out_.Open("for (long lane_tile = 0; lane_tile < lane_tiles; ++lane_tile)");
    out_.Open("for (long row_tile = 0; row_tile < row_tiles; ++row_tile)");
    const int64_t sums = int64_t{plan_.tile.rows} * plan_.tile.vectors;
    if (layout_.sum_blocks > 1) {
      out_.Line("vec* sums = partial + (lane_tile * ", rows.count / rows.width, " + row_tile) * ", sums, ";");
    } else {
      out_.Line("vec sums[", sums, "];");
    }
    out_.Line("const long first_row = ", rows_blocked ? "first + " : "", "row_tile * ", rows.width,
              ", first_lane = ", rows_blocked ? "" : "first + ", "lane_tile * ", lanes.width, ";");
    FetchOutput();
    out_.Line("multiply(", a, " + row_tile * ", rows.tile, "L + block * ", plan_.steps * terms_ * rows.width,
              "L, ", b, " + lane_tile * ", lanes.tile, "L + block * ", plan_.steps * terms_ * lanes.width,
              "L, steps, ", a, " + ", rows.pairs, " + block * ", rows.count, " + row_tile * ", rows.width,
              ", ", b, " + ", lanes.pairs, " + block * ", lanes.count, " + lane_tile * ", lanes.width,
              ", sums, block == 0);");
    if (layout_.sum_blocks > 1) out_.Line("if (block + 1 < ", layout_.sum_blocks, ") continue;");
    out_.Line("const float* restrict row_scales = ", a, " + ", rows.scales, " + row_tile * ", rows.width,
              ";");
    out_.Line("const float* restrict lane_scales = ", b, " + ", lanes.scales, " + lane_tile * ", lanes.width,
              ";");
    StoreTile();
    for (int i = 0; i < 4; ++i) out_.Close();
    CloseOuter();
    out_.Close();
  }

  // Powers of 2 as bits: 2^-100, 2^100; what a power's bits are taken from to give its inverse.
  static constexpr int kLowest = 27 << 23, kHighest = 227 << 23, kTwice = 254 << 23;

  const ComputeFacts& facts_;
  const ProductFactors& factors_;
  const PairedProductPlan& plan_;
  const PairedProductLayout layout_;
  const int registers_;
  const int64_t tile_lanes_;
  const int terms_;  // Of a step.
  int outer_open_ = 0;
  CText out_;
};

}  // namespace

std::string PairedProductRule::Print(const PairedProductPlan& plan, const std::string& title,
                                     const std::string& config) const {
  return PairedProductPrinter(*facts_, factors_, plan, threads_, target_.vector_registers)
      .Print(title, config);
}

}  // namespace tunefarm::schedules
