#include <dnnl.hpp>
#include <memory>
#include <unordered_map>

#include "absl/strings/str_cat.h"
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

dnnl::memory::desc Describe(const Dims& dims, Tag tag) { return {dims, kF32, tag}; }

// A primitive with its arguments. Argument memories alias the problem's buffers; the output is set call by
// call.
struct Call {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  dnnl::primitive primitive;
  std::unordered_map<int, dnnl::memory> arguments;
  dnnl::memory output;

  dnnl::memory Alias(const dnnl::memory::desc& desc, const float* data) {
    return dnnl::memory(desc, engine, const_cast<float*>(data));
  }
  // Into the layout that the primitive wants; before any timing.
  dnnl::memory Pack(const dnnl::memory::desc& from, const float* data, const dnnl::memory::desc& to) {
    dnnl::memory source = Alias(from, data);
    if (from == to) return source;
    dnnl::memory packed(to, engine);
    dnnl::reorder(source, packed).execute(stream, source, packed);
    stream.wait();
    return packed;
  }
  Peer ToPeer(const Problem& problem, std::string implementation, std::shared_ptr<Call> self) {
    const dnnl_version_t* version = dnnl_version();
    Peer peer;
    peer.name = "oneDNN";
    peer.description =
        absl::StrCat(version->major, ".", version->minor, ".", version->patch, ", ", implementation);
    peer.flop = problem.compute().flop;
    peer.run = [self](Buffer& buffer) {
      self->output.set_data_handle(buffer.data());
      self->primitive.execute(self->stream, self->arguments);
      self->stream.wait();
    };
    return peer;
  }
};

// Every step as a post-operation. `bias` and `output` describe the operands, in as many dimensions as the
// output.
dnnl::primitive_attr Fuse(const Problem& problem, Call& call, const dnnl::memory::desc& bias,
                          const dnnl::memory::desc& output) {
  dnnl::post_ops post_ops;
  int index = 0;
  for (const EpilogueOp& op : problem.compute().epilogue) {
    switch (op.step) {
      case EpilogueStep::kBias:
      case EpilogueStep::kResidual: {
        const dnnl::memory::desc& desc = op.step == EpilogueStep::kBias ? bias : output;
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
    ++index;
  }
  dnnl::primitive_attr attributes;
  attributes.set_post_ops(post_ops);
  return attributes;
}

Peer MakeMatmul(const Problem& problem) {
  const Workload& w = problem.workload();
  const int64_t m = w.dim("m"), n = w.dim("n"), k = w.dim("k");
  const bool batched = w.op() == Operator::kBatchMatmul;
  const int64_t b = batched ? w.dim("b") : 1;
  const auto dims = [&](int64_t batch, int64_t rows, int64_t columns) {
    return batched ? Dims{batch, rows, columns} : Dims{rows, columns};
  };
  const Tag plain = batched ? Tag::abc : Tag::ab;
  auto call = std::make_shared<Call>();
  const auto src = Describe(dims(b, m, k), plain);
  const auto dst = Describe(dims(b, m, n), plain);
  const auto given = Describe(dims(b, k, n), w.op() == Operator::kDense ? Tag::ba : plain);
  // Constant weights are packed as oneDNN likes; an activation comes as it is.
  const auto wanted = w.op() == Operator::kDense ? Describe(dims(b, k, n), Tag::any) : given;
  const auto attributes = Fuse(problem, *call, Describe(dims(1, 1, n), plain), dst);
  const dnnl::matmul::primitive_desc desc(dnnl::matmul::desc(src, wanted, dst), attributes, call->engine);
  call->primitive = dnnl::matmul(desc);
  call->arguments[DNNL_ARG_SRC] = call->Alias(src, problem.input(0));
  call->arguments[DNNL_ARG_WEIGHTS] = call->Pack(given, problem.input(1), desc.weights_desc());
  call->output = dnnl::memory(dst, call->engine, DNNL_MEMORY_NONE);
  call->arguments[DNNL_ARG_DST] = call->output;
  return call->ToPeer(problem, desc.impl_info_str(), call);
}

Peer MakeConvolution(const Problem& problem) {
  const Workload& w = problem.workload();
  const bool depthwise = w.op() == Operator::kDepthwiseConv2d;
  const bool nchw = w.layout() == Layout::kNchw;
  const int64_t ci = w.dim(depthwise ? "c" : "ci");
  const int64_t groups = depthwise ? ci : w.dim("groups");
  const std::vector<int64_t>& shape = problem.compute().tensors.back().shape;
  const int64_t co = shape[nchw ? 1 : 3], oh = shape[nchw ? 2 : 1], ow = shape[nchw ? 3 : 2];
  const int64_t n = w.dim("n"), kh = w.dim("kh"), kw = w.dim("kw");

  auto call = std::make_shared<Call>();
  // Activations stay in the network's layout; oneDNN's own blocked layouts would need a whole network of its
  // own.
  const Tag activations = nchw ? Tag::nchw : Tag::nhwc;
  const auto src = Describe({n, ci, w.dim("h"), w.dim("w")}, activations);
  const auto dst = Describe({n, co, oh, ow}, activations);
  Dims weight_dims = {co, ci, kh, kw};
  Tag weight_tag = nchw ? Tag::oihw : Tag::ohwi;
  if (groups > 1 || depthwise) {
    weight_dims = {groups, co / groups, ci / groups, kh, kw};
    weight_tag = nchw ? Tag::goihw : depthwise ? Tag::hwigo : Tag::gohwi;
  }
  const auto attributes = Fuse(problem, *call, Describe({1, co, 1, 1}, Tag::nchw), dst);
  const int64_t dilates = w.dim("dilation") - 1;
  const dnnl::convolution_forward::desc operation(
      dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_auto, src,
      Describe(weight_dims, Tag::any), dst, {w.dim("stride_h"), w.dim("stride_w")}, {dilates, dilates},
      {w.dim("pad_t"), w.dim("pad_l")}, {w.dim("pad_b"), w.dim("pad_r")});
  const dnnl::convolution_forward::primitive_desc desc(operation, attributes, call->engine);
  call->primitive = dnnl::convolution_forward(desc);
  call->arguments[DNNL_ARG_SRC] = call->Alias(src, problem.input(0));
  call->arguments[DNNL_ARG_WEIGHTS] =
      call->Pack(Describe(weight_dims, weight_tag), problem.input(1), desc.weights_desc());
  call->output = dnnl::memory(dst, call->engine, DNNL_MEMORY_NONE);
  call->arguments[DNNL_ARG_DST] = call->output;
  return call->ToPeer(problem, desc.impl_info_str(), call);
}

}  // namespace

absl::StatusOr<Peer> MakeOneDnn(const Problem& problem) {
  try {
    return problem.workload().layout() == Layout::kNone ? MakeMatmul(problem) : MakeConvolution(problem);
  } catch (const dnnl::error& error) {
    return absl::UnimplementedError(absl::StrCat("oneDNN refuses it: ", error.what()));
  }
}

}  // namespace tunefarm::bench
