// oneDNN's int8: bytes by signed bytes, int32 bias, a scale per output channel in float, int8 output.
#include <cmath>
#include <memory>

#include "absl/strings/str_cat.h"
#include "bench/peers/onednn_call.h"
#include "bench/peers/peer.h"

namespace tunefarm::bench {

using schedules::Operator;
using schedules::Requantize;
using schedules::Workload;
using Dims = dnnl::memory::dims;
using Tag = dnnl::memory::format_tag;
using Type = dnnl::memory::data_type;

namespace {

// How to ask for a primitive; each that oneDNN grants and that computes the right result is timed, and the
// fastest is the peer.
struct Wish {
  bool blocked = false;         // Activations in the layout that oneDNN likes best.
  bool unsigned_input = false;  // With 128 added, as a network of unsigned activations has it.
  bool folded = false;  // The input's zero point in the bias; else as an attribute, where it is not 0.
  bool added = false;   // The output's zero point by a post-operation; else as an attribute.
  bool inner_product = false;
};

class Int8Call {
 public:
  Int8Call(const Problem& problem, const Wish& wish)
      : problem_(problem), w_(problem.workload()), requantize_(*problem.compute().requantize), wish_(wish) {
    // Constants first: the bias with what it takes over.
    const std::vector<int32_t>& multiplier = problem.ints(requantize_.multiplier.tensor);
    const std::vector<int32_t>& shift = problem.ints(requantize_.shift.tensor);
    for (std::size_t c = 0; c < multiplier.size(); ++c) {
      scales_.push_back(std::ldexp(static_cast<float>(multiplier[c]), shift[c] - 31));
    }
    if (!problem.compute().epilogue.empty()) {
      bias_ = problem.ints(problem.compute().epilogue[0].operand.tensor);
    }
    if (wish.folded) Fold();
    if (wish.unsigned_input) {
      const std::vector<int32_t>& input = problem.ints(0);
      input_ = Buffer(input.size());
      for (std::size_t i = 0; i < input.size(); ++i) input_.bytes()[i] = static_cast<int8_t>(input[i] + 128);
    }
  }

  // The value that stands for zero in the input as oneDNN reads it.
  static int32_t ZeroPoint(const Problem& problem, bool unsigned_input) {
    return problem.compute().requantize->input_zero_point + (unsigned_input ? 128 : 0);
  }

  OneDnnCall& call() { return call_; }

  void MakeMatmul() {
    const int64_t m = w_.dim("m"), n = w_.dim("n"), k = w_.dim("k");
    const dnnl::memory::desc src({m, k}, InputType(), Tag::ab), dst({m, n}, Type::s8, Tag::ab);
    const Dims bias_dims = wish_.inner_product ? Dims{n} : Dims{1, n};
    const dnnl::memory::desc bias = BiasDesc(bias_dims, wish_.inner_product ? Tag::a : Tag::ab);
    const bool dense = w_.op() == Operator::kDense;
    if (wish_.inner_product) {
      using Forward = dnnl::inner_product_forward;
      const dnnl::memory::desc any({n, k}, Type::s8, Tag::any);
      const Forward::desc operation(dnnl::prop_kind::forward_inference, src, any, bias, dst);
      const Forward::primitive_desc desc(operation, Attributes(), call_.engine);
      call_.primitive = Forward(desc);
      call_.implementation = absl::StrCat(desc.impl_info_str(), " inner product");
      SetWeights({{n, k}, Type::s8, dense ? Tag::ab : Tag::ba}, desc.weights_desc());
    } else {
      const dnnl::memory::desc any({k, n}, Type::s8, Tag::any);
      const dnnl::matmul::desc operation(src, any, bias, dst);
      const dnnl::matmul::primitive_desc desc(operation, Attributes(), call_.engine);
      call_.primitive = dnnl::matmul(desc);
      call_.implementation = desc.impl_info_str();
      SetWeights({{k, n}, Type::s8, dense ? Tag::ba : Tag::ab}, desc.weights_desc());
    }
    call_.arguments[DNNL_ARG_SRC] = call_.Alias(src, Input());
    SetOutput(dst, dst);
  }

