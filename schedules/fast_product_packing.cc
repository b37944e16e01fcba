#include "schedules/fast_product_packing.h"

#include <algorithm>

namespace tunefarm::schedules {
namespace {

// Powers of 2 as bits: 2^-100, 2^100; what a power's bits are taken from to give its inverse.
constexpr int kLowest = 27 << 23, kHighest = 227 << 23, kTwice = 254 << 23;

constexpr int64_t kLineFloats = 16;  // In a cache line.

std::string Block(int block) { return absl::StrCat("x", block); }

// A product's sum of blocks, x0 and so on.
std::string SumOf(const std::vector<int>& coefficients) {
  std::string sum;
  for (std::size_t block = 0; block < coefficients.size(); ++block) {
    if (coefficients[block] == 0) continue;
    const bool minus = coefficients[block] < 0;
    absl::StrAppend(&sum, sum.empty() ? (minus ? "-" : "") : (minus ? " - " : " + "),
                    Block(static_cast<int>(block)));
  }
  return sum;
}

// Of a vector `x`, all lanes brought together by `combine`(one half, other half).
void PrintAcross(int lanes, const char* combine, CText& out) {
  for (int half = lanes / 2; half > 0; half /= 2) {
    std::string order;
    for (int lane = 0; lane < lanes; ++lane) absl::StrAppend(&order, ", ", (lane + half) % lanes);
    out.Line("x = ", combine, "(x, __builtin_shufflevector(x, x", order, "));");
  }
  out.Line("return x[0];");
}

// Where a row's term of a step lies in a product: steps by the line.
std::string PlaceInRows(const FastProductKernel& kernel, const std::string& row, const std::string& term,
                        const std::string& step) {
  const int64_t terms = kernel.plan.tile.terms;
  return absl::StrCat("(", step, ") / ", kStepsInLine, " * ",
                      kernel.layout.rows().part * terms * kStepsInLine, " + (", row, " * ", terms, " + ",
                      term, ") * ", kStepsInLine, " + (", step, ") % ", kStepsInLine);
}

// In the loop over blocks of the sum: the block's steps, and where a group's part of it is packed.
void PrintBlock(const FastProductKernel& kernel, const PackedFactor& packed, const char* group, CText& out) {
  const int64_t steps = kernel.plan.steps;
  out.Line("const long first_step = block * ", steps, ", end = min_long(first_step + ", steps, ", ",
           kernel.layout.steps, ");");
  out.Line("float* restrict own = ", group, " + block * ", packed.block, "L;");
}

// Elements from most rows that are read in place to the next ones.
int64_t RowStride(const FastProductKernel& kernel) {
  const ProductFactor& rows = kernel.factors.rows;
  return rows.access->stride[rows.axes.back()];
}

// A loop over the terms of a step. Written out where products are few; 49 would take seconds to compile.
void OpenTerms(const FastProductKernel& kernel, CText& out) {
  out.Line("#pragma GCC unroll ", kernel.layout.products <= 7 ? 4 : 1);
  out.Open("for (int t = 0; t < ", kernel.plan.tile.terms, "; ++t)");
}

// In that loop: adds the product's pair, of which `first` is the first term, to sums[product].
void PairOf(const FastProductKernel& kernel, int product, const std::string& first, CText& out) {
  if (!kernel.plan.tile.pairs) return;
  out.Line("if (t == 1) sums[", product, "] += ", first, " * y", product, ";");
  out.Line("if (t == 0) first[", product, "] = y", product, ";");
}

}  // namespace

CSum OuterOffset(const FastProductKernel& kernel, const LinearAccess& access) {
  CSum sum(access.offset);
  for (const int axis : kernel.factors.outer)
    sum.Add(kernel.facts.compute.axes[axis].name, access.stride[axis]);
  return sum;
}

std::string FlatOffset(const ComputeFacts& facts, const LinearAccess& access, const std::vector<int>& axes,
                       const std::string& index) {
  CSum sum;
  if (const std::optional<int64_t> stride = FlatStride(facts, access, axes)) {
    sum.Add(index, *stride);
    return sum.Text();
  }
  int64_t inside = 1;
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
    const int64_t extent = facts.compute.axes[*axis].extent;
    std::string place = inside == 1 ? index : absl::StrCat(index, " / ", inside);
    if (axis + 1 != axes.rend()) place = absl::StrCat(place, " % ", extent);
    sum.Add(place, access.stride[*axis]);
    inside *= extent;
  }
  return sum.Text();
}

