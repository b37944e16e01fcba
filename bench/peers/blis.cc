#include <blis.h>

#include "absl/strings/str_cat.h"
#include "bench/peers/gemm_peer.h"

namespace tunefarm::bench {

absl::StatusOr<Peer> MakeBlis(const Problem& problem) {
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
