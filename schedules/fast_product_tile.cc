#include "schedules/fast_product_tile.h"

#include "absl/strings/str_cat.h"

namespace tunefarm::schedules {
namespace {

constexpr int64_t kLineBytes = kStepsInLine * 4;
// Of the lanes: some 100 cycles, more than a second-level cache takes.
constexpr int64_t kBytesAhead = 1024;
// Steps left in a line, and what is fetched next. No operands, of which compilers allow thirty: a sum is one,
// what is read and written two.
constexpr int kSumsInFlight =
    8;  // Multiply-adds that two units start before the first one's result is there.
constexpr char kLeft[] = "%%r10", kNext[] = "%%r11";

class TilePrinter {
 public:
  TilePrinter(const FastProductKernel& kernel, int registers, CText& out)
      : plan_(kernel.plan),
        layout_(kernel.layout),
        form_(kernel.form),
        registers_(registers),
        tile_lanes_(kernel.plan.tile_lanes()),
        terms_(kernel.plan.tile.terms),
        out_(out) {}

  void Multiply() {
    const int sums = plan_.tile.rows * plan_.tile.vectors;
    out_.Blank();
    out_.Line(
        "// The sums of a tile, [row][vector], over some steps. By value, so that they stay in registers.");
    out_.Line("typedef struct { vec at[", sums, "]; } tile_sums;");
    out_.Open(
        "static inline __attribute__((always_inline)) tile_sums multiply(const float* a, const float* b, ",
        "long steps, const float* row_pairs, const float* lane_pairs)");
    std::string names;
    for (int i = 0; i < sums; ++i) absl::StrAppend(&names, i == 0 ? "" : ", ", "s", i);
    out_.Line("vec ", names, ";");
    Steps();
    out_.Line("tile_sums sums = {{", names, "}};");
    if (plan_.tile.pairs) {
      ForEachSum([&](int row, int v) {
        out_.Line("sums.at[", row * plan_.tile.vectors + v, "] -= *(const vec_unaligned*)(lane_pairs + ",
                  v * plan_.tile.lanes, ") + row_pairs[", row, "];");
      });
    } else {
      out_.Line("(void)row_pairs, (void)lane_pairs;");
    }
    out_.Line("return sums;");
    out_.Close();
  }

  // Few rows leave most of the tile empty, and pairs of so few sums wait for one another: multiply-adds, with
  // sums of their own for every second term, or every fourth.
  void MultiplyFew() {
    const int rows = layout_.few_rows, vectors = plan_.tile.vectors;
    int apart = 1;
    while (apart < terms_ && rows * vectors * apart < kSumsInFlight) ++apart;
    const auto sum = [&](int row, int v, int term) { return (row * vectors + v) * apart + term % apart; };
    const int used = rows * vectors * apart;
    out_.Blank();
    out_.Open("static inline __attribute__((always_inline)) tile_sums multiply_few(const float* a, ",
              "const float* b, long steps)");
    std::string names;
    for (int i = 0; i < used; ++i) absl::StrAppend(&names, i == 0 ? "" : ", ", "s", i);
    out_.Line("vec ", names, ";");
    std::vector<std::string> step;
    for (int term = 0; term < terms_; ++term) {
      for (int v = 0; v < vectors; ++v)
        step.push_back(absl::StrCat("vmovups ", LanesAt(term, v), ", ", Name(used + v)));
      for (int row = 0; row < rows; ++row) {
        const std::string broadcast = Name(used + vectors);
        step.push_back(absl::StrCat("vbroadcastss ", TermAt(row, term), ", ", broadcast));
        for (int v = 0; v < vectors; ++v) {
          step.push_back(
              absl::StrCat("vfmadd231ps ", Name(used + v), ", ", broadcast, ", %[s", sum(row, v, term), "]"));
        }
      }
    }
    Loop(step, used, used + vectors + 1);
    out_.Line("tile_sums sums = {{{0}}};");
    for (int row = 0; row < rows; ++row) {
      for (int v = 0; v < vectors; ++v) {
        std::string all;
        for (int t = 0; t < apart; ++t) absl::StrAppend(&all, t == 0 ? "" : " + ", "s", sum(row, v, t));
        out_.Line("sums.at[", row * vectors + v, "] = ", all, ";");
      }
    }
    out_.Line("return sums;");
    out_.Close();
  }