void PrintPackingTypes(const FastProductKernel& kernel, CText& out) {
  out.Line("#include <immintrin.h>");
  out.Line("typedef int mask_unaligned __attribute__((vector_size(", kernel.plan.tile.lanes * 4,
           "), may_alias, aligned(4)));");
  out.Line("typedef int word __attribute__((may_alias));");
  out.Line("// Magnitudes are compared as the integers that their bits make.");
  out.Open("static inline mask larger(mask a, mask b)");
  const int bits = kernel.plan.tile.lanes * 32;
  out.Line("return (mask)_mm", bits, "_max_epi32((__m", bits, "i)a, (__m", bits, "i)b);");
  out.Close();
  out.Line("// The largest power of 2 that is no larger, as bits, of what is no extreme.");
  out.Open("static inline int power_of_2(int magnitude)");
  out.Line("const int bits = magnitude & 0x7f800000;");
  out.Line("return bits < ", kLowest, " ? ", kLowest, " : bits > ", kHighest, " ? ", kHighest, " : bits;");
  out.Close();
  out.Open("static inline float from_bits(int bits)");
  out.Line("const union { int bits; float value; } both = {bits};");
  out.Line("return both.value;");
  out.Close();
}

void PrintPackConstant(const FastProductKernel& kernel, CText& out) {
  const FastProductLayout& layout = kernel.layout;
  const bool rows = !layout.rows_blocked;
  const ProductFactor& factor = rows ? kernel.factors.rows : kernel.factors.lanes;
  const PackedFactor& packed = layout.other;
  const int terms = kernel.plan.tile.terms, splits = layout.splits, blocks = splits * splits;
  const std::string term_offset = FlatOffset(kernel.facts, *factor.access, kernel.factors.terms, "k");
  std::string table;
  for (const BlockProduct& product : kernel.form.products) {
    std::string row;
    for (const int c : rows ? product.a : product.b) absl::StrAppend(&row, row.empty() ? "" : ", ", c);
    absl::StrAppend(&table, table.empty() ? "" : ", ", "{", row, "}");
  }
  out.Blank();
  out.Line("// Of each product the sum of blocks, [part of the ",
           rows ? "rows][of the sum]" : "sum][of the lanes]", ".");
  out.Line("static const signed char constant_blocks[", layout.products, "][", blocks, "] = {", table, "};");
  out.Open("static void pack_constant(const float* restrict from, float* restrict to)");
  out.Open("for (long group = 0; group < ", packed.groups(), "; ++group)");
  out.Open("for (long i = 0; i < ", packed.part, "; ++i)");
  out.Line("const float* parts[", splits, "];");
  out.Line("float scale[", splits, "];");
  out.Open("for (long part = 0; part < ", splits, "; ++part)");
  out.Line("const long place = group * ", packed.width, " + part * ", packed.part, " + i;");
  out.Line("parts[part] = from + ",
           FlatOffset(kernel.facts, *factor.access, factor.axes,
                      absl::StrCat("min_long(place, ", factor.extent - 1, ")")),
           ";");
  out.Line("int magnitude = 0;");
  out.Open("for (long k = 0; k < ", kernel.factors.term_count, "; ++k)");
  out.Line("const int bits = *(const word*)(parts[part] + ", term_offset, ") & 0x7fffffff;");
  out.Line("magnitude = bits > magnitude ? bits : magnitude;");
  out.Close();
  out.Line("const int power = power_of_2(magnitude);");
  out.Line("scale[part] = place < ", factor.extent, " ? from_bits(", kTwice, " - power) : 0;");
  out.Line("to[", packed.scales, " + place] = from_bits(power);");
  out.Close();
  out.Line("float* restrict tile = to + group * ", packed.group, "L;");
  out.Open("for (long block = 0; block < ", layout.sum_blocks, "; ++block)");
  out.Line("float pairs[", layout.products, "] = {0};");
  PrintBlock(kernel, packed, "tile", out);
  out.Open("for (long step = first_step; step < end; ++step)");
  out.Line("float first[", layout.products, "];");
  out.Open("for (long t = 0; t < ", terms, "; ++t)");
  out.Line("float x[", blocks, "];");
  out.Open("for (long b = 0; b < ", blocks, "; ++b)");
  const std::string along = absl::StrCat("b / ", splits), across = absl::StrCat("b % ", splits);
  out.Line("const long k = ((", rows ? across : along, ") * ", terms, " + t) * ", layout.steps, " + step;");
  out.Line("const long part = ", rows ? along : across, ";");
  out.Line("x[b] = k < ", kernel.factors.term_count, " ? parts[part][", term_offset, "] * scale[part] : 0;");
  out.Close();
  out.Open("for (long product = 0; product < ", layout.products, "; ++product)");
  out.Line("float sum = 0;");
  out.Line("for (long b = 0; b < ", blocks, "; ++b) sum += constant_blocks[product][b] * x[b];");
  out.Line("own[product * ", packed.product, "L + ",
           rows ? PlaceInRows(kernel, "i", "t", "step - first_step")
                : absl::StrCat("((step - first_step) * ", terms, " + t) * ", packed.part, " + i"),
           "] = sum;");
  out.Line("if (t == 0) first[product] = sum;");
  out.Line("if (t == 1) pairs[product] += first[product] * sum;");
  out.Close();
  out.Close();
  out.Close();
  if (kernel.plan.tile.pairs) {
    out.Line("float* restrict all = to + ", packed.pairs, " + block * ", packed.all_pairs, " + group * ",
             packed.group_pairs, " + i;");
    out.Line("for (long product = 0; product < ", layout.products, "; ++product) all[product * ", packed.part,
             "] = pairs[product];");
  }
  out.Close();
  out.Close();
  out.Close();
  out.Close();
}

