#include "bench/peers/naive_kernels.h"
#include "bench/peers/peer.h"

namespace tunefarm::bench {

using schedules::Layout;
using schedules::Operator;
using schedules::Workload;

namespace {

NaiveConv SizesOf(const Problem& problem) {
  const Workload& w = problem.workload();
  const bool depthwise = w.op() == Operator::kDepthwiseConv2d;
  const bool nchw = w.layout() == Layout::kNchw;
  const std::vector<int64_t>& out = problem.compute().tensors.back().shape;
  NaiveConv s;
  s.n = w.dim("n");
  s.h = w.dim("h");
  s.w = w.dim("w");
  s.ci = w.dim(depthwise ? "c" : "ci");
  s.co = out[nchw ? 1 : 3];
  s.oh = out[nchw ? 2 : 1];
  s.ow = out[nchw ? 3 : 2];
  s.kh = w.dim("kh");
  s.kw = w.dim("kw");
  s.stride_h = w.dim("stride_h");
  s.stride_w = w.dim("stride_w");
  s.pad_t = w.dim("pad_t");
  s.pad_l = w.dim("pad_l");
  s.dilation = w.dim("dilation");
  s.groups = depthwise ? s.ci : w.dim("groups");
  return s;
}

void RunMatmul(const Problem& problem, float* output) {
  const Workload& w = problem.workload();
  const long m = w.dim("m"), n = w.dim("n"), k = w.dim("k");
  if (w.op() == Operator::kDense) return NaiveDense(m, n, k, problem.input(0), problem.input(1), output);
  const long batch = w.op() == Operator::kBatchMatmul ? w.dim("b") : 1;
  for (long b = 0; b < batch; ++b) {
    NaiveMatmul(m, n, k, problem.input(0) + b * m * k, problem.input(1) + b * k * n, output + b * m * n);
  }
}

void RunConvolution(const Problem& problem, const NaiveConv& sizes, float* output) {
  const float* input = problem.input(0);
  const float* weights = problem.input(1);
  if (problem.workload().layout() == Layout::kNchw) return NaiveConvNchw(&sizes, input, weights, output);
  if (problem.workload().op() == Operator::kDepthwiseConv2d) {
    return NaiveDepthwiseNhwc(&sizes, input, weights, output);
  }
  NaiveConvNhwc(&sizes, input, weights, output);
}

}  // namespace

absl::StatusOr<Peer> MakeNaive(const Problem& problem) {
  if (schedules::ChannelBlock(problem.workload().layout()) > 1)
    return absl::UnimplementedError("there are no plain loops for blocks of channels");
  Peer peer;
  peer.name = "naive";
  peer.competes = false;
  peer.description = "plain loops in C, gcc -O3";
  peer.flop = problem.compute().flop;
  if (problem.workload().layout() == Layout::kNone) {
    peer.run = [&problem](Buffer& output) {
      RunMatmul(problem, output.data());
      problem.ApplyEpilogue(output.data());
    };
  } else {
    peer.run = [&problem, sizes = SizesOf(problem)](Buffer& output) {
      RunConvolution(problem, sizes, output.data());
      problem.ApplyEpilogue(output.data());
    };
  }
  return peer;
}

}  // namespace tunefarm::bench