  // All of Strassen's products of a group, or the only one, each added to the tiles that it belongs to.
  void MultiplyGroup() {
    const int64_t sums = int64_t{plan_.tile.rows} * plan_.tile.vectors;
    const int tiles = layout_.splits * layout_.splits;
    std::string table;
    std::vector<bool> begun(tiles);  // By a product so far.
    for (const BlockProduct& product : form_.products) {
      std::string entry;
      int count = 0;
      for (int t = 0; t < tiles; ++t) {
        if (product.c[t] == 0) continue;
        absl::StrAppend(&entry, ", {", t * sums, ", ", product.c[t], ", ", begun[t] ? 0 : 1, "}");
        begun[t] = true;
        ++count;
      }
      absl::StrAppend(&table, table.empty() ? "" : ", ", "{", count, ", {", entry.substr(2), "}}");
    }
    out_.Blank();
    out_.Line("// Where a product belongs, its sign, and whether it is the first there.");
    out_.Line("static const struct { int count; struct { int sums, sign, first; } tiles[", tiles,
              "]; } belongs[", layout_.products, "] = {", table, "};");
    const int rows[] = {layout_.splits, layout_.rows().last_parts},
              lanes[] = {layout_.splits, layout_.lanes().last_parts};
    table.clear();
    for (const int r : rows) {
      absl::StrAppend(&table, table.empty() ? "" : ", ", "{", ProductsNeeded(form_, r, lanes[0]), "ul, ",
                      ProductsNeeded(form_, r, lanes[1]), "ul}");
    }
    out_.Line("// Those that a group needs, as bits: [whether its rows are short][whether its lanes are].");
    out_.Line("static const unsigned long products_needed[2][2] = {", table, "};");
    out_.Line("// A block of the sum for a group of tiles, whose sums so far are at `sums`, or none.");
    out_.Open(
        "static void multiply_group(const float* a, const float* b, long steps, const float* row_pairs, ",
        "const float* lane_pairs, vec* sums, int none, int short_rows, int short_lanes)");
    out_.Line("const unsigned long needed = products_needed[short_rows][short_lanes];");
    out_.Open("for (int product = 0; product < ", layout_.products, "; ++product)");
    out_.Line("if ((needed >> product & 1) == 0) continue;");
    const std::string factors = absl::StrCat("(a + product * ", layout_.rows().product, "L, b + product * ",
                                             layout_.lanes().product, "L, steps");
    out_.Line("const tile_sums part = ",
              layout_.few_rows > 0 ? absl::StrCat("short_rows ? multiply_few", factors, ") : ") : "",
              "multiply", factors, ", row_pairs + product * ", layout_.rows().part,
              ", lane_pairs + product * ", layout_.lanes().part, ");");
    out_.Open("for (int t = 0; t < belongs[product].count; ++t)");
    out_.Line("vec* restrict to = sums + belongs[product].tiles[t].sums;");
    out_.Line("const float sign = (float)belongs[product].tiles[t].sign;");
    out_.Open("if (none && belongs[product].tiles[t].first)");
    for (int64_t i = 0; i < sums; ++i) out_.Line("to[", i, "] = sign * part.at[", i, "];");
    out_.Else();
    for (int64_t i = 0; i < sums; ++i) out_.Line("to[", i, "] += sign * part.at[", i, "];");
    out_.Close();
    out_.Close();
    out_.Close();
    out_.Close();
  }