void PrintPackRows(const FastProductKernel& kernel, CText& out) {
  const FastProductLayout& layout = kernel.layout;
  const PackedFactor& packed = layout.rows();
  const int64_t terms = RowTerms(layout, kernel.plan);
  const int lanes = kernel.plan.tile.lanes, step_terms = kernel.plan.tile.terms, splits = layout.splits;
  const bool pairs = kernel.plan.tile.pairs;
  out.Blank();
  out.Open("static inline int largest_lane(mask x)");
  PrintAcross(lanes, "larger", out);
  out.Close();
  if (pairs) {
    out.Open("static inline vec add(vec a, vec b)");
    out.Line("return a + b;");
    out.Close();
    out.Open("static inline float add_lanes(vec x)");
    PrintAcross(lanes, "add", out);
    out.Close();
  }
  const int64_t rest = layout.steps % lanes;  // Steps of the last vector.
  if (rest > 0) {
    std::string order, exist;
    for (int lane = 0; lane < lanes; ++lane) {
      absl::StrAppend(&order, ", ", (lane + lanes - rest) % lanes);
      absl::StrAppend(&exist, lane == 0 ? "" : ", ", lane < rest ? -1 : 0);
    }
    out.Line("// The last lanes to the front, and zeros behind.");
    out.Open("static inline vec last_lanes(vec x)");
    out.Line("return (vec)((mask)__builtin_shufflevector(x, x", order, ") & (mask){", exist, "});");
    out.Close();
  }
  out.Line("// A group of rows: [product][line of steps][row][term of a step][step].");
  out.Open("static void pack_rows(const float* const* rows, float* restrict to, float* restrict pairs, ",
           "float* restrict scales", packed.last_parts < splits ? ", long exist)" : ")");
  if (!pairs) out.Line("(void)pairs;");
  out.Line("float scale[", packed.width, "];");
  out.Open("for (int row = 0; row < ", packed.width, "; ++row)");
  out.Line("const float* restrict from = rows[row];");
  out.Line("mask largest = {0};");
  const auto measure = [&](const std::string& k) {
    return absl::StrCat("largest = larger(*(const mask_unaligned*)(from + ", k, ") & 0x7fffffff, largest);");
  };
  // A line at a time, and that of the row a group further on is fetched: the next group's rows are as far
  // away as these were.
  const int64_t in_lines = terms / kLineFloats * kLineFloats;
  out.Line("#pragma GCC unroll 2");
  out.Open("for (long k = 0; k < ", in_lines, "; k += ", kLineFloats, ")");
  if (ReadsRowsInPlace(kernel.factors, layout, kernel.plan))
    out.Line("__builtin_prefetch(from + ", RowStride(kernel) * packed.width, "L + k);");
  for (int64_t at = 0; at < kLineFloats; at += lanes) out.Line(measure(absl::StrCat("k + ", at)));
  out.Close();
  for (int64_t k = in_lines; k + lanes <= terms; k += lanes) out.Line(measure(absl::StrCat(k)));
  if (terms % lanes != 0) out.Line(measure(absl::StrCat(terms - lanes)));
  out.Line("const int power = power_of_2(largest_lane(largest));");
  out.Line("scale[row] = ", packed.last_parts < splits ? "row >= exist ? 0 : " : "", "from_bits(", kTwice,
           " - power);");
  out.Line("scales[row] = from_bits(power);");
  out.Close();
  out.Open("for (int row = 0; row < ", packed.part, "; ++row)");
  for (int part = 0; part < splits; ++part) {
    out.Line("const float* restrict from", part, " = rows[", part * packed.part, " + row];");
    out.Line("const float scale", part, " = scale[", part * packed.part, " + row];");
  }
  out.Open("for (long block = 0; block < ", layout.sum_blocks, "; ++block)");
  PrintBlock(kernel, packed, "to", out);
  if (pairs) out.Line("vec sums[", layout.products, "] = {{0}};");
  const auto vector = [&](bool whole) {
    if (pairs) out.Line("vec first[", layout.products, "] = {{0}};");
    out.Line("float* restrict at = own + ", PlaceInRows(kernel, "row", "0", "step - first_step"), ";");
    OpenTerms(kernel, out);
    for (int part = 0; part < splits; ++part) {
      for (int sum_block = 0; sum_block < splits; ++sum_block) {
        const std::string from =
            absl::StrCat("*(const vec_unaligned*)(from", part, " + (", sum_block * step_terms, " + t) * ",
                         layout.steps, " + ", whole ? "step" : absl::StrCat(layout.steps - lanes), ")");
        out.Line("const vec ", Block(part * splits + sum_block), " = ",
                 whole ? from : absl::StrCat("last_lanes(", from, ")"), " * scale", part, ";");
      }
    }
    for (int product = 0; product < layout.products; ++product) {
      out.Line("const vec y", product, " = ", SumOf(kernel.form.products[product].a), ";");
      out.Line("*(vec_unaligned*)(at + ", product * packed.product, "L + t * ", kStepsInLine, ") = y",
               product, ";");
      PairOf(kernel, product, absl::StrCat("first[", product, "]"), out);
    }
    out.Close();
  };
  out.Line("long step = first_step;");
  out.Open("for (; step + ", lanes, " <= end; step += ", lanes, ")");
  vector(true);
  out.Close();
  if (rest > 0) {
    out.Open("if (step < end)");
    vector(false);
    out.Close();
  }
  if (pairs)
    out.Line("for (int product = 0; product < ", layout.products, "; ++product) pairs[block * ",
             packed.all_pairs, " + product * ", packed.part, " + row] = add_lanes(sums[product]);");
  out.Close();
  out.Close();
  out.Close();
}

