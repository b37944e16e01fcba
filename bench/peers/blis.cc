#include <blis.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "bench/peers/gemm_peer.h"

namespace tunefarm::bench {
namespace {

arch_t ArchOf(const schedules::Target& target) {
  const auto has = [&](const char* feature) {
    return std::ranges::find(target.isa_features, feature) != target.isa_features.end();
  };
  return has("avx512f") ? BLIS_ARCH_SKX : has("avx2") ? BLIS_ARCH_HASWELL : BLIS_ARCH_PENRYN;
}

}  // namespace

absl::StatusOr<Peer> MakeBlis(const Problem& problem) {
  if (problem.target().architecture == "x86_64") {
    // Read by bli_init(). By number: version 0.9 takes each name for number 0, the widest.
    const arch_t arch = ArchOf(problem.target());
    setenv("BLIS_ARCH_TYPE", std::to_string(arch).c_str(), 1);
    bli_init();
    if (bli_arch_query_id() != arch) {
      return absl::FailedPreconditionError(absl::StrCat("uses its kernels of ",
                                                        bli_arch_string(bli_arch_query_id()),
                                                        ", not those of ", bli_arch_string(arch)));
    }
  }
  bli_thread_set_num_threads(problem.threads());
  return MakeGemmPeer(
      problem, "BLIS",
      absl::StrCat(bli_info_get_version_str(), ", kernels of ", bli_arch_string(bli_arch_query_id())),
      [](const GemmCall& g) {
        float one = 1.0f, zero = 0.0f;
        bli_sgemm(BLIS_NO_TRANSPOSE, g.transposed_b ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE, g.m, g.n, g.k, &one,
                  const_cast<float*>(g.a), g.k, 1, const_cast<float*>(g.b), g.transposed_b ? g.k : g.n, 1,
                  &zero, g.c, g.n, 1);
      });
}

}  // namespace tunefarm::bench
