#include "schedules/dot_bilinear_printer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_replace.h"

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

// The register tile's extent, and the smaller ones at the ends of what it tiles.
std::vector<int64_t> Counts(int64_t whole, const std::vector<int64_t>& extents) {
  std::vector<int64_t> counts;
  for (const int64_t extent : extents) {
    for (const int64_t count : {extent >= whole ? whole : 0, extent % whole}) {
      if (count > 0 && std::ranges::find(counts, count) == counts.end()) counts.push_back(count);
    }
  }
  return counts;
}

std::string Sum(int64_t row, int64_t vector) { return absl::StrCat("sum_", row, "_", vector); }

}  // namespace

DotBilinearPrinter::DotBilinearPrinter(const DotBilinearInput& input)
    : plan_(input.plan),
      form_(*input.plan.form),
      kernel_(*input.plan.kernel),
      s_(input.shape),
      facts_(input.facts),
      options_(input.options),
      lanes_(input.plan.kernel->lanes),
      tree_(input.tree),
      dot_(input.tree, input.facts, *input.options.dot, c_) {}

std::string DotBilinearPrinter::Print() {
  c_.Line("// ", options_.title);
  c_.Line("// ", options_.config);
  c_.Line("static inline long min_long(long a, long b) { return a < b ? a : b; }");
  if (options_.threads > 1) c_.Line("extern int omp_get_thread_num(void);");
  dot_.Preamble();
  const int bits = lanes_ * 32;
  c_.Raw(absl::StrReplaceAll(kVectors, {{"$BYTES", absl::StrCat(bits / 8)},
                                        {"$WIDTH", absl::StrCat(bits)},
                                        {"$HALF", absl::StrCat(bits / 2)}}));
  c_.Blank();
  PrintTransforms();
  for (const int64_t vectors : VectorCounts()) {
    for (const int64_t rows : RowCounts()) PrintMultiply(rows, vectors);
  }
  PrintPrepare();
  dot_.GeneralRun();
  PrintRun();
  return c_.Take();
}

std::vector<int64_t> DotBilinearPrinter::RowCounts() const { return Counts(plan_.rows, {s_.block}); }

std::vector<int64_t> DotBilinearPrinter::VectorCounts() const {
  const int64_t last = s_.co - (s_.co - 1) / s_.channel_block * s_.channel_block;
  return Counts(plan_.vectors, {s_.channel_block / lanes_, last / lanes_});
}

void DotBilinearPrinter::Transform(const char* type, int inputs, const std::string& from,
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

void DotBilinearPrinter::DeclarePatch() {
  c_.Line("int8_t* restrict patch = (int8_t*)(area + ", s_.patch_at, "L);");
}

std::string DotBilinearPrinter::LoadParameters() {
  const std::vector<const char*>& fields = options_.dot->channels.fields;
  std::string parameters;
  for (std::size_t f = 0; f < fields.size(); ++f) {
    c_.Line("const sums ", fields[f], " = load_channels(channel + ", static_cast<int64_t>(f) * lanes_, ");");
    if (f > 0) absl::StrAppend(&parameters, ", ", fields[f]);
  }
  return parameters;
}

// A register tile at a point.
void DotBilinearPrinter::PrintMultiply(int64_t rows, int64_t vectors) {
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
  for (int u = 0; u < plan_.unroll; ++u) PrintGroup(rows, vectors, u);
  c_.Line("row += ", plan_.unroll * kernel_.group, ";");
  c_.Line("panel += ", plan_.unroll * step, ";");
  c_.CloseWhile("panel != end");
  for (int u = 0; u < s_.groups % plan_.unroll; ++u) PrintGroup(rows, vectors, u);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t v = 0; v < vectors; ++v) {
      c_.Line("_mm", lanes_ * 32, "_store_si", lanes_ * 32, "((void*)(to + ",
              r * s_.channel_block + v * lanes_, "), ", Sum(r, v), ");");
    }
  }
  c_.Close();
}