void PrintMeasureLanes(const FastProductKernel& kernel, CText& out) {
  const int lanes = kernel.plan.tile.lanes;
  out.Blank();
  out.Line("// What brings the magnitudes of so many vectors of lanes to 1, as bits of its inverse.");
  out.Open(
      "static void measure_lanes(const float* restrict from, long next, long vectors, float* restrict "
      "scales)");
  out.Line("for (long v = 0; v < vectors; ++v) *(mask_unaligned*)(scales + v * ", lanes, ") = (mask){0};");
  out.Open("for (long k = 0; k < ", kernel.factors.term_count, "; ++k, from += next)");
  out.Open("for (long v = 0; v < vectors; ++v)");
  out.Line("mask_unaligned* largest = (mask_unaligned*)(scales + v * ", lanes, ");");
  out.Line("*largest = larger(*(const mask_unaligned*)(from + v * ", lanes, ") & 0x7fffffff, *largest);");
  out.Close();
  out.Close();
  out.Open("for (long v = 0; v < vectors; ++v)");
  out.Line("mask_unaligned* largest = (mask_unaligned*)(scales + v * ", lanes, ");");
  out.Line("mask power = *largest & 0x7f800000;");
  out.Line("power = larger(power, (mask){0} + ", kLowest, ");");
  out.Line("*largest = -larger(-power, (mask){0} - ", kHighest, ");");
  out.Close();
  out.Close();
}

