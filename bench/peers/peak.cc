#include <algorithm>

#include "bench/peers/compiled_kernel.h"
#include "bench/peers/peer.h"

namespace tunefarm::bench {
namespace {

// About a millisecond a call, so that the call itself does not count.
constexpr int kIterations = 100000;

// Chains a_j = a_j * x + y. Each starts from another value in memory: chains that start equal and see equal
// operands are one to the compiler, and the peak would read too high. x = 1/2 and y = 1/4 keep the values
// near 1/2, far from denormals.
std::string Source(int vector_bytes, int chains) {
  std::string c =
      absl::StrCat("typedef float vec __attribute__((vector_size(", vector_bytes, ")));\n",
                   "void tunefarm_run(void* const* arguments, const void* packed, void* workspace) {\n",
                   "  const vec* in = (const vec*)arguments[0];\n  vec* out = (vec*)arguments[1];\n",
                   "  const vec x = in[", chains, "], y = in[", chains + 1, "];\n");
  for (int j = 0; j < chains; ++j) absl::StrAppend(&c, "  vec a", j, " = in[", j, "];\n");
  absl::StrAppend(&c, "  for (long i = 0; i < ", kIterations, "; ++i) {\n");
  for (int j = 0; j < chains; ++j) absl::StrAppend(&c, "    a", j, " = a", j, " * x + y;\n");
  c += "  }\n";
  for (int j = 0; j < chains; ++j) absl::StrAppend(&c, "  out[", j, "] = a", j, ";\n");
  absl::StrAppend(&c, "  (void)packed; (void)workspace;\n}\n");
  return c;
}

// The fastest multiply-add of bytes that the target has, exact for all of them, as assembler: compilers copy
// the accumulators of vpdpbusd about, and compute vpmaddwd's products, which do not depend on the chain, once
// for all. Without VNNI by Winograd's identity (schedules/dot_pair_sums.h): half as many multiplications as
// products of int16 pairs take, and as many instructions.
struct Int8Peak {
  const char* instruction;  // Null: none that we know.
  int vector_bytes;
  int products;      // Of a 32-bit lane.
  const char* text;  // a += dot(x, y), with temporaries t and u.
};
Int8Peak Int8PeakOf(const schedules::Target& target) {
  const auto has = [&](const char* feature) {
    return std::ranges::find(target.isa_features, feature) != target.isa_features.end();
  };
  static constexpr char kPaired[] =
      R"("vpaddw %[y], %[x], %[t]\n\tvpaddw %[x], %[y], %[u]\n\tvpmaddwd %[u], %[t], %[t]\n\tvpaddd %[t], %[a], %[a]")";
  static constexpr char kPairedName[] = "vpmaddwd of sums";
  if (has("avx512_vnni")) return {"vpdpbusd", 64, 4, R"("vpdpbusd %[y], %[x], %[a]")"};
  if (has("avx_vnni")) return {"vpdpbusd", 32, 4, R"("%{vex%} vpdpbusd %[y], %[x], %[a]")"};
  if (has("avx512bw")) return {kPairedName, 64, 4, kPaired};
  if (has("avx2")) return {kPairedName, 32, 4, kPaired};
  return {};
}

std::string Int8Source(const Int8Peak& peak, int chains) {
  std::string c =
      absl::StrCat("typedef int vec __attribute__((vector_size(", peak.vector_bytes, ")));\n",
                   "void tunefarm_run(void* const* arguments, const void* packed, void* workspace) {\n",
                   "  const vec* in = (const vec*)arguments[0];\n  vec* out = (vec*)arguments[1];\n",
                   "  const vec x = in[", chains, "], y = in[", chains + 1, "];\n  vec t, u;\n");
  for (int j = 0; j < chains; ++j) absl::StrAppend(&c, "  vec a", j, " = in[", j, "];\n");
  absl::StrAppend(&c, "  for (long i = 0; i < ", kIterations, "; ++i) {\n");
  for (int j = 0; j < chains; ++j) {
    absl::StrAppend(&c, "    __asm__(", peak.text, " : [a] \"+v\"(a", j,
                    "), [t] \"=&v\"(t), [u] \"=&v\"(u) : [x] \"v\"(x), [y] \"v\"(y));\n");
  }
  c += "  }\n";
  for (int j = 0; j < chains; ++j) absl::StrAppend(&c, "  out[", j, "] = a", j, ";\n");
  absl::StrAppend(&c, "  (void)packed; (void)workspace;\n}\n");
  return c;
}

}  // namespace

absl::StatusOr<Peer> MakePeak(const Problem& problem) {
  const schedules::Target& target = problem.target();
  // Two registers hold x and y, two stay free. 24 chains cover a latency of 6 at 4 a cycle: more would not be
  // faster.
  const int chains = std::clamp(target.vector_registers - 4, 1, 24);
  const Int8Peak int8 = problem.is_int8() ? Int8PeakOf(target) : Int8Peak{};
  if (problem.is_int8() && int8.instruction == nullptr) {
    return absl::UnimplementedError("the target has no multiply-add of bytes or int16 that is known here");
  }
  const int lanes = problem.is_int8() ? int8.vector_bytes / 4 : target.lanes(sizeof(float));
  schedules::KernelSource source;
  source.c = problem.is_int8() ? Int8Source(int8, chains) : Source(target.vector_bytes, chains);
  TUNEFARM_ASSIGN_OR_RETURN(const CompiledKernel kernel, CompileAndLoad(source, target));

  auto values = std::make_shared<Buffer>(std::size_t(chains + 2) * lanes);
  for (int j = 0; j < chains * lanes; ++j) values->data()[j] = 0.5f + 0.001f * static_cast<float>(j);
  std::fill_n(values->data() + std::ptrdiff_t(chains) * lanes, lanes, 0.5f);
  std::fill_n(values->data() + std::ptrdiff_t(chains + 1) * lanes, lanes, 0.25f);
  auto result = std::make_shared<Buffer>(std::size_t(chains) * lanes);

  Peer peer;
  peer.name = problem.is_int8() ? "int8 peak" : "FMA peak";
  peer.description = problem.is_int8() ? absl::StrCat(int8.instruction, ", ", chains, " chains of ",
                                                      int8.vector_bytes, "-byte vectors in registers")
                                       : absl::StrCat(chains, " chains of ", target.vector_bytes,
                                                      "-byte vectors in registers");
  peer.flop = 2.0 * kIterations * chains * lanes * (problem.is_int8() ? int8.products : 1);
  peer.is_operator = false;
  peer.competes = false;
  peer.run = [kernel, values, result](Buffer&) {
    void* arguments[] = {values->data(), result->data()};
    kernel.run(arguments, nullptr, nullptr);
  };
  return peer;
}

}  // namespace tunefarm::bench
