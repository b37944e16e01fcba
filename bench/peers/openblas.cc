#include <cblas.h>

#include "absl/strings/str_cat.h"
#include "bench/peers/peer.h"

namespace tunefarm::bench {

using schedules::Layout;
using schedules::Operator;
using schedules::Workload;

namespace {

bool IsUnpadded(const Workload& w) {
  return w.dim("pad_t") == 0 && w.dim("pad_l") == 0 && w.dim("pad_b") == 0 && w.dim("pad_r") == 0;
}

}  // namespace

absl::StatusOr<Peer> MakeOpenBlas(const Problem& problem) {
  const Workload& w = problem.workload();
  int batch = 1, m = 0, n = 0, k = 0;
  CBLAS_TRANSPOSE transpose_rhs = CblasNoTrans;
  if (w.layout() == Layout::kNone) {
    if (w.op() == Operator::kBatchMatmul) batch = static_cast<int>(w.dim("b"));
    m = static_cast<int>(w.dim("m"));
    n = static_cast<int>(w.dim("n"));
    k = static_cast<int>(w.dim("k"));
    if (w.op() == Operator::kDense) transpose_rhs = CblasTrans;
  } else if (w.op() == Operator::kConv2d && w.layout() == Layout::kNhwc && w.dim("kh") == 1 &&
             w.dim("kw") == 1 && w.dim("stride_h") == 1 && w.dim("stride_w") == 1 && w.dim("groups") == 1 &&
             IsUnpadded(w)) {
    // A 1x1 convolution is a product of pixels and weights [co, ci].
    m = static_cast<int>(w.dim("n") * w.dim("h") * w.dim("w"));
    n = static_cast<int>(w.dim("co"));
    k = static_cast<int>(w.dim("ci"));
    transpose_rhs = CblasTrans;
  } else {
    return absl::UnimplementedError("a BLAS has no counterpart but for 1x1 convolutions in nhwc");
  }
  openblas_set_num_threads(1);

  Peer peer;
  peer.name = "OpenBLAS";
  peer.description =
      absl::StrCat(openblas_get_config(), ", kernels of ", openblas_get_corename(),
                   problem.compute().epilogue.empty() ? "" : ", epilogue as a pass of its own");
  peer.flop = problem.compute().flop;
  peer.run = [&problem, batch, m, n, k, transpose_rhs](Buffer& output) {
    const std::size_t lhs_size = std::size_t(m) * k, rhs_size = std::size_t(k) * n,
                      out_size = std::size_t(m) * n;
    for (int b = 0; b < batch; ++b) {
      cblas_sgemm(CblasRowMajor, CblasNoTrans, transpose_rhs, m, n, k, 1.0f, problem.input(0) + b * lhs_size,
                  k, problem.input(1) + b * rhs_size, transpose_rhs == CblasTrans ? k : n, 0.0f,
                  output.data() + b * out_size, n);
    }
    problem.ApplyEpilogue(output.data());
  };
  return peer;
}

}  // namespace tunefarm::bench