  void MakeConvolution() {
    const bool depthwise = w_.op() == Operator::kDepthwiseConv2d;
    const int64_t ci = w_.dim(depthwise ? "c" : "ci"), groups = depthwise ? ci : w_.dim("groups");
    const std::vector<int64_t>& shape = problem_.compute().tensors.back().shape;
    const int64_t n = shape[0], co = shape[3], kh = w_.dim("kh"), kw = w_.dim("kw");
    const Dims src_dims = {n, ci, w_.dim("h"), w_.dim("w")}, dst_dims = {n, co, shape[1], shape[2]};
    const dnnl::memory::desc src(src_dims, InputType(), Tag::nhwc), dst(dst_dims, Type::s8, Tag::nhwc);
    Dims weight_dims = {co, ci, kh, kw};
    Tag weight_tag = Tag::ohwi;
    if (groups > 1 || depthwise) {
      weight_dims = {groups, co / groups, ci / groups, kh, kw};
      weight_tag = depthwise ? Tag::hwigo : Tag::gohwi;
    }
    const Tag wanted = wish_.blocked ? Tag::any : Tag::nhwc;
    using Forward = dnnl::convolution_forward;
    const Forward::desc operation(dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
                                  {src_dims, InputType(), wanted}, {weight_dims, Type::s8, Tag::any},
                                  BiasDesc({co}, Tag::a), {dst_dims, Type::s8, wanted},
                                  {w_.dim("stride_h"), w_.dim("stride_w")},
                                  {w_.dim("dilation") - 1, w_.dim("dilation") - 1},
                                  {w_.dim("pad_t"), w_.dim("pad_l")}, {w_.dim("pad_b"), w_.dim("pad_r")});
    const Forward::primitive_desc desc(operation, Attributes(), call_.engine);
    call_.primitive = Forward(desc);
    call_.implementation = desc.impl_info_str();
    call_.arguments[DNNL_ARG_SRC] = call_.Pack(src, Input(), desc.src_desc());
    SetWeights({weight_dims, Type::s8, weight_tag}, desc.weights_desc());
    SetOutput(dst, desc.dst_desc());
  }

 private:
  // sum (x - z) w = sum x w - z sum w.
  void Fold() {
    const std::vector<int32_t>& weights = problem_.ints(problem_.compute().rhs.tensor);
    const std::size_t channels = scales_.size();
    bias_.resize(channels, 0);
    // The channel comes first, but in depthwise weights and those of matrix products.
    const bool last = w_.op() == Operator::kDepthwiseConv2d || w_.op() == Operator::kMatmul;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const std::size_t channel = last ? i % channels : i / (weights.size() / channels);
      bias_[channel] -= ZeroPoint(problem_, wish_.unsigned_input) * weights[i];
    }
  }

  Type InputType() const { return wish_.unsigned_input ? Type::u8 : Type::s8; }
  const void* Input() const { return wish_.unsigned_input ? input_.bytes() : problem_.argument(0); }

  // A descriptor of nothing where there is no bias.
  dnnl::memory::desc BiasDesc(const Dims& dims, Tag tag) {
    if (bias_.empty()) return {};
    const dnnl::memory::desc desc(dims, Type::s32, tag);
    call_.arguments[DNNL_ARG_BIAS] = call_.Alias(desc, bias_.data());
    return desc;
  }
  void SetWeights(const dnnl::memory::desc& given, const dnnl::memory::desc& wanted) {
    const void* weights = problem_.argument(problem_.compute().rhs.tensor);
    call_.arguments[DNNL_ARG_WEIGHTS] = call_.Pack(given, weights, wanted);
  }
  void SetOutput(const dnnl::memory::desc& plain, const dnnl::memory::desc& desc) {
    call_.plain = plain;
    call_.output = desc == plain ? dnnl::memory(plain, call_.engine, DNNL_MEMORY_NONE)
                                 : dnnl::memory(desc, call_.engine);
    call_.arguments[DNNL_ARG_DST] = call_.output;
  }

  // Of a descriptor for zero points: one element, or none when it is 0.
  void SetZeroPoint(dnnl::primitive_attr& attributes, int argument, int32_t value) {
    if (value == 0) return;
    attributes.set_zero_points(argument, 0, {value});
  }

