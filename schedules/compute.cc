#include "schedules/compute.h"

namespace tunefarm::schedules {
namespace {

AffineIndex Index(std::vector<AffineTerm> terms, int64_t constant = 0) {
  return {std::move(terms), constant};
}
AffineIndex At(int axis) { return {{{axis, 1}}, 0}; }

// Adds axes, and tensors in the kernel's argument order.
class Builder {
 public:
  explicit Builder(const Workload& workload) : dtype_(workload.dtype()) {
    compute_.name = std::string(workload.op_name());
  }

  int Spatial(const char* name, int64_t extent) { return AddAxis(name, extent, AxisKind::kSpatial); }
  int Reduction(const char* name, int64_t extent) { return AddAxis(name, extent, AxisKind::kReduction); }
  TensorAccess Access(const char* name, TensorRole role, std::vector<int64_t> shape,
                      std::vector<AffineIndex> index) {
    return AccessAs(dtype_, name, role, std::move(shape), std::move(index));
  }
  TensorAccess AccessAs(DType dtype, const char* name, TensorRole role, std::vector<int64_t> shape,
                        std::vector<AffineIndex> index) {
    compute_.tensors.push_back({name, role, std::move(shape), dtype});
    return {static_cast<int>(compute_.tensors.size()) - 1, std::move(index)};
  }
  ComputeDefinition& compute() { return compute_; }

  // After lhs and rhs: the epilogue's operands and the output. `channel` is the index among so many
  // `channels` that bias follows.
  ComputeDefinition Finish(const Workload& workload, const std::vector<int64_t>& shape,
                           const std::vector<AffineIndex>& index, int64_t channels,
                           const AffineIndex& channel) {
    // The argument order is fixed, bias before residual, while the steps keep the order of the text.
    TensorAccess bias{}, residual{};
    if (workload.has_epilogue(EpilogueStep::kBias)) {
      bias = AccessAs(dtype_ == DType::kI8 ? DType::kI32 : dtype_, "bias", TensorRole::kConstant, {channels},
                      {channel});
    }
    if (workload.has_epilogue(EpilogueStep::kResidual)) {
      residual = Access("residual", TensorRole::kInput, shape, index);
    }
    for (const EpilogueStep step : workload.epilogue()) {
      TensorAccess operand{-1, {}};
      if (step == EpilogueStep::kBias) operand = bias;
      if (step == EpilogueStep::kResidual) operand = residual;
      compute_.epilogue.push_back({step, std::move(operand)});
    }
    if (dtype_ == DType::kI8) compute_.requantize = MakeRequantize(workload, channels, channel);
    compute_.output = Access("output", TensorRole::kOutput, shape, index);
    compute_.flop = 2;
    for (const Axis& axis : compute_.axes) compute_.flop *= static_cast<double>(axis.extent);
    return std::move(compute_);
  }

  // The output's clamp alone.
  Requantize Clamp(const Workload& workload) const {
    Requantize requantize;
    requantize.output_min = static_cast<int32_t>(workload.dim("amin"));
    requantize.output_max = static_cast<int32_t>(workload.dim("amax"));
    return requantize;
  }
  // The tensors `multiplier` and `shift`.
  void AddScale(Requantize& requantize, int64_t channels, const AffineIndex& channel) {
    requantize.multiplier = AccessAs(DType::kI32, "multiplier", TensorRole::kConstant, {channels}, {channel});
    requantize.shift = AccessAs(DType::kI32, "shift", TensorRole::kConstant, {channels}, {channel});
  }
  Requantize MakeRequantize(const Workload& workload, int64_t channels, const AffineIndex& channel) {
    Requantize requantize = Clamp(workload);
    requantize.input_zero_point = static_cast<int32_t>(workload.dim("izp"));
    requantize.output_zero_point = static_cast<int32_t>(workload.dim("ozp"));
    requantize.rounding = workload.rounding();
    AddScale(requantize, channels, channel);
    return requantize;
  }
  // The output of an operator without epilogue, with that many operations for each point of the axes.
  ComputeDefinition FinishInt8(const std::vector<int64_t>& shape, const std::vector<AffineIndex>& index,
                               double operations) {
    compute_.output = Access("output", TensorRole::kOutput, shape, index);
    compute_.flop = operations;
    for (const Axis& axis : compute_.axes) compute_.flop *= static_cast<double>(axis.extent);
    return std::move(compute_);
  }

