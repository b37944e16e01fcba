#include "schedules/fast_product_tile.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace tunefarm::schedules {
namespace {

constexpr int64_t kLineBytes = kStepsInLine * 4;
constexpr int64_t kBytesAhead = 1024;  // Of the lanes: some 100 cycles, more than the second-level cache takes.

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
    out_.Blank();
    out_.Line("// A block of the sum for a tile whose sums so far are at `sums`, or none.");
    out_.Open("static inline void multiply(const float* a, const float* b, long steps, ",
              "const float* restrict row_pairs, const float* restrict lane_pairs, vec* sums, int none)");
    if (!plan_.tile.pairs) out_.Line("(void)row_pairs, (void)lane_pairs;");
    ForEachSum([&](int row, int v) {
      const int at = row * plan_.tile.vectors + v;
      const std::string start = absl::StrCat("sums[", at, "] = (none ? (vec){0} : sums[", at, "])");
      if (plan_.tile.pairs) {
        out_.Line(start, " - *(const vec_unaligned*)(lane_pairs + ", v * plan_.tile.lanes, ") - row_pairs[",
                  row, "];");
      } else {
        out_.Line(start, ";");
      }
    });
    Steps();
    out_.Close();
  }

  // All of Strassen's products of a group, each added to the tiles that it belongs to.
  void MultiplyGroup() {
    const int64_t sums = int64_t{plan_.tile.rows} * plan_.tile.vectors;
    const int tiles = layout_.splits * layout_.splits;
    std::string table;
    for (const BlockProduct& product : form_.products) {
      std::string entry;
      int count = 0;
      for (int t = 0; t < tiles; ++t) {
        if (product.c[t] == 0) continue;
        absl::StrAppend(&entry, ", {", t * sums, ", ", product.c[t], "}");
        ++count;
      }
      absl::StrAppend(&table, table.empty() ? "" : ", ", "{", count, ", {", entry.substr(2), "}}");
    }
    out_.Blank();
    out_.Line("// Where a product belongs, and its sign.");
    out_.Line("static const struct { int count; struct { int sums, sign; } tiles[", tiles, "]; } belongs[",
              layout_.products, "] = {", table, "};");
    out_.Open(
        "static void multiply_group(const float* a, const float* b, long steps, const float* row_pairs, ",
        "const float* lane_pairs, vec* sums, int none)");
    out_.Open("if (none)");
    out_.Line("for (int i = 0; i < ", tiles * sums, "; ++i) sums[i] = (vec){0};");
    out_.Close();
    out_.Open("for (int product = 0; product < ", layout_.products, "; ++product)");
    out_.Line("vec part[", sums, "];");
    out_.Line("multiply(a + product * ", layout_.rows().product, "L, b + product * ", layout_.lanes().product,
              "L, steps, row_pairs + product * ", layout_.rows().part, ", lane_pairs + product * ",
              layout_.lanes().part, ", part, 1);");
    out_.Open("for (int t = 0; t < belongs[product].count; ++t)");
    out_.Line("vec* restrict to = sums + belongs[product].tiles[t].sums;");
    out_.Line("const float sign = (float)belongs[product].tiles[t].sign;");
    for (int64_t i = 0; i < sums; ++i) out_.Line("to[", i, "] += sign * part[", i, "];");
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

  // The steps of a tile, as assembler: compilers copy registers, spill them, and change the order, which is
  // what lets additions and multiply-adds run side by side.
  void Steps() {
    const FastTile& tile = plan_.tile;
    const int vectors = tile.vectors, rows = tile.rows;
    const Registers registers = Assign();
    // A step needs all of its rows' and terms' lines at once; those of the next line of steps are fetched
    // while this one's last. Lanes are read one line after the other.
    const int64_t lines = int64_t{rows} * terms_, fetched = (lines + kStepsInLine - 1) / kStepsInLine;
    const int64_t lane_bytes = terms_ * tile_lanes_ * 4;
    out_.Line("long line;");
    out_.Line("const float* next = a + ", lines * kStepsInLine, ";");
    out_.Line("__asm__ volatile(");
    ForEachSum([&](int row, int v) {
      Instruction("vmovups ", (row * vectors + v) * tile.lanes * 4, "(%[sums]), ", Sum(row, v));
    });
    // Steps of a line, then the next one.
    Instruction("2:");
    Instruction("mov $", kStepsInLine, ", %[line]");
    Instruction("cmp %[line], %[steps]");
    Instruction("cmovl %[steps], %[line]");
    Instruction("sub %[line], %[steps]");
    Instruction("1:");
    for (int64_t i = 0; i < fetched; ++i) Instruction("prefetcht0 ", i * kLineBytes, "(%[next])");
    Instruction("add $", fetched * kLineBytes, ", %[next]");
    for (int64_t at = 0; tile.fetches_lanes && at < lane_bytes; at += kLineBytes)
      Instruction("prefetcht0 ", kBytesAhead + at, "(%[b])");
    for (const std::string& instruction : Step(registers)) Instruction(instruction);
    Instruction("add $4, %[a]");
    Instruction("add $", lane_bytes, ", %[b]");
    Instruction("dec %[line]");
    Instruction("jnz 1b");
    Instruction("add $", (rows * terms_ - 1) * kStepsInLine * 4, ", %[a]");
    Instruction("test %[steps], %[steps]");
    Instruction("jnz 2b");
    ForEachSum([&](int row, int v) {
      Instruction("vmovups ", Sum(row, v), ", ", (row * vectors + v) * tile.lanes * 4, "(%[sums])");
    });
    std::string clobbered;
    for (int r = 0; r < registers.used; ++r) absl::StrAppend(&clobbered, "\"xmm", r, "\", ");
    out_.Line(": [a] \"+r\"(a), [b] \"+r\"(b), [steps] \"+r\"(steps), [line] \"=&r\"(line), ",
              "[next] \"+r\"(next)");
    out_.Line(": [sums] \"r\"(sums)");
    out_.Line(": ", clobbered, "\"cc\", \"memory\");");
  }

  // Behind the sums: weights of a pair's terms, or none where they do not fit and stay in memory; weights of
  // a single term; and the rest.
  struct Registers {
    std::vector<std::string> first, second, single, free;
    int used = 0;
  };

  Registers Assign() const {
    const FastTile& tile = plan_.tile;
    Registers result;
    result.used = tile.rows * tile.vectors;
    const auto take = [&](int count) {
      std::vector<std::string> names;
      for (; count > 0; --count) names.push_back(Register(result.used++));
      return names;
    };
    int spare = registers_ - VectorRegistersOf(tile);
    const auto take_spare = [&] {
      if (spare < tile.vectors) return std::vector<std::string>{};
      spare -= tile.vectors;
      return take(tile.vectors);
    };
    if (tile.singles == SingleTerms::kAmong) {
      result.first = take_spare();
      result.second = take_spare();
      result.free = take(std::max(4, tile.vectors + 1));
      result.single.assign(result.free.begin(), result.free.begin() + tile.vectors);
      return result;
    }
    result.first = take(tile.vectors);
    if (tile.pairs) result.second = take_spare();
    result.single = tile.pairs && tile.singles == SingleTerms::kFolded ? take(tile.vectors) : result.first;
    result.free = take(tile.pairs ? 4 : 2);
    return result;
  }

  std::vector<std::string> Step(const Registers& registers) const {
    const FastTile& tile = plan_.tile;
    std::vector<std::string> step;
    const auto append = [&](const std::vector<std::string>& more) {
      step.insert(step.end(), more.begin(), more.end());
    };
    if (tile.pairs) {
      if (!registers.first.empty()) append(LoadLanes(0, registers.first));
      if (!registers.second.empty()) append(LoadLanes(1, registers.second));
    }
    std::vector<std::vector<std::string>> pairs, singles;
    for (int row = 0; tile.pairs && row < tile.rows; ++row) pairs.push_back(PairsOf(row, registers));
    for (int term = tile.pairs ? 2 : 0; term < terms_; ++term) singles.push_back(SinglesOf(term, registers));
    if (tile.singles == SingleTerms::kFolded) {
      // One by one, in proportion.
      append(Mixed(Joined(pairs), Joined(singles)));
    } else if (tile.singles == SingleTerms::kAmong) {
      append(Joined(Mixed(pairs, singles)));
    } else {
      append(Joined(pairs));
      append(Joined(singles));
    }
    return step;
  }

  std::vector<std::string> PairsOf(int row, const Registers& registers) const {
    const std::string &a0 = registers.free[0], &a1 = registers.free[1];
    std::vector<std::string> result = {absl::StrCat("vbroadcastss ", TermAt(row, 0), ", ", a0),
                                       absl::StrCat("vbroadcastss ", TermAt(row, 1), ", ", a1)};
    for (int v = 0; v < plan_.tile.vectors; ++v) {
      // Among them, the last ones may overwrite the row's terms.
      const bool last = plan_.tile.singles == SingleTerms::kAmong && v + 1 == plan_.tile.vectors;
      const std::string &x = registers.free[last ? 0 : 2], &y = registers.free[last ? 1 : 3];
      const std::string second = registers.second.empty() ? LanesAt(1, v) : registers.second[v],
                        first = registers.first.empty() ? LanesAt(0, v) : registers.first[v];
      result.push_back(absl::StrCat("vaddps ", second, ", ", a0, ", ", x));
      result.push_back(absl::StrCat("vaddps ", first, ", ", a1, ", ", y));
      result.push_back(absl::StrCat("vfmadd231ps ", x, ", ", y, ", ", Sum(row, v)));
    }
    return result;
  }

  std::vector<std::string> SinglesOf(int term, const Registers& registers) const {
    const FastTile& tile = plan_.tile;
    const bool folded = tile.singles == SingleTerms::kFolded;
    // Registers that pairs do not need just then.
    const int first_free = tile.singles == SingleTerms::kAmong ? tile.vectors : 0,
              alternate = tile.singles == SingleTerms::kAmong
                              ? std::min(2, static_cast<int>(registers.free.size()) - tile.vectors)
                              : 2;
    std::vector<std::string> result = LoadLanes(term, registers.single);
    for (int r = 0; r < tile.rows; ++r) {
      const int row = folded ? (r + tile.rows / 2) % tile.rows : r;  // Far from the pairs of the same sums.
      const std::string& broadcast = registers.free[first_free + r % alternate];
      if (!folded) result.push_back(absl::StrCat("vbroadcastss ", TermAt(row, term), ", ", broadcast));
      for (int v = 0; v < tile.vectors; ++v) {
        const std::string& weights = registers.single[v];
        result.push_back(absl::StrCat(
            "vfmadd231ps ",
            folded ? absl::StrCat(TermAt(row, term), "%{1to", tile.lanes, "%}, ", weights)
                   : absl::StrCat(weights, ", ", broadcast),
            ", ", Sum(row, v)));
      }
    }
    return result;
  }

  std::vector<std::string> LoadLanes(int term, const std::vector<std::string>& registers) const {
    std::vector<std::string> result;
    for (std::size_t v = 0; v < registers.size(); ++v)
      result.push_back(absl::StrCat("vmovups ", LanesAt(term, static_cast<int>(v)), ", ", registers[v]));
    return result;
  }

  static std::vector<std::string> Joined(const std::vector<std::vector<std::string>>& groups) {
    std::vector<std::string> result;
    for (const std::vector<std::string>& group : groups)
      result.insert(result.end(), group.begin(), group.end());
    return result;
  }

  // Those of `some`, each followed by its share of `others`.
  template <typename T>
  static std::vector<T> Mixed(const std::vector<T>& some, const std::vector<T>& others) {
    std::vector<T> result;
    std::size_t done = 0;
    for (std::size_t i = 0; i < some.size(); ++i) {
      result.push_back(some[i]);
      for (; done < others.size() * (i + 1) / some.size(); ++done) result.push_back(others[done]);
    }
    for (; done < others.size(); ++done) result.push_back(others[done]);
    return result;
  }

  std::string Register(int number) const {
    return absl::StrCat(plan_.tile.lanes == 16 ? "%%zmm" : "%%ymm", number);
  }
  std::string Sum(int row, int v) const { return Register(row * plan_.tile.vectors + v); }
  std::string LanesAt(int term, int v) const {
    return absl::StrCat((term * tile_lanes_ + int64_t{v} * plan_.tile.lanes) * 4, "(%[b])");
  }
  std::string TermAt(int row, int term) const {
    return absl::StrCat((row * terms_ + term) * kStepsInLine * 4, "(%[a])");
  }
  template <typename... Parts>
  void Instruction(const Parts&... parts) {
    out_.Line("\"", parts..., "\\n\\t\"");
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
  if (kernel.layout.products > 1) printer.MultiplyGroup();
}

}  // namespace tunefarm::schedules
