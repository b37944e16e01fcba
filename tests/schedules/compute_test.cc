#include "schedules/compute.h"

#include "tests/catch.h"

namespace tunefarm::schedules {
namespace {

ComputeDefinition Define(const std::string& text) { return DefineCompute(Workload::Parse(text).value()); }

// "n oh ow co | kh kw ci", with extents: "n1".
std::string AxesOf(const ComputeDefinition& compute) {
  std::string text;
  bool reductions = false;
  for (const Axis& axis : compute.axes) {
    if (axis.kind == AxisKind::kReduction && !reductions) {
      text += "| ";
      reductions = true;
    }
    // Spatial ones come first.
    CHECK((axis.kind == AxisKind::kReduction) == reductions);
    text += absl::StrCat(axis.name, axis.extent, " ");
  }
  return text;
}

// "input[n, 2*oh+kh-1, ...]"
std::string TextOf(const ComputeDefinition& compute, const TensorAccess& access) {
  std::string text = compute.tensors[access.tensor].name + "[";
  for (const AffineIndex& index : access.index) {
    std::string sum;
    for (const AffineTerm& term : index.terms) {
      if (!sum.empty()) sum += "+";
      if (term.coefficient != 1) sum += absl::StrCat(term.coefficient, "*");
      sum += compute.axes[term.axis].name;
    }
    if (index.constant != 0) sum += absl::StrCat(index.constant);
    text += (text.back() == '[' ? "" : ", ") + sum;
  }
  return text + "]";
}

std::vector<std::string> TensorNames(const ComputeDefinition& compute) {
  std::vector<std::string> names;
  for (const Tensor& tensor : compute.tensors) names.push_back(tensor.name);
  return names;
}

TEST_CASE("MatmulsAreDefinedInTheTextbookOrder") {
  const ComputeDefinition matmul = Define("matmul:m=2,n=3,k=4");
  CHECK(AxesOf(matmul) == "m2 n3 | k4 ");
  CHECK(TextOf(matmul, matmul.lhs) == "lhs[m, k]");
  CHECK(TextOf(matmul, matmul.rhs) == "rhs[k, n]");
  CHECK(TextOf(matmul, matmul.output) == "output[m, n]");
  CHECK(matmul.tensors[1].role == TensorRole::kInput);
  const ComputeDefinition batch = Define("batch_matmul:b=5,m=2,n=3,k=4");
  CHECK(AxesOf(batch) == "b5 m2 n3 | k4 ");
  CHECK(TextOf(batch, batch.rhs) == "rhs[b, k, n]");
  const ComputeDefinition dense = Define("dense:m=2,n=3,k=4");
  CHECK(TextOf(dense, dense.rhs) == "weights[n, k]");
  CHECK(dense.tensors[1].shape == std::vector<int64_t>{3, 4});
  CHECK(dense.tensors[1].role == TensorRole::kConstant);
}

TEST_CASE("ConvolutionsReadWindowsOfThePaddedInput") {
  const ComputeDefinition nhwc =
      Define("conv2d:n=1,h=9,w=7,ci=4,co=6,kh=3,kw=2,stride=2,pad=1,dilation=3,layout=nhwc");
  // oh = (9 + 2 - 7) / 2 + 1 = 3, ow = (7 + 2 - 4) / 2 + 1 = 3.
  CHECK(AxesOf(nhwc) == "n1 oh3 ow3 co6 | kh3 kw2 ci4 ");
  CHECK(TextOf(nhwc, nhwc.lhs) == "input[n, 2*oh+3*kh-1, 2*ow+3*kw-1, ci]");
  CHECK(TextOf(nhwc, nhwc.rhs) == "weights[co, kh, kw, ci]");
  CHECK(TextOf(nhwc, nhwc.output) == "output[n, oh, ow, co]");
  CHECK(nhwc.tensors.back().shape == std::vector<int64_t>{1, 3, 3, 6});
  const ComputeDefinition nchw = Define("conv2d:n=1,h=9,w=7,ci=4,co=6,kh=3,kw=2,layout=nchw");
  CHECK(AxesOf(nchw) == "n1 co6 oh7 ow6 | ci4 kh3 kw2 ");
  CHECK(TextOf(nchw, nchw.lhs) == "input[n, ci, oh+kh, ow+kw]");
  CHECK(TextOf(nchw, nchw.rhs) == "weights[co, ci, kh, kw]");
}

TEST_CASE("BlockedLayoutsSplitTheChannels") {
  const ComputeDefinition conv =
      Define("conv2d:n=1,h=9,w=7,ci=16,co=24,kh=3,kw=3,pad=1,layout=nchw8c,epilogue=bias");
  CHECK(AxesOf(conv) == "n1 cob3 oh9 ow7 co8 | cib2 kh3 kw3 ci8 ");
  CHECK(TextOf(conv, conv.lhs) == "input[n, cib, oh+kh-1, ow+kw-1, ci]");
  CHECK(TextOf(conv, conv.rhs) == "weights[8*cob+co, 8*cib+ci, kh, kw]");
  CHECK(TextOf(conv, conv.output) == "output[n, cob, oh, ow, co]");
  CHECK(TextOf(conv, conv.epilogue[0].operand) == "bias[8*cob+co]");
  CHECK(conv.tensors[0].shape == std::vector<int64_t>{1, 2, 9, 7, 8});
  CHECK(conv.tensors[1].shape == std::vector<int64_t>{24, 16, 3, 3});
  CHECK(conv.tensors[2].shape == std::vector<int64_t>{24});
  CHECK(conv.tensors.back().shape == std::vector<int64_t>{1, 3, 9, 7, 8});
  const ComputeDefinition groups = Define("conv2d:n=1,h=3,w=3,ci=32,co=64,kh=1,kw=1,groups=2,layout=nchw16c");
  CHECK(TextOf(groups, groups.lhs) == "input[n, g+cib, oh+kh, ow+kw, ci]");
  CHECK(TextOf(groups, groups.rhs) == "weights[32*g+16*cob+co, 16*cib+ci, kh, kw]");
  CHECK(TextOf(groups, groups.output) == "output[n, 2*g+cob, oh, ow, co]");
  const ComputeDefinition depthwise = Define("depthwise_conv2d:n=1,h=3,w=3,c=32,kh=3,kw=3,layout=nchw16c");
  CHECK(AxesOf(depthwise) == "n1 cb2 oh1 ow1 c16 | kh3 kw3 ");
  CHECK(TextOf(depthwise, depthwise.lhs) == "input[n, cb, oh+kh, ow+kw, c]");
  CHECK(TextOf(depthwise, depthwise.rhs) == "weights[16*cb+c, kh, kw]");
}

TEST_CASE("GroupsAndMultipliersAreAxesOfTheirOwn") {
  const ComputeDefinition groups = Define("conv2d:n=1,h=3,w=3,ci=8,co=4,kh=1,kw=1,groups=2,layout=nhwc");
  CHECK(AxesOf(groups) == "n1 oh3 ow3 g2 co2 | kh1 kw1 ci4 ");
  CHECK(TextOf(groups, groups.lhs) == "input[n, oh+kh, ow+kw, 4*g+ci]");
  CHECK(TextOf(groups, groups.rhs) == "weights[2*g+co, kh, kw, ci]");
  CHECK(TextOf(groups, groups.output) == "output[n, oh, ow, 2*g+co]");
  const ComputeDefinition depthwise = Define("depthwise_conv2d:n=1,h=3,w=3,c=8,kh=3,kw=3,mult=2,layout=nchw");
  CHECK(AxesOf(depthwise) == "n1 c8 mult2 oh1 ow1 | kh3 kw3 ");
  CHECK(TextOf(depthwise, depthwise.lhs) == "input[n, c, oh+kh, ow+kw]");
  CHECK(TextOf(depthwise, depthwise.rhs) == "weights[2*c+mult, kh, kw]");
  CHECK(AxesOf(Define("depthwise_conv2d:n=1,h=3,w=3,c=8,kh=3,kw=3,layout=nhwc")) ==
        "n1 oh1 ow1 c8 | kh3 kw3 ");
}

TEST_CASE("EpilogueOperandsFollowInAFixedArgumentOrder") {
  using Names = std::vector<std::string>;
  // The steps keep the order of the text; the arguments do not depend on it.
  const ComputeDefinition a =
      Define("conv2d:n=1,h=3,w=3,ci=8,co=4,kh=1,kw=1,layout=nchw,epilogue=residual+bias+relu");
  CHECK(TensorNames(a) == Names{"input", "weights", "bias", "residual", "output"});
  REQUIRE(a.epilogue.size() == 3);
  CHECK(a.epilogue[0].step == EpilogueStep::kResidual);
  CHECK(TextOf(a, a.epilogue[0].operand) == "residual[n, co, oh, ow]");
  CHECK(TextOf(a, a.epilogue[1].operand) == "bias[co]");
  CHECK(a.epilogue[2].operand.tensor == -1);
  CHECK(a.tensors[2].role == TensorRole::kConstant);
  CHECK(a.tensors[3].role == TensorRole::kInput);
  CHECK(a.output.tensor == 4);
  CHECK(TensorNames(Define("matmul:m=1,n=1,k=1,epilogue=residual")) ==
        Names{"lhs", "rhs", "residual", "output"});
  const ComputeDefinition dense = Define("dense:m=2,n=3,k=4,epilogue=bias");
  CHECK(dense.tensors[2].shape == std::vector<int64_t>{3});
}

}  // namespace
}  // namespace tunefarm::schedules
