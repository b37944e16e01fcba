#include "schedules/operator_table.h"

namespace tunefarm::schedules {

const std::vector<OperatorInfo>& OperatorTable() {
  static const auto* table = new std::vector<OperatorInfo>{
      {Operator::kMatmul, "matmul", {{"m"}, {"n"}, {"k"}}, false},
      {Operator::kBatchMatmul, "batch_matmul", {{"b"}, {"m"}, {"n"}, {"k"}}, false},
      {Operator::kDense, "dense", {{"m"}, {"n"}, {"k"}}, false},
      {Operator::kConv2d,
       "conv2d",
       {{"n"},
        {"h"},
        {"w"},
        {"ci"},
        {"co"},
        {"kh"},
        {"kw"},
        {"stride", 1, 1},
        {"pad", 0, 0},
        {"dilation", 1, 1, false},
        {"groups", 1, 1, false}},
       true},
      {Operator::kDepthwiseConv2d,
       "depthwise_conv2d",
       {{"n"},
        {"h"},
        {"w"},
        {"c"},
        {"kh"},
        {"kw"},
        {"stride", 1, 1},
        {"pad", 0, 0},
        {"dilation", 1, 1, false},
        {"mult", 1, 1, false}},
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
  }
  return "";
}

}  // namespace tunefarm::schedules