void DotBilinearPrinter::PrintGroup(int64_t rows, int64_t vectors, int64_t group) {
  const int64_t vector = int64_t{lanes_} * kernel_.group;
  const bool folds = s_.folds;
  c_.Open();
  for (int64_t v = 0; v < vectors; ++v) {
    c_.Line("const ", folds ? "folded_terms w" : "rhs_terms w", v, " = ", folds ? "fold_rhs" : "load_rhs",
            "(panel + ", (group * vectors + v) * vector, ");");
  }
  for (int64_t r = 0; r < rows; ++r) {
    c_.Line("const lhs_terms x", r, " = load_lhs(row + ", r * s_.terms + group * kernel_.group, ");");
    for (int64_t v = 0; v < vectors; ++v) {
      c_.Line(Sum(r, v), folds ? " = dot_folded(" : " = dot(", Sum(r, v), ", x", r, ", w", v, ");");
    }
  }
  c_.Close();
}
void DotBilinearPrinter::PrintPrepare() {
  const int64_t group = kernel_.group, block_panels = s_.channel_block / lanes_;
  c_.Blank();
  c_.Open("void tunefarm_prepare(const void* const* constants, void* packed)");
  c_.Line("// The transformed weights, in the order in which the products read them.");
  c_.Open();
  c_.Line("const int8_t* restrict weights = constants[", facts_.rhs.access.tensor, "];");
  c_.Line("int16_t* restrict to = packed;");
  c_.Open("for (long co = 0; co < ", s_.co, "; ++co)");
  c_.Line("// Where the register tile's weights stand, how many vectors it has, and the channel's place.");
  c_.Line("const long block = co / ", s_.channel_block, " * ", block_panels, ", in_block = co % ",
          s_.channel_block, " / ", lanes_, ";");
  c_.Line("const long first = block + in_block / ", plan_.vectors, " * ", plan_.vectors, ";");
  c_.Line("const long end = min_long(block + ", block_panels, ", ", s_.panels, ");");
  c_.Line("const long vectors = min_long(end - first, ", plan_.vectors,
          "), vector = block + in_block - first;");
  c_.Line("const long next = (end - block) * ", s_.panel, ";  // From a set to the next.");
  c_.Open("for (long term = 0; term < ", s_.groups * group, "; ++term)");
  c_.Line("int16_t* set = to + (block * ", form_.sets, " + first - block) * ", s_.panel, " + vectors * ",
          s_.start, " + (term / ", group, " * vectors + vector) * ", lanes_ * group, " + ",
          kernel_.paired ? absl::StrCat("term % 4 / 2 * ", lanes_ * 2, " + ") : "", "co % ", lanes_,
          " * 2 + term % 2;");
  PrintWeights();
  c_.Close();
  if (kernel_.paired) PrintStarts();
  c_.Close();
  c_.Close();
  const LoopBuffer& table = tree_.buffers[options_.dot->channels.buffer];
  c_.Line("// What each channel adds, and how it is scaled: ", table.bytes, " bytes.");
  c_.Line("int32_t* restrict to = (int32_t*)packed + ", table.offset_bytes / table.element_bytes, ";");
  dot_.PackChannels("to");
  PrintRangeCheck();
  c_.Close();
}

// What products of sums have too much in them on the side of the weights.
void DotBilinearPrinter::PrintStarts() {
  c_.Open("for (int set = 0; set < ", form_.sets, "; ++set)");
  c_.Line("const int16_t* panel = to + (block * ", form_.sets, " + first - block) * ", s_.panel,
          " + set * next;");
  c_.Line("const int16_t* w = panel + vectors * ", s_.start, " + vector * ", lanes_ * 4, " + co % ", lanes_,
          " * 2;");
  c_.Line("uint32_t sum = 0;");
  c_.Open("for (long group = 0; group < ", s_.groups, "; ++group, w += vectors * ", lanes_ * 4, ")");
  c_.Line("sum += (uint32_t)(w[0] * w[", lanes_ * 2, "]) + (uint32_t)(w[1] * w[", lanes_ * 2 + 1, "]);");
  c_.Close();
  c_.Line("((uint32_t*)panel)[vector * ", lanes_, " + co % ", lanes_, "] = -sum;");
  c_.Close();
}

// PackChannels looks at the sums that requantisation takes; the algorithm may need smaller ones.
void DotBilinearPrinter::PrintRangeCheck() {
  constexpr int kRequantised = 29;
  const int bits = form_.result_bits;
  if (bits >= kRequantised) return;
  const int zero = requantize().input_zero_point, channels = options_.dot->roles.channels;
  const int64_t terms = facts_.rhs.stride[channels];  // Of a channel, side by side.
  c_.Line("// Whether the transform gives all sums that may occur.");
  c_.Open("for (long co = 0; co < ", facts_.compute.axes[channels].extent, "; ++co)");
  c_.Line("const int8_t* weights = (const int8_t*)constants[", facts_.rhs.access.tensor, "] + co * ", terms,
          "L;");
  c_.Line("long low = 0, high = 0;");
  c_.Open("for (long i = 0; i < ", terms, "; ++i)");
  c_.Line("const long w = weights[i];");
  c_.Line("low += w * (w < 0 ? ", 127 - zero, " : ", -128 - zero, ");");
  c_.Line("high += w * (w < 0 ? ", -128 - zero, " : ", 127 - zero, ");");
  c_.Close();
  c_.Line("if (low <= -(1 << ", bits, ") || high >= 1 << ", bits, ") to[", options_.dot->channels.elements,
          "] = ((uint8_t*)(to + ", options_.dot->channels.elements + 1, "))[co] = 1;");
  c_.Close();
}

