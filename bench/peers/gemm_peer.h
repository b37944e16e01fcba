// Peers that are matrix products: what one does with a BLAS. Convolutions go through im2col.
#pragma once

#include <functional>
#include <string>

#include "bench/peers/peer.h"

namespace tunefarm::bench {

// C[m,n] = A[m,k] * B[k,n], row-major and dense; `transposed_b`: B is stored as [n,k].
struct GemmCall {
  int m, n, k;
  const float* a;
  const float* b;
  bool transposed_b;
  float* c;
};
using Gemm = std::function<void(const GemmCall&)>;

// A peer that computes the workload by calls of `gemm`, the epilogue as a pass of its own. Patches are copied
// into columns where a convolution is not a matrix product as it stands; that copy is part of the call.
// kUnimplemented for depthwise and grouped convolutions, which no one computes so.
absl::StatusOr<Peer> MakeGemmPeer(const Problem& problem, std::string name, const std::string& description,
                                  const Gemm& gemm);

}  // namespace tunefarm::bench