 private:
  template <typename Print>
  void ForEachSum(const Print& print) const {
    for (int row = 0; row < plan_.tile.rows; ++row) {
      for (int v = 0; v < plan_.tile.vectors; ++v) print(row, v);
    }
  }

  // The steps of a tile. Compilers copy registers, spill them, and change the order, which is what lets
  // additions and multiply-adds run side by side. Folded, single terms are broadcast by their
  // multiply-adds, which are spread among the pairs; else they follow the pairs, in registers that those no
  // longer need.
  void Steps() {
    const FastTile& tile = plan_.tile;
    const int vectors = tile.vectors, rows = tile.rows, sums = rows * vectors;
    const auto sum = [&](int row, int v) { return absl::StrCat("%[s", row * vectors + v, "]"); };
    // The second term's weights stay in memory where they do not fit.
    const bool both = tile.pairs && VectorRegistersOf(tile) + vectors <= registers_;
    const bool apart = tile.pairs && tile.folded;  // Single terms' weights from those of pairs.
    const int second = sums + vectors, behind = second + (both ? vectors : 0), single = apart ? behind : sums,
              free = behind + (apart ? vectors : 0), used = free + (tile.pairs ? 4 : 2);
    const std::string a0 = Name(free), a1 = Name(free + 1), x = Name(free + 2), y = Name(free + 3);
    std::vector<std::string> pairs, singles;
    for (int row = 0; tile.pairs && row < rows; ++row) {
      pairs.push_back(absl::StrCat("vbroadcastss ", TermAt(row, 0), ", ", a0));
      pairs.push_back(absl::StrCat("vbroadcastss ", TermAt(row, 1), ", ", a1));
      for (int v = 0; v < vectors; ++v) {
        pairs.push_back(absl::StrCat("vaddps ", both ? Name(second + v) : LanesAt(1, v), ", ", a0, ", ", x));
        pairs.push_back(absl::StrCat("vaddps ", Name(sums + v), ", ", a1, ", ", y));
        pairs.push_back(absl::StrCat("vfmadd231ps ", x, ", ", y, ", ", sum(row, v)));
      }
    }
    for (int term = tile.pairs ? 2 : 0; term < terms_; ++term) {
      for (int v = 0; v < vectors; ++v)
        singles.push_back(absl::StrCat("vmovups ", LanesAt(term, v), ", ", Name(single + v)));
      for (int r = 0; r < rows; ++r) {
        const int row = tile.folded ? (r + rows / 2) % rows : r;  // Far from the pairs of the same sums.
        const std::string& broadcast = r % 2 == 0 ? a0 : a1;
        if (!tile.folded)
          singles.push_back(absl::StrCat("vbroadcastss ", TermAt(row, term), ", ", broadcast));
        for (int v = 0; v < vectors; ++v) {
          const std::string weights = Name(single + v);
          singles.push_back(absl::StrCat(
              "vfmadd231ps ",
              tile.folded ? absl::StrCat(TermAt(row, term), "%{1to", plan_.tile.lanes, "%}, ", weights)
                          : absl::StrCat(weights, ", ", broadcast),
              ", ", sum(row, v)));
        }
      }
    }
    std::vector<std::string> step;
    for (int64_t at = 0; tile.fetches && at < terms_ * tile_lanes_ * 4; at += kLineBytes)
      step.push_back(absl::StrCat("prefetcht0 ", kBytesAhead + at, "(%[b])"));
    for (int v = 0; tile.pairs && v < vectors; ++v)
      step.push_back(absl::StrCat("vmovups ", LanesAt(0, v), ", ", Name(sums + v)));
    for (int v = 0; both && v < vectors; ++v)
      step.push_back(absl::StrCat("vmovups ", LanesAt(1, v), ", ", Name(second + v)));
    std::size_t done = 0;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      step.push_back(pairs[i]);
      for (; tile.folded && done < singles.size() * (i + 1) / pairs.size(); ++done)
        step.push_back(singles[done]);
    }
    step.insert(step.end(), singles.begin() + static_cast<std::ptrdiff_t>(done), singles.end());
    Loop(step, sums, used);
  }