 private:
  int AddAxis(const char* name, int64_t extent, AxisKind kind) {
    compute_.axes.push_back({name, extent, kind});
    return static_cast<int>(compute_.axes.size()) - 1;
  }
  DType dtype_;
  ComputeDefinition compute_;
};

ComputeDefinition DefineMatmul(const Workload& workload) {
  Builder builder(workload);
  const bool batched = workload.op() == Operator::kBatchMatmul;
  const bool dense = workload.op() == Operator::kDense;
  const int64_t size_m = workload.dim("m"), size_n = workload.dim("n"), size_k = workload.dim("k");

  std::vector<int64_t> batch_shape;
  std::vector<AffineIndex> batch_index;
  if (batched) {
    batch_shape = {workload.dim("b")};
    batch_index = {At(builder.Spatial("b", batch_shape[0]))};
  }
  const int m = builder.Spatial("m", size_m);
  const int n = builder.Spatial("n", size_n);
  const int k = builder.Reduction("k", size_k);
  const auto shape = [&](int64_t rows, int64_t columns) {
    std::vector<int64_t> result = batch_shape;
    result.insert(result.end(), {rows, columns});
    return result;
  };
  const auto index = [&](int row, int column) {
    std::vector<AffineIndex> result = batch_index;
    result.insert(result.end(), {At(row), At(column)});
    return result;
  };
  ComputeDefinition& compute = builder.compute();
  compute.lhs = builder.Access("lhs", TensorRole::kInput, shape(size_m, size_k), index(m, k));
  if (dense) {
    compute.rhs = builder.Access("weights", TensorRole::kConstant, {size_n, size_k}, {At(n), At(k)});
  } else if (workload.dtype() == DType::kI8) {  // A scale for each column: weights.
    compute.rhs = builder.Access("weights", TensorRole::kConstant, {size_k, size_n}, {At(k), At(n)});
  } else {
    compute.rhs = builder.Access("rhs", TensorRole::kInput, shape(size_k, size_n), index(k, n));
  }
  return builder.Finish(workload, shape(size_m, size_n), index(m, n), size_n, At(n));
}

// Of one dimension: the names of its keys.
int64_t OutputExtent(const Workload& workload, const char* size, const char* kernel, const char* stride,
                     const char* pad_before, const char* pad_after, int64_t dilation) {
  const int64_t window = (workload.dim(kernel) - 1) * dilation + 1;
  const int64_t padded = workload.dim(size) + workload.dim(pad_before) + workload.dim(pad_after);
  return (padded - window) / workload.dim(stride) + 1;
}

// Both kinds of convolution. An output channel is `outer * inner_extent + inner`: for a grouped convolution
// outer is the group and inner the channel within it, for a depthwise one outer is the input channel and
// inner the multiplier's index. An outer or inner axis that would always have the extent 1 is left out.
ComputeDefinition DefineConvolution(const Workload& workload) {
  Builder builder(workload);
  const bool depthwise = workload.op() == Operator::kDepthwiseConv2d;
  const int64_t block = ChannelBlock(workload.layout());
  const bool blocked = block > 1, nhwc = workload.layout() == Layout::kNhwc;
  const int64_t dilation = workload.dim("dilation");
  const int64_t groups = depthwise ? 1 : workload.dim("groups");
  const int64_t mult = depthwise ? workload.dim("mult") : 1;
  const int64_t in_channels = workload.dim(depthwise ? "c" : "ci");
  const int64_t out_channels = depthwise ? in_channels * mult : workload.dim("co");
  const int64_t in_per_group = in_channels / groups, out_per_group = out_channels / groups;
  const int64_t extent_kh = workload.dim("kh"), extent_kw = workload.dim("kw");
  const int64_t extent_oh = OutputExtent(workload, "h", "kh", "stride_h", "pad_t", "pad_b", dilation);
  const int64_t extent_ow = OutputExtent(workload, "w", "kw", "stride_w", "pad_l", "pad_r", dilation);

  // Spatial axes in the order of the output's dimensions.
  int oh = -1, ow = -1, group = -1, co = -1, c = -1, m = -1;
  int co_blocks = -1, c_blocks = -1;
  const auto add_channels = [&] {
    if (depthwise) {
      (blocked ? c_blocks : c) = builder.Spatial(blocked ? "cb" : "c", in_channels / block);
      if (mult > 1) m = builder.Spatial("mult", mult);
    } else {
      if (groups > 1) group = builder.Spatial("g", groups);
      (blocked ? co_blocks : co) = builder.Spatial(blocked ? "cob" : "co", out_per_group / block);
    }
  };
  const int n = builder.Spatial("n", workload.dim("n"));
  if (!nhwc) add_channels();
  oh = builder.Spatial("oh", extent_oh);
  ow = builder.Spatial("ow", extent_ow);
  if (nhwc) add_channels();
  if (blocked) (depthwise ? c : co) = builder.Spatial(depthwise ? "c" : "co", block);

  // Reduction axes in the order of the weights' dimensions, blocks of channels in the input's.
  int ci = -1, ci_blocks = -1;
  if (!depthwise && !nhwc)
    (blocked ? ci_blocks : ci) = builder.Reduction(blocked ? "cib" : "ci", in_per_group / block);
  const int kh = builder.Reduction("kh", extent_kh);
  const int kw = builder.Reduction("kw", extent_kw);
  if (!depthwise && nhwc) ci = builder.Reduction("ci", in_per_group);
  if (!depthwise && blocked) ci = builder.Reduction("ci", block);

  AffineIndex out_channel, in_channel, out_block, in_block;
  AffineIndex weight_out, weight_in = ci < 0 ? Index({}) : At(ci);
  if (depthwise) {
    in_channel = At(c);
    out_channel = mult > 1 ? Index({{c, mult}, {m, 1}}) : At(c);
    if (blocked) {
      in_block = out_block = At(c_blocks);
      weight_out = Index({{c_blocks, block}, {c, 1}});
    }
  } else if (blocked) {
    in_channel = At(ci);
    out_channel = At(co);
    in_block = At(ci_blocks);
    out_block = At(co_blocks);
    weight_in = Index({{ci_blocks, block}, {ci, 1}});
    weight_out = Index({{co_blocks, block}, {co, 1}});
    if (groups > 1) {
      in_block = Index({{group, in_per_group / block}, {ci_blocks, 1}});
      out_block = Index({{group, out_per_group / block}, {co_blocks, 1}});
      weight_out = Index({{group, out_per_group}, {co_blocks, block}, {co, 1}});
    }
  } else {
    in_channel = groups > 1 ? Index({{group, in_per_group}, {ci, 1}}) : At(ci);
    out_channel = groups > 1 ? Index({{group, out_per_group}, {co, 1}}) : At(co);
  }
  if (!blocked) weight_out = out_channel;
  const AffineIndex ih = Index({{oh, workload.dim("stride_h")}, {kh, dilation}}, -workload.dim("pad_t"));
  const AffineIndex iw = Index({{ow, workload.dim("stride_w")}, {kw, dilation}}, -workload.dim("pad_l"));

  // An image in the workload's layout.
  const int64_t batch = workload.dim("n"), h = workload.dim("h"), w = workload.dim("w");
  const auto shape = [&](int64_t channels, int64_t rows, int64_t columns) -> std::vector<int64_t> {
    if (nhwc) return {batch, rows, columns, channels};
    if (!blocked) return {batch, channels, rows, columns};
    return {batch, channels / block, rows, columns, block};
  };
  const auto index = [&](const AffineIndex& of_block, const AffineIndex& channel, const AffineIndex& row,
                         const AffineIndex& column) -> std::vector<AffineIndex> {
    if (nhwc) return {At(n), row, column, channel};
    if (!blocked) return {At(n), channel, row, column};
    return {At(n), of_block, row, column, channel};
  };
  ComputeDefinition& compute = builder.compute();
  compute.lhs = builder.Access("input", TensorRole::kInput, shape(in_channels, h, w),
                               index(in_block, in_channel, ih, iw));
  std::vector<int64_t> weight_shape;
  std::vector<AffineIndex> weight_index;
  if (nhwc && depthwise) {
    weight_shape = {extent_kh, extent_kw, out_channels};
    weight_index = {At(kh), At(kw), weight_out};
  } else if (nhwc) {
    weight_shape = {out_channels, extent_kh, extent_kw, in_per_group};
    weight_index = {weight_out, At(kh), At(kw), weight_in};
  } else if (depthwise) {
    weight_shape = {out_channels, extent_kh, extent_kw};
    weight_index = {weight_out, At(kh), At(kw)};
  } else {
    weight_shape = {out_channels, in_per_group, extent_kh, extent_kw};
    weight_index = {weight_out, weight_in, At(kh), At(kw)};
  }
  compute.rhs =
      builder.Access("weights", TensorRole::kConstant, std::move(weight_shape), std::move(weight_index));
  return builder.Finish(workload, shape(out_channels, extent_oh, extent_ow),
                        index(out_block, out_channel, At(oh), At(ow)), out_channels, weight_out);
}

// input [n,h,w,c]; no weights.
ComputeDefinition DefinePooling(const Workload& workload) {
  Builder builder(workload);
  const int64_t batch = workload.dim("n"), h = workload.dim("h"), w = workload.dim("w"),
                channels = workload.dim("c");
  const std::vector<int64_t> shape = {
      batch, OutputExtent(workload, "h", "kh", "stride_h", "pad_t", "pad_b", 1),
      OutputExtent(workload, "w", "kw", "stride_w", "pad_l", "pad_r", 1), channels};
  const int n = builder.Spatial("n", batch), oh = builder.Spatial("oh", shape[1]),
            ow = builder.Spatial("ow", shape[2]), c = builder.Spatial("c", channels);
  const int kh = builder.Reduction("kh", workload.dim("kh"));
  const int kw = builder.Reduction("kw", workload.dim("kw"));
  const AffineIndex ih = Index({{oh, workload.dim("stride_h")}, {kh, 1}}, -workload.dim("pad_t"));
  const AffineIndex iw = Index({{ow, workload.dim("stride_w")}, {kw, 1}}, -workload.dim("pad_l"));
  ComputeDefinition& compute = builder.compute();
  compute.formula = workload.op() == Operator::kMaxPool2d ? Formula::kMax : Formula::kMean;
  compute.lhs = builder.Access("input", TensorRole::kInput, {batch, h, w, channels}, {At(n), ih, iw, At(c)});
  compute.requantize = builder.Clamp(workload);
  return builder.FinishInt8(shape, {At(n), At(oh), At(ow), At(c)}, 1);
}

ComputeDefinition DefineAddition(const Workload& workload) {
  Builder builder(workload);
  const int64_t size = workload.dim("n");
  const int n = builder.Spatial("n", size);
  ComputeDefinition& compute = builder.compute();
  compute.formula = Formula::kAdd;
  compute.lhs = builder.Access("lhs", TensorRole::kInput, {size}, {At(n)});
  compute.rhs = builder.Access("rhs", TensorRole::kInput, {size}, {At(n)});
  compute.addition.emplace();
  compute.addition->rhs_zero_point = static_cast<int32_t>(workload.dim("izp2"));
  compute.addition->input_multiplier =
      builder.AccessAs(DType::kI32, "input_multiplier", TensorRole::kConstant, {2}, {}).tensor;
  compute.addition->input_shift =
      builder.AccessAs(DType::kI32, "input_shift", TensorRole::kConstant, {2}, {}).tensor;
  compute.requantize = builder.MakeRequantize(workload, 1, Index({}));
  return builder.FinishInt8({size}, {At(n)}, 1);
}

ComputeDefinition DefineSoftmax(const Workload& workload) {
  Builder builder(workload);
  const int64_t rows = workload.dim("m"), columns = workload.dim("n");
  const int m = builder.Spatial("m", rows), n = builder.Spatial("n", columns);
  ComputeDefinition& compute = builder.compute();
  compute.formula = Formula::kSoftmax;
  compute.lhs = builder.Access("input", TensorRole::kInput, {rows, columns}, {At(m), At(n)});
  compute.requantize.emplace();
  compute.requantize->rounding = workload.rounding();
  builder.AddScale(*compute.requantize, 1, Index({}));
  return builder.FinishInt8({rows, columns}, {At(m), At(n)}, 4);
}

}  // namespace

int8_t BytesOf(DType dtype) { return dtype == DType::kI8 ? 1 : 4; }

double ComputeDefinition::terms() const {
  double terms = 1;
  for (const Axis& axis : axes) {
    if (axis.kind == AxisKind::kReduction) terms *= static_cast<double>(axis.extent);
  }
  return terms;
}

ComputeDefinition DefineCompute(const Workload& workload) {
  switch (workload.op()) {
    case Operator::kMatmul:
    case Operator::kBatchMatmul:
    case Operator::kDense:
      return DefineMatmul(workload);
    case Operator::kConv2d:
    case Operator::kDepthwiseConv2d:
      return DefineConvolution(workload);
    case Operator::kAvgPool2d:
    case Operator::kMaxPool2d:
      return DefinePooling(workload);
    case Operator::kAdd:
      return DefineAddition(workload);
    case Operator::kSoftmax:
      return DefineSoftmax(workload);
  }
  return {};
}

}  // namespace tunefarm::schedules