  dnnl::primitive_attr Attributes() {
    dnnl::primitive_attr attributes;
    attributes.set_output_scales(1 << 1, scales_);
    if (!wish_.folded) {
      SetZeroPoint(attributes, DNNL_ARG_SRC, ZeroPoint(problem_, wish_.unsigned_input));
    }
    const int32_t zero = requantize_.output_zero_point;
    if (!wish_.added) SetZeroPoint(attributes, DNNL_ARG_DST, zero);
    dnnl::post_ops post_ops;
    if (wish_.added) {
      post_ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_linear, 1.0f, static_cast<float>(zero));
    }
    if (requantize_.output_min > -128 || requantize_.output_max < 127) {
      const int32_t later = wish_.added ? 0 : zero;  // Added behind the post-operations.
      post_ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_clip,
                              static_cast<float>(requantize_.output_min - later),
                              static_cast<float>(requantize_.output_max - later));
    }
    attributes.set_post_ops(post_ops);
    return attributes;
  }

  const Problem& problem_;
  const Workload& w_;
  const Requantize& requantize_;
  const Wish wish_;
  std::vector<float> scales_;
  std::vector<int32_t> bias_;
  Buffer input_;
  OneDnnCall call_;
};

bool IsPadded(const Workload& w) {
  if (w.layout() == schedules::Layout::kNone) return false;
  return w.dim("pad_t") != 0 || w.dim("pad_l") != 0 || w.dim("pad_b") != 0 || w.dim("pad_r") != 0;
}

std::vector<Wish> WishesFor(const Problem& problem, bool blocked) {
  const bool matmul = problem.workload().layout() == schedules::Layout::kNone;
  std::vector<Wish> wishes;
  for (const bool unsigned_input : {false, true}) {
    for (const bool folded : {false, true}) {
      // Padding reads 0, which stands for zero only where the zero point says so.
      const bool plain = Int8Call::ZeroPoint(problem, unsigned_input) == 0;
      if (folded && (plain || IsPadded(problem.workload()))) continue;
      for (const bool added : {false, true}) {
        if (added && problem.compute().requantize->output_zero_point == 0) continue;
        for (const bool inner_product : {false, true}) {
          if (inner_product && !matmul) continue;
          wishes.push_back({blocked, unsigned_input, folded, added, inner_product});
        }
      }
    }
  }
  return wishes;
}

}  // namespace

absl::StatusOr<Peer> MakeOneDnnInt8(const Problem& problem, bool blocked) {
  const bool matmul = problem.workload().layout() == schedules::Layout::kNone;
  if (blocked && matmul) return absl::UnimplementedError("only convolutions have blocked layouts");
  std::shared_ptr<Int8Call> best;
  std::string best_how, refusal = "no implementation";
  double best_seconds = 0;
  Buffer output(problem.output_elements());
  Peer peer;
  for (const Wish& wish : WishesFor(problem, blocked)) {
    try {
      const auto call = std::make_shared<Int8Call>(problem, wish);
      matmul ? call->MakeMatmul() : call->MakeConvolution();
      if (blocked && call->call().in_place()) continue;  // It is the other peer.
      call->call().Run(output.bytes());
      if (!call->call().in_place()) call->call().Convert(output.bytes());
      if (const double error = problem.Error(output); error > peer.allowed_error) {
        refusal = absl::StrCat(call->call().implementation, " is ", error, " units off");
        continue;
      }
      const double seconds = ShortestSeconds([&](Buffer& to) { call->call().Run(to.bytes()); }, output);
      if (best != nullptr && seconds >= best_seconds) continue;
      best = call;
      best_seconds = seconds;
      best_how = absl::StrCat(wish.unsigned_input ? "u8" : "s8", " input",
                              wish.folded ? ", zero point in the bias" : "");
    } catch (const dnnl::error& error) {
      refusal = error.what();
    }
  }
  if (best == nullptr) {
    return absl::UnimplementedError(blocked ? absl::StrCat("oneDNN prefers no blocked layout: ", refusal)
                                            : absl::StrCat("oneDNN refuses it: ", refusal));
  }
  peer.name = blocked ? "oneDNN blocked" : "oneDNN";
  peer.description = absl::StrCat(OneDnnVersion(), ", ", best->call().implementation, ", ", best_how,
                                  blocked ? ", activations blocked" : "");
  peer.flop = problem.compute().flop;
  peer.run = [best](Buffer& to) { best->call().Run(to.bytes()); };
  if (!best->call().in_place()) {
    peer.convert = [best](Buffer& to) { best->call().Convert(to.bytes()); };
  }
  return peer;
}

}  // namespace tunefarm::bench