void DotBilinearPrinter::PrintRun() {
  const LoopBuffer& table = tree_.buffers[options_.dot->channels.buffer];
  c_.Blank();
  c_.Open("void tunefarm_run(void* const* arguments, const void* packed, void* workspace)");
  c_.Line("const int8_t* restrict input = arguments[", facts_.lhs.access.tensor, "];");
  c_.Line("int8_t* restrict output = arguments[", facts_.output.access.tensor, "];");
  c_.Line("const int16_t* restrict panels = packed;");
  c_.Line("const int32_t* restrict channels = (const int32_t*)packed + ",
          table.offset_bytes / table.element_bytes, ";");
  if (options_.threads > 1) c_.Line("#pragma omp parallel for num_threads(", options_.threads, ")");
  c_.Open("for (long block = 0; block < ", s_.blocks, "; ++block)");
  dot_.RoundDown();
  c_.Line("char* area = (char*)workspace",
          options_.threads > 1 ? absl::StrCat(" + omp_get_thread_num() * ", s_.workspace_bytes, "L") : "",
          ";");
  c_.Line("int16_t* restrict tiles = (int16_t*)area;");
  c_.Line("int32_t* restrict products = (int32_t*)(area + ", s_.products_at, "L);");
  if (kernel_.paired) c_.Line("uint32_t* restrict pairs = (uint32_t*)(area + ", s_.pair_sums_at, "L);");
  c_.Line("// The last block moves inwards.");
  c_.Line("const long first = min_long(block * ", s_.block, ", ", form_.tiles - s_.block, ");");
  PrintInputs();
  c_.Open("for (long co = 0; co < ", s_.co, "; co += ", s_.channel_block, ")");
  c_.Line("const long end = min_long(co + ", s_.channel_block, ", ", s_.co, ");");
  PrintProducts();
  PrintOutputs();
  c_.Close();
  dot_.RoundBack();
  c_.Close();
  dot_.CallGeneralRun("channels");
  c_.Close();
}

// Points with the same weights follow each other.
void DotBilinearPrinter::PrintOrder() {
  std::vector<std::pair<int, int>> order;  // Set, point.
  order.reserve(set_of_.size());
  for (std::size_t point = 0; point < set_of_.size(); ++point)
    order.emplace_back(set_of_[point], static_cast<int>(point));
  std::ranges::sort(order);
  std::string points, sets;
  for (const auto& [set, point] : order) {
    absl::StrAppend(&points, point, ", ");
    absl::StrAppend(&sets, set, ", ");
  }
  c_.Line("static const unsigned char points[] = {", points, "}, sets[] = {", sets, "};");
}

void DotBilinearPrinter::PrintProducts() {
  const bool shared = !set_of_.empty();
  if (shared) PrintOrder();
  const char* const counter = shared ? "i" : "point";
  c_.Open("for (long ", counter, " = 0; ", counter, " < ", form_.points, "; ++", counter, ")");
  if (shared) c_.Line("const long point = points[i], set = sets[i];");
  c_.Line("const int16_t* rows = tiles + point * ", s_.tile_stride, ";");
  c_.Line("const int16_t* panel = panels + (co / ", lanes_, " * ", form_.sets, " + ",
          shared ? "set" : "point", " * ((end - co) / ", lanes_, ")) * ", s_.panel, "L;");
  c_.Line("int32_t* to = products + point * ", s_.product_stride, ";");
  c_.Line("long c = co;");
  for (const int64_t vectors : VectorCounts()) {
    const int64_t width = vectors * lanes_;
    c_.Open(vectors == plan_.vectors ? "for" : "if", " (", vectors == plan_.vectors ? "; " : "", "c + ",
            width, vectors == plan_.vectors ? " <= end; )" : " == end)");
    PrintRowTiles(vectors);
    c_.Line("c += ", width, ", panel += ", vectors * s_.panel, ", to += ", width, ";");
    c_.Close();
  }
  c_.Close();
}

void DotBilinearPrinter::PrintRowTiles(int64_t vectors) {
  const auto call = [&](int64_t rows, const std::string& row) {
    return absl::StrCat("multiply_", rows, "_", vectors, "(rows + ", row, " * ", s_.terms, ", panel, to + ",
                        row, " * ", s_.channel_block, ");");
  };
  const int64_t whole = s_.block / plan_.rows * plan_.rows;
  if (whole > 0) {
    c_.Line("for (long row = 0; row < ", whole, "; row += ", plan_.rows, ") ", call(plan_.rows, "row"));
  }
  if (whole < s_.block) c_.Line(call(s_.block - whole, absl::StrCat(whole)));
}

}  // namespace tunefarm::schedules
