#include "schedules/operator_table.h"

namespace tunefarm::schedules {
namespace {

const std::vector<DType> kFloat = {DType::kF32};
const std::vector<DType> kInt8 = {DType::kI8};
const std::vector<DType> kFloatOrInt8 = {DType::kF32, DType::kI8};

KeyInfo Stride() { return {"stride", 1, 1, true, {"stride_h", "stride_w"}}; }
KeyInfo Pad() { return {"pad", 0, 0, true, {"pad_t", "pad_l", "pad_b", "pad_r"}}; }

std::vector<KeyInfo> Window() { return {{"n"}, {"h"}, {"w"}, {"c"}, {"kh"}, {"kw"}, Stride(), Pad()}; }

KeyInfo ZeroPoint(const char* name) { return {name, -128, 0, false, {}, 127}; }
std::vector<KeyInfo> Clamped() {
  return {{"amin", -128, -128, false, {}, 127}, {"amax", -128, 127, false, {}, 127}};
}
std::vector<KeyInfo> WithClamp(std::vector<KeyInfo> keys) {
  for (KeyInfo& key : Clamped()) keys.push_back(key);
  return keys;
}
std::vector<KeyInfo> Requantized() { return WithClamp({ZeroPoint("izp"), ZeroPoint("ozp")}); }
std::vector<KeyInfo> Added() { return WithClamp({ZeroPoint("izp"), ZeroPoint("izp2"), ZeroPoint("ozp")}); }

}  // namespace

const std::vector<OperatorInfo>& OperatorTable() {
  static const auto* table = new std::vector<OperatorInfo>{
      {Operator::kMatmul, "matmul", {{"m"}, {"n"}, {"k"}}, false, kFloatOrInt8, true, Requantized(), true},
      {Operator::kBatchMatmul, "batch_matmul", {{"b"}, {"m"}, {"n"}, {"k"}}, false, kFloat},
      {Operator::kDense, "dense", {{"m"}, {"n"}, {"k"}}, false, kFloatOrInt8, true, Requantized(), true},
      {Operator::kConv2d,
       "conv2d",
       {{"n"},
        {"h"},
        {"w"},
        {"ci"},
        {"co"},
        {"kh"},
        {"kw"},
        Stride(),
        Pad(),
        {"dilation", 1, 1, false},
        {"groups", 1, 1, false}},
       true,
       kFloatOrInt8,
       true,
       Requantized(),
       true},
      {Operator::kDepthwiseConv2d,
       "depthwise_conv2d",
       {{"n"},
        {"h"},
        {"w"},
        {"c"},
        {"kh"},
        {"kw"},
        Stride(),
        Pad(),
        {"dilation", 1, 1, false},
        {"mult", 1, 1, false}},
       true,
       kFloatOrInt8,
       true,
       Requantized(),
       true},
      {Operator::kAvgPool2d, "avg_pool2d", Window(), true, kInt8, false, Clamped()},
      {Operator::kMaxPool2d, "max_pool2d", Window(), true, kInt8, false, Clamped()},
      {Operator::kAdd, "add", {{"n"}}, false, kInt8, false, Added(), true},
      {Operator::kSoftmax,
       "softmax",
       {{"m"}, {"n", 1, std::nullopt, true, {}, 4095}},
       false,
       kInt8,
       false,
       {},
       true},
  };
  return *table;
}

const OperatorInfo& InfoOf(Operator op) {
  for (const OperatorInfo& info : OperatorTable()) {
    if (info.op == op) return info;
  }
  return OperatorTable().front();  // Not reached: the table holds every operator.
}

const OperatorInfo* FindOperator(absl::string_view name) {
  for (const OperatorInfo& info : OperatorTable()) {
    if (name == info.name) return &info;
  }
  return nullptr;
}

std::vector<std::string> OperatorNames() {
  std::vector<std::string> names;
  for (const OperatorInfo& info : OperatorTable()) names.emplace_back(info.name);
  return names;
}

absl::string_view LayoutName(Layout layout) {
  switch (layout) {
    case Layout::kNone:
      return "none";
    case Layout::kNchw:
      return "nchw";
    case Layout::kNhwc:
      return "nhwc";
    case Layout::kNchw8c:
      return "nchw8c";
    case Layout::kNchw16c:
      return "nchw16c";
  }
  return "";
}

absl::string_view EpilogueStepName(EpilogueStep step) {
  switch (step) {
    case EpilogueStep::kBias:
      return "bias";
    case EpilogueStep::kResidual:
      return "residual";
    case EpilogueStep::kRelu:
      return "relu";
    case EpilogueStep::kRelu6:
      return "relu6";
  }
  return "";
}

absl::string_view DTypeName(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "f32";
    case DType::kI8:
      return "i8";
    case DType::kI32:
      return "i32";
  }
  return "";
}

absl::string_view RoundingName(Rounding rounding) {
  return rounding == Rounding::kDouble ? "double" : "single";
}

}  // namespace tunefarm::schedules
