#include <memory>

#include "absl/strings/str_cat.h"
#include "bench/peers/onednn_call.h"
#include "bench/peers/peer.h"

namespace tunefarm::bench {

using schedules::EpilogueOp;
using schedules::EpilogueStep;
using schedules::Layout;
using schedules::Operator;
using schedules::Workload;
using Dims = dnnl::memory::dims;
using Tag = dnnl::memory::format_tag;
constexpr auto kF32 = dnnl::memory::data_type::f32;

namespace {

using Call = OneDnnCall;

// How to ask for a primitive; each that oneDNN grants is timed, and the fastest is the peer.
struct Wish {
  bool blocked = false;   // Activations in the layout that oneDNN likes best.
  bool fuse_rest = true;  // Steps after the bias as post-operations; else as passes.
  dnnl::algorithm algorithm = dnnl::algorithm::convolution_auto;
  bool inner_product = false;
};

bool HasLeadingBias(const Problem& problem) {
  const auto& epilogue = problem.compute().epilogue;
  return !epilogue.empty() && epilogue[0].step == EpilogueStep::kBias;
}

// The steps after a leading bias. `bias` describes a later one; `residual` is its layout when it is known.
dnnl::primitive_attr Fuse(const Problem& problem, const Wish& wish, const dnnl::memory::desc& bias,
                          const dnnl::memory::desc& residual, Call& call) {
  call.steps_done = HasLeadingBias(problem) ? 1 : 0;
  dnnl::primitive_attr attributes;
  if (!wish.fuse_rest) return attributes;
  dnnl::post_ops post_ops;
  const auto& epilogue = problem.compute().epilogue;
  for (int index = 0; call.steps_done < epilogue.size(); ++call.steps_done, ++index) {
    const EpilogueOp& op = epilogue[call.steps_done];
    switch (op.step) {
      case EpilogueStep::kBias:
      case EpilogueStep::kResidual: {
        const dnnl::memory::desc& desc = op.step == EpilogueStep::kBias ? bias : residual;
        post_ops.append_binary(dnnl::algorithm::binary_add, desc);
        call.arguments[DNNL_ARG_ATTR_MULTIPLE_POST_OP(index) | DNNL_ARG_SRC_1] =
            call.Alias(desc, problem.input(op.operand.tensor));
        break;
      }
      case EpilogueStep::kRelu:
        post_ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
        break;
      case EpilogueStep::kRelu6:
        post_ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_clip, 0.0f, 6.0f);
        break;
    }
  }
  attributes.set_post_ops(post_ops);
  return attributes;
}

std::shared_ptr<Call> MakeMatmul(const Problem& problem, const Wish& wish) {
  const Workload& w = problem.workload();
  const int64_t m = w.dim("m"), n = w.dim("n"), k = w.dim("k");
  const bool batched = w.op() == Operator::kBatchMatmul, dense = w.op() == Operator::kDense;
  const int64_t b = batched ? w.dim("b") : 1;
  const auto dims = [&](int64_t batch, int64_t rows, int64_t columns) {
    return batched ? Dims{batch, rows, columns} : Dims{rows, columns};
  };
  const Tag plain = batched ? Tag::abc : Tag::ab;
  auto call = std::make_shared<Call>();
  const dnnl::memory::desc src(dims(b, m, k), kF32, plain), dst(dims(b, m, n), kF32, plain);
  const dnnl::memory::desc bias_row(dims(1, 1, n), kF32, plain);
  const auto attributes = Fuse(problem, wish, bias_row, dst, *call);
  const float* bias = HasLeadingBias(problem) ? problem.Find("bias") : nullptr;
  dnnl::memory::desc given, wanted;
  if (wish.inner_product) {  // Constant weights [n, k].
    given = {{n, k}, kF32, Tag::ab};
    const dnnl::memory::desc any({n, k}, kF32, Tag::any), bias_desc({n}, kF32, Tag::a);
    using Forward = dnnl::inner_product_forward;
    const Forward::desc operation =
        bias != nullptr ? Forward::desc(dnnl::prop_kind::forward_inference, src, any, bias_desc, dst)
                        : Forward::desc(dnnl::prop_kind::forward_inference, src, any, dst);
    const Forward::primitive_desc desc(operation, attributes, call->engine);
    call->primitive = Forward(desc);
    call->implementation = absl::StrCat(desc.impl_info_str(), " inner product");
    wanted = desc.weights_desc();
    if (bias != nullptr) call->arguments[DNNL_ARG_BIAS] = call->Alias(bias_desc, bias);
  } else {
    // Constant weights are packed as oneDNN likes; an activation comes as it is.
    given = {dims(b, k, n), kF32, dense ? Tag::ba : plain};
    const dnnl::memory::desc any(dims(b, k, n), kF32, Tag::any);
    const dnnl::matmul::desc operation = bias != nullptr
                                             ? dnnl::matmul::desc(src, dense ? any : given, bias_row, dst)
                                             : dnnl::matmul::desc(src, dense ? any : given, dst);
    const dnnl::matmul::primitive_desc desc(operation, attributes, call->engine);
    call->primitive = dnnl::matmul(desc);
    call->implementation = desc.impl_info_str();
    wanted = desc.weights_desc();
    if (bias != nullptr) call->arguments[DNNL_ARG_BIAS] = call->Alias(bias_row, bias);
  }
  call->arguments[DNNL_ARG_SRC] = call->Alias(src, problem.input(0));
  call->arguments[DNNL_ARG_WEIGHTS] = call->Pack(given, problem.input(1), wanted);
  call->plain = dst;
  call->output = dnnl::memory(dst, call->engine, DNNL_MEMORY_NONE);
  call->arguments[DNNL_ARG_DST] = call->output;
  return call;
}

// For its Winograd algorithm oneDNN takes weights in no order but its own plain one.
dnnl::memory PackWeights(Call& call, const dnnl::memory::desc& given, const void* data,
                         const dnnl::memory::desc& plain, const dnnl::memory::desc& wanted) {
  try {
    return call.Pack(given, data, wanted);
  } catch (const dnnl::error&) {
    const dnnl::memory reordered = call.Pack(given, data, plain);
    return call.Pack(plain, reordered.get_data_handle(), wanted);
  }
}

std::shared_ptr<Call> MakeConvolution(const Problem& problem, const Wish& wish) {
  const Workload& w = problem.workload();
  const bool depthwise = w.op() == Operator::kDepthwiseConv2d;
  const bool nhwc = w.layout() == Layout::kNhwc;
  const int64_t ci = w.dim(depthwise ? "c" : "ci");
  const int64_t groups = depthwise ? ci : w.dim("groups");
  const std::vector<int64_t>& shape = problem.compute().tensors.back().shape;
  const int64_t co = nhwc ? shape[3] : shape[1] * schedules::ChannelBlock(w.layout()),
                oh = shape[nhwc ? 1 : 2], ow = shape[nhwc ? 2 : 3];
  const int64_t n = w.dim("n"), kh = w.dim("kh"), kw = w.dim("kw");

  auto call = std::make_shared<Call>();
  const Tag activations = nhwc                             ? Tag::nhwc
                          : w.layout() == Layout::kNchw8c  ? Tag::nChw8c
                          : w.layout() == Layout::kNchw16c ? Tag::nChw16c
                                                           : Tag::nchw;
  const Dims src_dims = {n, ci, w.dim("h"), w.dim("w")}, dst_dims = {n, co, oh, ow};
  const dnnl::memory::desc src(src_dims, kF32, activations), dst(dst_dims, kF32, activations);
  const Tag wanted = wish.blocked ? Tag::any : activations;
  Dims weight_dims = {co, ci, kh, kw};
  Tag weight_tag = nhwc ? Tag::ohwi : Tag::oihw;
  if (groups > 1 || depthwise) {
    weight_dims = {groups, co / groups, ci / groups, kh, kw};
    weight_tag = !nhwc ? Tag::goihw : depthwise ? Tag::hwigo : Tag::gohwi;
  }
  // A fused residual is read in the workload's layout, also where the output is blocked.
  const auto attributes = Fuse(problem, wish, {{1, co, 1, 1}, kF32, Tag::nchw}, dst, *call);
  const float* bias = HasLeadingBias(problem) ? problem.Find("bias") : nullptr;
  const Dims strides = {w.dim("stride_h"), w.dim("stride_w")},
             dilates = {w.dim("dilation") - 1, w.dim("dilation") - 1},
             pads = {w.dim("pad_t"), w.dim("pad_l")}, pads_end = {w.dim("pad_b"), w.dim("pad_r")};
  using Forward = dnnl::convolution_forward;
  const auto kind = dnnl::prop_kind::forward_inference;
  const dnnl::memory::desc src_any(src_dims, kF32, wanted), dst_any(dst_dims, kF32, wanted),
      weights_any(weight_dims, kF32, Tag::any), bias_desc({co}, kF32, Tag::a);
  const Forward::desc operation = bias != nullptr
                                      ? Forward::desc(kind, wish.algorithm, src_any, weights_any, bias_desc,
                                                      dst_any, strides, dilates, pads, pads_end)
                                      : Forward::desc(kind, wish.algorithm, src_any, weights_any, dst_any,
                                                      strides, dilates, pads, pads_end);
  const Forward::primitive_desc desc(operation, attributes, call->engine);
  call->primitive = Forward(desc);
  call->implementation = desc.impl_info_str();
  call->arguments[DNNL_ARG_SRC] = call->Pack(src, problem.input(0), desc.src_desc());
  call->arguments[DNNL_ARG_WEIGHTS] =
      PackWeights(*call, {weight_dims, kF32, weight_tag}, problem.input(1),
                  {weight_dims, kF32, weight_dims.size() > 4 ? Tag::goihw : Tag::oihw}, desc.weights_desc());
  if (bias != nullptr) call->arguments[DNNL_ARG_BIAS] = call->Alias(bias_desc, bias);
  call->plain = dst;
  call->output = desc.dst_desc() == dst ? dnnl::memory(dst, call->engine, DNNL_MEMORY_NONE)
                                        : dnnl::memory(desc.dst_desc(), call->engine);
  call->arguments[DNNL_ARG_DST] = call->output;
  return call;
}

std::vector<Wish> WishesFor(const Problem& problem, bool blocked) {
  std::vector<Wish> wishes;
  const std::size_t rest = problem.compute().epilogue.size() - (HasLeadingBias(problem) ? 1 : 0);
  for (const bool fuse_rest : {true, false}) {
    if (!fuse_rest && rest == 0) continue;
    Wish wish{blocked, fuse_rest};
    if (problem.workload().layout() != Layout::kNone) {
      for (const auto algorithm :
           {dnnl::algorithm::convolution_direct, dnnl::algorithm::convolution_winograd}) {
        wish.algorithm = algorithm;
        wishes.push_back(wish);
      }
    } else if (!blocked) {
      wishes.push_back(wish);
      wish.inner_product = true;
      if (problem.workload().op() == Operator::kDense) wishes.push_back(wish);
    }
  }
  return wishes;
}

std::function<void(Buffer&)> RunOf(const Problem& problem, const std::shared_ptr<Call>& call) {
  return [&problem, call](Buffer& output) {
    call->Run(output.data());
    // A pass over the blocked output costs what one over the plain one does.
    problem.ApplyEpilogue(output.data(), call->steps_done);
  };
}

}  // namespace