  // All steps, as assembler, into variables s0, s1...; registers from number `sums` to `used` are what a step
  // uses beside them.
  void Loop(const std::vector<std::string>& step, int sums, int used) {
    const auto line = [&](const std::string& text) { out_.Line("\"", text, "\\n\\t\""); };
    // A step needs all of its rows' and terms' lines at once; those of the next line of steps are fetched
    // while this one's last.
    const int64_t lines = int64_t{plan_.tile.rows} * terms_,
                  fetched = (lines + kStepsInLine - 1) / kStepsInLine;
    out_.Line("__asm__ volatile(");
    line(absl::StrCat("lea ", lines * kLineBytes, "(%[a]), ", kNext));
    for (int i = 0; i < sums; ++i) {
      const std::string sum = absl::StrCat("%[s", i, "]");
      line(absl::StrCat("vxorps ", sum, ", ", sum, ", ", sum));
    }
    // Steps of a line, then the next one.
    line("2:");
    line(absl::StrCat("mov $", kStepsInLine, ", ", kLeft));
    line(absl::StrCat("cmp ", kLeft, ", %[steps]"));
    line(absl::StrCat("cmovl %[steps], ", kLeft));
    line(absl::StrCat("sub ", kLeft, ", %[steps]"));
    line("1:");
    for (int64_t i = 0; i < fetched; ++i) line(absl::StrCat("prefetcht0 ", i * kLineBytes, "(", kNext, ")"));
    line(absl::StrCat("add $", fetched * kLineBytes, ", ", kNext));
    for (const std::string& instruction : step) line(instruction);
    line("add $4, %[a]");
    line(absl::StrCat("add $", terms_ * tile_lanes_ * 4, ", %[b]"));
    line(absl::StrCat("dec ", kLeft));
    line("jnz 1b");
    line(absl::StrCat("add $", (plan_.tile.rows * terms_ - 1) * kStepsInLine * 4, ", %[a]"));
    line("test %[steps], %[steps]");
    line("jnz 2b");
    std::string outputs, clobbered;
    for (int i = 0; i < sums; ++i) absl::StrAppend(&outputs, "[s", i, "] \"=&v\"(s", i, "), ");
    for (int r = sums; r < used; ++r) absl::StrAppend(&clobbered, "\"xmm", r, "\", ");
    out_.Line(": ", outputs, "[a] \"+r\"(a), [b] \"+r\"(b), [steps] \"+r\"(steps)");
    out_.Line(":");
    out_.Line(": ", clobbered, "\"r10\", \"r11\", \"cc\", \"memory\");");
  }

  std::string Name(int number) const {
    return absl::StrCat(plan_.tile.lanes == 16 ? "%%zmm" : "%%ymm", number);
  }
  // Where a step's terms are.
  std::string LanesAt(int term, int v) const {
    return absl::StrCat((term * tile_lanes_ + int64_t{v} * plan_.tile.lanes) * 4, "(%[b])");
  }
  std::string TermAt(int row, int term) const {
    return absl::StrCat((row * terms_ + term) * kStepsInLine * 4, "(%[a])");
  }

  const FastProductPlan& plan_;
  const FastProductLayout& layout_;
  const BlockProducts& form_;
  const int registers_;
  const int64_t tile_lanes_;
  const int terms_;  // Of a step.
  CText& out_;
};

}  // namespace

void PrintMultiply(const FastProductKernel& kernel, int registers, CText& out) {
  TilePrinter printer(kernel, registers, out);
  printer.Multiply();
  if (kernel.layout.few_rows > 0) printer.MultiplyFew();
  if (kernel.layout.keeps_sums()) printer.MultiplyGroup();
}

}  // namespace tunefarm::schedules
