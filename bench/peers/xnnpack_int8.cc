// XNNPACK's int8 with a scale per output channel (QC8). It has convolutions only; a dense layer is one with a
// 1x1 kernel over as many pixels as it has rows.
#include <xnnpack.h>

#include <cmath>
#include <memory>

#include "absl/strings/str_cat.h"
#include "bench/peers/peer.h"

namespace tunefarm::bench {

using schedules::Operator;
using schedules::Requantize;
using schedules::Workload;

namespace {

struct State {
  ~State() {
    if (op != nullptr) xnn_delete_operator(op);
    if (pool != nullptr) pthreadpool_destroy(pool);
  }
  xnn_operator_t op = nullptr;
  pthreadpool_t pool = nullptr;
};

// A convolution's sizes, which a dense layer has as well.
struct Sizes {
  explicit Sizes(const Workload& w) {
    const auto dim = [&](const char* key) { return static_cast<uint32_t>(w.dim(key)); };
    if (w.op() == Operator::kDense) {
      h = dim("m");
      ci = dim("k");
      co = dim("n");
      return;
    }
    depthwise = w.op() == Operator::kDepthwiseConv2d;
    n = dim("n"), h = dim("h"), width = dim("w"), kh = dim("kh"), kw = dim("kw");
    ci = dim(depthwise ? "c" : "ci"), co = depthwise ? ci * dim("mult") : dim("co");
    groups = depthwise ? ci : dim("groups");
    stride_h = dim("stride_h"), stride_w = dim("stride_w"), dilation = dim("dilation");
    pad_t = dim("pad_t"), pad_r = dim("pad_r"), pad_b = dim("pad_b"), pad_l = dim("pad_l");
  }
  bool depthwise = false;
  uint32_t n = 1, h = 1, width = 1, kh = 1, kw = 1, ci = 1, co = 1, groups = 1, stride_h = 1, stride_w = 1,
           dilation = 1, pad_t = 0, pad_r = 0, pad_b = 0, pad_l = 0;
};

xnn_status Create(const Problem& problem, const Sizes& s, xnn_operator_t* op) {
  const Requantize& requantize = *problem.compute().requantize;
  const std::vector<int32_t>& multiplier = problem.ints(requantize.multiplier.tensor);
  const std::vector<int32_t>& shift = problem.ints(requantize.shift.tensor);
  std::vector<float> scales;
  scales.reserve(multiplier.size());
  for (std::size_t c = 0; c < multiplier.size(); ++c) {
    scales.push_back(std::ldexp(static_cast<float>(multiplier[c]), shift[c] - 31));
  }
  const auto& epilogue = problem.compute().epilogue;
  const auto* bias =
      epilogue.empty() ? nullptr : static_cast<const int32_t*>(problem.argument(epilogue[0].operand.tensor));
  const auto* weights = static_cast<const int8_t*>(problem.argument(problem.compute().rhs.tensor));
  return xnn_create_convolution2d_nhwc_qc8(
      s.pad_t, s.pad_r, s.pad_b, s.pad_l, s.kh, s.kw, s.stride_h, s.stride_w, s.dilation, s.dilation,
      s.groups, s.ci / s.groups, s.co / s.groups, s.ci, s.co,
      static_cast<int8_t>(requantize.input_zero_point), 1.0f, scales.data(), weights, bias,
      static_cast<int8_t>(requantize.output_zero_point), 1.0f, static_cast<int8_t>(requantize.output_min),
      static_cast<int8_t>(requantize.output_max), s.depthwise ? XNN_FLAG_DEPTHWISE_CONVOLUTION : 0, op);
}

}  // namespace

absl::StatusOr<Peer> MakeXnnPackInt8(const Problem& problem) {
  const Workload& w = problem.workload();
  if (w.op() == Operator::kMatmul) return absl::UnimplementedError("XNNPACK wants weights as [n, k]");
  if (const xnn_status status = xnn_initialize(nullptr); status != xnn_status_success) {
    return absl::UnimplementedError(absl::StrCat("XNNPACK refuses to start: status ", status));
  }
  const Sizes sizes(w);
  const auto state = std::make_shared<State>();
  if (problem.threads() > 1) state->pool = pthreadpool_create(static_cast<std::size_t>(problem.threads()));
  if (const xnn_status status = Create(problem, sizes, &state->op); status != xnn_status_success) {
    return absl::UnimplementedError(absl::StrCat("XNNPACK refuses the operator: status ", status));
  }
  Peer peer;
  peer.name = "XNNPACK";
  peer.description = "its QC8 kernels for this machine";
  peer.flop = problem.compute().flop;
  // Setting up again is cheap while the sizes stay; the output may be another buffer.
  peer.run = [&problem, state, sizes](Buffer& output) {
    xnn_setup_convolution2d_nhwc_qc8(state->op, sizes.n, sizes.h, sizes.width,
                                     static_cast<const int8_t*>(problem.argument(0)), output.bytes(),
                                     state->pool);
    xnn_run_operator(state->op, state->pool);
  };
  return peer;
}

}  // namespace tunefarm::bench