void PrintPackLanes(const FastProductKernel& kernel, CText& out) {
  const FastProductLayout& layout = kernel.layout;
  const PackedFactor& packed = layout.lanes();
  const int64_t terms = kernel.factors.term_count, lanes = kernel.plan.tile.lanes;
  const int step_terms = kernel.plan.tile.terms, splits = layout.splits, vectors = kernel.plan.tile.vectors;
  const bool pairs = kernel.plan.tile.pairs;
  PrintMeasureLanes(kernel, out);
  out.Blank();
  out.Line("// A group of lanes that is measured: [product][step][term][lane].");
  out.Open("static void pack_lanes(const float* restrict from, long next, float* restrict to, ",
           "float* restrict pairs, const float* restrict scales",
           packed.last_parts < splits ? ", long exist)" : ")");
  if (!pairs) out.Line("(void)pairs;");
  out.Line("vec scale[", vectors * splits, "];");
  out.Line("for (int v = 0; v < ", vectors * splits, "; ++v) scale[v] = (vec)(", kTwice,
           " - *(const mask_unaligned*)(scales + v * ", lanes, "));");
  if (packed.last_parts < splits)
    out.Line("for (int v = 0; v < ", vectors * splits, "; ++v) if (v * ", lanes,
             " >= exist) scale[v] = (vec){0};");
  out.Open("for (long block = 0, step = 0; block < ", layout.sum_blocks, "; ++block)");
  PrintBlock(kernel, packed, "to", out);
  if (pairs) out.Line("vec pair_sums[", vectors, "][", layout.products, "] = {{{0}}};");
  const auto steps = [&](bool whole) {
    out.Open("for (int v = 0; v < ", vectors, "; ++v)");
    if (pairs) {
      out.Line("vec first[", layout.products, "] = {{0}};");
      out.Line("vec* restrict sums = pair_sums[v];");
    }
    OpenTerms(kernel, out);
    for (int sum_block = 0; sum_block < splits; ++sum_block) {
      out.Line("const long k", sum_block, " = (", sum_block * step_terms, " + t) * ", layout.steps,
               " + step;");
      for (int part = 0; part < splits; ++part) {
        const std::string v = part == 0 ? "v" : absl::StrCat("(", part * vectors, " + v)");
        const std::string block = Block(sum_block * splits + part);
        out.Line("vec ", block, " = {0};");
        out.Line(whole ? "" : absl::StrCat("if (k", sum_block, " < ", terms, ") "), block,
                 " = *(const vec_unaligned*)(from + k", sum_block, " * next + ", v, " * ", lanes,
                 ") * scale[", v, "];");
      }
    }
    for (int product = 0; product < layout.products; ++product) {
      out.Line("const vec y", product, " = ", SumOf(kernel.form.products[product].b), ";");
      out.Line("*(vec_unaligned*)(own + ", product * packed.product, "L + ((step - first_step) * ",
               step_terms, " + t) * ", packed.part, " + v * ", lanes, ") = y", product, ";");
      PairOf(kernel, product, absl::StrCat("first[", product, "]"), out);
    }
    out.Close();
    out.Close();
  };
  // Steps from the first on of which all blocks of the sum have all terms.
  const int64_t whole =
      std::clamp<int64_t>(terms - (splits * step_terms - 1) * layout.steps, 0, layout.steps);
  if (whole > 0) {
    out.Line("const long whole = min_long(end, ", whole, ");");
    out.Open("for (; step < whole; ++step)");
    steps(true);
    out.Close();
  }
  if (whole < layout.steps) {
    out.Open("for (; step < end; ++step)");
    steps(false);
    out.Close();
  }
  if (pairs)
    out.Line("for (int product = 0; product < ", layout.products, "; ++product) for (int v = 0; v < ",
             vectors, "; ++v) *(vec_unaligned*)(pairs + block * ", packed.all_pairs, " + product * ",
             packed.part, " + v * ", lanes, ") = pair_sums[v][product];");
  out.Close();
  out.Close();
}

}  // namespace tunefarm::schedules
