#include "schedules/c_preamble.h"

namespace tunefarm::schedules {
namespace {

// Of gcc's x86 builtins for vectors of so many floats; empty where there are none.
std::string BuiltinSuffix(int lanes) {
  return lanes == 4 ? "ps" : lanes == 8 ? "ps256" : lanes == 16 ? "ps512_mask" : "";
}

// "max" and "min" give the second operand where one is no number, as a comparison does.
std::string Builtin(const char* name, int lanes, const std::string& a, const std::string& b) {
  // All lanes, in the current rounding mode.
  const char* masked = lanes == 16 ? ", (vec){0}, (unsigned short)-1, 4" : "";
  return absl::StrCat("__builtin_ia32_", name, BuiltinSuffix(lanes), "(", a, ", ", b, masked, ")");
}

}  // namespace

void PrintPreamble(const std::string& title, const std::string& config, int lanes,
                   const ComputeDefinition& compute, CText& out) {
  out.Line("// ", title);
  if (!config.empty()) out.Line("// ", config);
  if (lanes > 1) {
    const int bytes = lanes * 4;
    out.Line("typedef float vec __attribute__((vector_size(", bytes, "), may_alias));");
    out.Line("typedef float vec_unaligned __attribute__((vector_size(", bytes, "), may_alias, aligned(4)));");
    out.Line("typedef int mask __attribute__((vector_size(", bytes, ")));");
  } else {
    out.Line("typedef float vec;");
  }
  out.Line("static inline long min_long(long a, long b) { return a < b ? a : b; }");
  bool relu = false, relu6 = false;
  for (const EpilogueOp& op : compute.epilogue) {
    relu = relu || op.step == EpilogueStep::kRelu;
    relu6 = relu6 || op.step == EpilogueStep::kRelu6;
  }
  // gcc makes no maximum of a masked comparison, unlike clang, and has no vector form of ?: in C.
  const std::string builtin = BuiltinSuffix(lanes);
  if (relu) {
    out.Open("static inline vec relu(vec x)");
    if (!builtin.empty()) {
      out.Line("#if defined(__x86_64__) && !defined(__clang__)");
      out.Line("return ", Builtin("max", lanes, "x", "(vec){0}"), ";  // x > 0 ? x : 0");
      out.Line("#else");
    }
    out.Line("return ", lanes > 1 ? "(vec)((mask)x & (x > 0.0f))" : "x > 0 ? x : 0", ";");
    if (!builtin.empty()) out.Line("#endif");
    out.Close();
  }
  if (relu6) {
    out.Open("static inline vec relu6(vec x)");
    if (!builtin.empty()) {
      out.Line("#if defined(__x86_64__) && !defined(__clang__)");
      out.Line("return ", Builtin("min", lanes, Builtin("max", lanes, "x", "(vec){0}"), "(vec){0} + 6.0f"),
               ";");
      out.Line("#else");
    }
    if (lanes > 1) {
      out.Line("const vec positive = (vec)((mask)x & (x > 0.0f)), six = (vec){0} + 6.0f;");
      out.Line("const mask small = positive < six;");
      out.Line("return (vec)((small & (mask)positive) | (~small & (mask)six));");
    } else {
      out.Line("return x < 0 ? 0 : x > 6 ? 6 : x;");
    }
    if (!builtin.empty()) out.Line("#endif");
    out.Close();
  }
}

void PrintBlockAccess(int lanes, int64_t block, CText& out) {
  out.Line("typedef float block_vec __attribute__((vector_size(", block * 4, "), may_alias, aligned(4)));");
  out.Open("static inline vec load_blocks(const float* from, long stride, long blocks)");
  out.Line("vec x = {0};");
  for (int64_t b = 0; b < lanes / block; ++b)
    out.Line("if (blocks > ", b, ") ((block_vec*)&x)[", b, "] = *(const block_vec*)(from + ", b,
             " * stride);");
  out.Line("return x;");
  out.Close();
  out.Open("static inline void store_blocks(float* to, long stride, long blocks, vec x)");
  for (int64_t b = 0; b < lanes / block; ++b)
    out.Line("if (blocks > ", b, ") *(block_vec*)(to + ", b, " * stride) = ((const block_vec*)&x)[", b, "];");
  out.Close();
}

void PrintParts(int lanes, CText& out) {
  out.Open("static inline vec load_part(const float* from, int count)");
  std::string there;
  for (int lane = 0; lane < lanes; ++lane)
    absl::StrAppend(&there, lane == 0 ? "" : ", ", "-(count > ", lane, ")");
  if (lanes == 16) {
    // The processor's masks leave alone what is behind the elements, even where no memory is.
    out.Line("#if defined(__AVX512F__) && !defined(__clang__)");
    out.Line("return __builtin_ia32_loadups512_mask(from, (vec){0}, (1u << count) - 1);");
    out.Line("#else");
  } else if (lanes >= 4) {
    out.Line("#if defined(__AVX__) && !defined(__clang__)");
    out.Line("const mask there = {", there, "};");
    out.Line("return __builtin_ia32_maskloadps", lanes == 8 ? "256" : "", "((const void*)from, there);");
    out.Line("#else");
  }
  out.Line("vec x = {0};");
  out.Line("__builtin_memcpy(&x, from, count * sizeof(float));");
  out.Line("return x;");
  if (lanes >= 4) out.Line("#endif");
  out.Close();
  out.Open("static inline void store_part(float* to, vec x, int count)");
  if (lanes >= 4) {
    out.Line("#if defined(__AVX512", lanes == 16 ? "F" : "VL", "__) && !defined(__clang__)");
    out.Line("__builtin_ia32_storeups", lanes * 32, "_mask(to, x, (1u << count) - 1);");
    out.Line("#else");
  }
  // From registers: copied from memory, the lanes would wait for the vector's own store.
  for (int half = lanes / 2; half >= 1; half /= 2) {
    std::string low, high;
    for (int lane = 0; lane < half; ++lane) absl::StrAppend(&low, ", ", lane);
    for (int lane = 0; lane < lanes; ++lane) absl::StrAppend(&high, ", ", (lane + half) % lanes);
    out.Open("if ((count & ", half, ") != 0)");
    if (half == 1) {
      out.Line("*to = x[0];");
    } else {
      out.Line("typedef float half_vec __attribute__((vector_size(", half * 4, "), may_alias, aligned(4)));");
      out.Line("*(half_vec*)to = __builtin_shufflevector(x, x", low, ");");
      out.Line("x = __builtin_shufflevector(x, x", high, ");");
      out.Line("to += ", half, ";");
    }
    out.Close();
  }
  if (lanes >= 4) out.Line("#endif");
  out.Close();
}

void PrintEverySecond(int lanes, CText& out) {
  std::string indices, blended, ordered;
  for (int lane = 0; lane < lanes; ++lane) {
    const int from = 2 * lane < lanes ? 2 * lane : 2 * lane - lanes + 1;
    absl::StrAppend(&indices, ", ", 2 * lane < lanes ? from : lanes + from);
    absl::StrAppend(&blended, ", ", lane % 2 == 0 ? lane : lanes + lane);
    absl::StrAppend(&ordered, ", ", from);
  }
  out.Open("static inline vec every_second(vec a, vec b)");
  out.Line("#if defined(__AVX2__) && !defined(__AVX512VL__)");
  out.Line("// A blend and a permutation; in one step it would be two permutations and a blend.");
  out.Line("const vec both = __builtin_shufflevector(a, b", blended, ");");
  out.Line("return __builtin_shufflevector(both, both", ordered, ");");
  out.Line("#else");
  out.Line("return __builtin_shufflevector(a, b", indices, ");");
  out.Line("#endif");
  out.Close();
}

}  // namespace tunefarm::schedules
