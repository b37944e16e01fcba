#include <xnnpack.h>

#include <limits>
#include <memory>

#include "absl/strings/str_cat.h"
#include "bench/peers/peer.h"

namespace tunefarm::bench {

using schedules::EpilogueOp;
using schedules::EpilogueStep;
using schedules::Layout;
using schedules::Operator;
using schedules::Workload;

namespace {

// What XNNPACK fuses: a bias that comes first and then one clamp. `steps` counts the epilogue's steps that
// are done by that; the others follow as passes.
struct Fused {
  explicit Fused(const Problem& problem) {
    const std::vector<EpilogueOp>& epilogue = problem.compute().epilogue;
    if (!epilogue.empty() && epilogue[0].step == EpilogueStep::kBias) {
      bias = problem.input(epilogue[0].operand.tensor);
      steps = 1;
    }
    if (steps < epilogue.size() && epilogue[steps].step == EpilogueStep::kRelu) low = 0, ++steps;
    if (steps < epilogue.size() && epilogue[steps].step == EpilogueStep::kRelu6) low = 0, high = 6, ++steps;
  }
  const float* bias = nullptr;
  float low = -std::numeric_limits<float>::infinity(), high = std::numeric_limits<float>::infinity();
  std::size_t steps = 0;
};

absl::Status Refused(const char* what, xnn_status status) {
  return absl::UnimplementedError(absl::StrCat("XNNPACK refuses to ", what, ": status ", status));
}

struct State {
  ~State() {
    if (op != nullptr) xnn_delete_operator(op);
    if (pool != nullptr) pthreadpool_destroy(pool);
  }
  xnn_operator_t op = nullptr;
  pthreadpool_t pool = nullptr;
};

xnn_status CreateConvolution(const Problem& problem, const Fused& fused, xnn_operator_t* op) {
  const Workload& w = problem.workload();
  const bool depthwise = w.op() == Operator::kDepthwiseConv2d;
  const auto dim = [&](const char* key) { return static_cast<uint32_t>(w.dim(key)); };
  const uint32_t groups = depthwise ? dim("c") : dim("groups");
  const std::size_t in = dim(depthwise ? "c" : "ci"), out = depthwise ? in * dim("mult") : dim("co");
  return xnn_create_convolution2d_nhwc_f32(dim("pad_t"), dim("pad_r"), dim("pad_b"), dim("pad_l"), dim("kh"),
                                           dim("kw"), dim("stride_h"), dim("stride_w"), dim("dilation"),
                                           dim("dilation"), groups, in / groups, out / groups, in, out,
                                           problem.input(1), fused.bias, fused.low, fused.high,
                                           depthwise ? XNN_FLAG_DEPTHWISE_CONVOLUTION : 0, op);
}

xnn_status CreateDense(const Problem& problem, const Fused& fused, xnn_operator_t* op) {
  const std::size_t k = problem.workload().dim("k"), n = problem.workload().dim("n");
  return xnn_create_fully_connected_nc_f32(k, n, k, n, problem.input(1), fused.bias, fused.low, fused.high, 0,
                                           op);
}

}  // namespace

absl::StatusOr<Peer> MakeXnnPack(const Problem& problem) {
  const Workload& w = problem.workload();
  if (w.layout() != Layout::kNone && w.layout() != Layout::kNhwc)
    return absl::UnimplementedError("XNNPACK convolves nhwc only");
  if (w.op() == Operator::kMatmul || w.op() == Operator::kBatchMatmul) {
    return absl::UnimplementedError("XNNPACK multiplies by constant weights only");
  }
  if (const xnn_status status = xnn_initialize(nullptr); status != xnn_status_success) {
    return Refused("start", status);
  }
  const Fused fused(problem);
  const auto state = std::make_shared<State>();
  if (problem.threads() > 1) state->pool = pthreadpool_create(static_cast<std::size_t>(problem.threads()));
  const bool dense = w.op() == Operator::kDense;
  const xnn_status created =
      dense ? CreateDense(problem, fused, &state->op) : CreateConvolution(problem, fused, &state->op);
  if (created != xnn_status_success) return Refused("create the operator", created);

  Peer peer;
  peer.name = "XNNPACK";
  peer.description =
      absl::StrCat("its kernels for this machine",
                   fused.steps < problem.compute().epilogue.size() ? ", rest of the epilogue as a pass" : "");
  peer.flop = problem.compute().flop;
  // Setting up again is cheap while the sizes stay; the output may be another buffer.
  peer.run = [&problem, state, dense, steps = fused.steps](Buffer& output) {
    const Workload& workload = problem.workload();
    if (dense) {
      xnn_setup_fully_connected_nc_f32(state->op, workload.dim("m"), problem.input(0), output.data(),
                                       state->pool);
    } else {
      xnn_setup_convolution2d_nhwc_f32(state->op, workload.dim("n"), workload.dim("h"), workload.dim("w"),
                                       problem.input(0), output.data(), state->pool);
    }
    xnn_run_operator(state->op, state->pool);
    problem.ApplyEpilogue(output.data(), steps);
  };
  return peer;
}

}  // namespace tunefarm::bench
