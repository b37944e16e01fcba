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

}  // namespace

absl::StatusOr<Peer> MakePeak(const Problem& problem) {
  const schedules::Target& target = problem.target();
  // Two registers hold x and y, two stay free. 24 chains cover a latency of 6 at 4 a cycle: more would not be
  // faster.
  const int chains = std::clamp(target.vector_registers - 4, 1, 24);
  const int lanes = target.lanes(sizeof(float));
  schedules::KernelSource source;
  source.c = Source(target.vector_bytes, chains);
  TUNEFARM_ASSIGN_OR_RETURN(const CompiledKernel kernel, CompileAndLoad(source, target));

  auto values = std::make_shared<Buffer>(std::size_t(chains + 2) * lanes);
  for (int j = 0; j < chains * lanes; ++j) values->data()[j] = 0.5f + 0.001f * static_cast<float>(j);
  std::fill_n(values->data() + chains * lanes, lanes, 0.5f);
  std::fill_n(values->data() + (chains + 1) * lanes, lanes, 0.25f);
  auto result = std::make_shared<Buffer>(std::size_t(chains) * lanes);

  Peer peer;
  peer.name = "FMA peak";
  peer.description = absl::StrCat(chains, " chains of ", target.vector_bytes, "-byte vectors in registers");
  peer.flop = 2.0 * kIterations * chains * lanes;
  peer.is_operator = false;
  peer.competes = false;
  peer.run = [kernel, values, result](Buffer&) {
    void* arguments[] = {values->data(), result->data()};
    kernel.run(arguments, nullptr, nullptr);
  };
  return peer;
}

}  // namespace tunefarm::bench
