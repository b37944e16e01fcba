#include <algorithm>

#include "absl/strings/str_cat.h"
#include "bench/peers/eigen_gemm.h"
#include "bench/peers/gemm_peer.h"

namespace tunefarm::bench {

absl::StatusOr<Peer> MakeEigen(const Problem& problem) {
  const std::vector<std::string>& features = problem.target().isa_features;
  const auto has = [&](const char* feature) {
    return std::find(features.begin(), features.end(), feature) != features.end();
  };
  EigenGemm* gemm = has("avx512f") ? EigenGemmV4 : has("avx2") ? EigenGemmV3 : EigenGemmV2;
  return MakeGemmPeer(problem, "Eigen",
                      absl::StrCat("3.4, compiled for x86-64-", has("avx512f") ? "v4"
                                                                : has("avx2")  ? "v3"
                                                                               : "v2"),
                      [gemm, threads = problem.threads()](const GemmCall& g) {
                        gemm(threads, g.m, g.n, g.k, g.a, g.b, g.transposed_b, g.c);
                      });
}

}  // namespace tunefarm::bench
