#include <cblas.h>

#include "absl/strings/str_cat.h"
#include "bench/peers/gemm_peer.h"

namespace tunefarm::bench {

absl::StatusOr<Peer> MakeOpenBlas(const Problem& problem) {
  openblas_set_num_threads(problem.threads());
  return MakeGemmPeer(
      problem, "OpenBLAS", absl::StrCat(openblas_get_config(), ", kernels of ", openblas_get_corename()),
      [](const GemmCall& g) {
        cblas_sgemm(CblasRowMajor, CblasNoTrans, g.transposed_b ? CblasTrans : CblasNoTrans, g.m, g.n, g.k,
                    1.0f, g.a, g.k, g.b, g.transposed_b ? g.k : g.n, 0.0f, g.c, g.n);
      });
}

}  // namespace tunefarm::bench