absl::StatusOr<Peer> MakeOneDnn(const Problem& problem, bool blocked) {
  if (blocked && problem.workload().layout() == Layout::kNone) {
    return absl::UnimplementedError("only convolutions have blocked layouts");
  }
  std::shared_ptr<Call> best;
  double best_seconds = 0;
  std::string refusal = "no implementation";
  Buffer output(problem.output_elements());
  for (const Wish& wish : WishesFor(problem, blocked)) {
    try {
      const std::shared_ptr<Call> call = problem.workload().layout() == Layout::kNone
                                             ? MakeMatmul(problem, wish)
                                             : MakeConvolution(problem, wish);
      if (blocked && call->in_place()) continue;  // It is the other peer.
      const double seconds = ShortestSeconds(RunOf(problem, call), output);
      if (best != nullptr && seconds >= best_seconds) continue;
      best = call;
      best_seconds = seconds;
    } catch (const dnnl::error& error) {
      refusal = error.what();
    }
  }
  if (best == nullptr) {
    return absl::UnimplementedError(blocked ? absl::StrCat("oneDNN prefers no blocked layout: ", refusal)
                                            : absl::StrCat("oneDNN refuses it: ", refusal));
  }
  Peer peer;
  peer.name = blocked ? "oneDNN blocked" : "oneDNN";
  peer.description =
      absl::StrCat(OneDnnVersion(), ", ", best->implementation, blocked ? ", activations blocked" : "");
  if (best->steps_done < problem.compute().epilogue.size()) {
    absl::StrAppend(&peer.description, ", rest of the epilogue as a pass");
  }
  peer.flop = problem.compute().flop;
  peer.run = RunOf(problem, best);
  if (!best->in_place()) {
    peer.convert = [&problem, best](Buffer& buffer) {
      best->Convert(buffer.data());
      problem.ApplyEpilogue(buffer.data(), best->steps_done);
    };
  }
  return peer;
}

}  // namespace tunefarm::bench
