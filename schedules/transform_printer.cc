#include "schedules/transform_printer.h"

#include "absl/strings/str_replace.h"
#include "schedules/c_preamble.h"

namespace tunefarm::schedules {

ImageStrides StridesOf(const std::vector<int64_t>& shape, Layout layout) {
  const int64_t image = shape[1] * shape[2] * shape[3];
  if (layout == Layout::kNhwc)
    return {shape[1], shape[2], shape[3], image, shape[2] * shape[3], shape[3], 1, 0};
  const int64_t block = ChannelBlock(layout), plane = shape[2] * shape[3];
  if (block == 1) return {shape[2], shape[3], shape[1], image, shape[3], 1, plane, 0};
  return {shape[2], shape[3], shape[1] * block, image * block, shape[3] * block, block, 1, plane * block};
}

TransformPrinter::TransformPrinter(const Workload& workload, const ComputeDefinition& compute, int lanes,
                                   const PrintOptions& options)
    : w_(workload),
      compute_(compute),
      threads_(options.threads),
      fetches_output_(options.fetch_output),
      lanes_(lanes),
      block_(ChannelBlock(workload.layout())),
      in_(StridesOf(compute.tensors[0].shape, workload.layout())),
      out_(StridesOf(compute.tensors.back().shape, workload.layout())) {}

void TransformPrinter::Transform(const char* type, int inputs, const std::string& from,
                                 const TransformText& statements, const std::string& to) {
  const auto numbered = [](const std::string& text, int number) {
    return absl::StrReplaceAll(text, {{"$", absl::StrCat(number)}});
  };
  for (int i = 0; i < inputs; ++i) c_.Line("const ", type, " x", i, " = ", numbered(from, i), ";");
  for (std::size_t i = 0; i < statements.size(); ++i) {
    c_.Line("const ", type, " ", statements[i]);
    c_.Line(numbered(to, static_cast<int>(i)), " = y", i, ";");
  }
}

void TransformPrinter::PrintHelpers(const PrintOptions& options) {
  PrintPreamble(options.title, options.config, lanes_, compute_, c_);
  c_.Blank();
  if (SpansBlocks()) PrintBlockAccess(lanes_, block_, c_);
  c_.Open("static inline vec load_lanes(const float* from, long stride, long valid)");
  c_.Line("vec x = {0};");
  c_.Line("for (int lane = 0; lane < valid; ++lane) x[lane] = from[lane * stride];");
  c_.Line("return x;");
  c_.Close();
  c_.Open("static inline void store_lanes(float* to, long stride, long valid, vec x)");
  c_.Line("for (int lane = 0; lane < valid; ++lane) to[lane * stride] = x[lane];");
  c_.Close();
}

std::string TransformPrinter::Load(const std::string& pointer, const std::string& stride) const {
  return SpansBlocks() ? absl::StrCat("load_blocks(", pointer, ", ", stride, ", ", lanes_ / block_, ")")
                       : absl::StrCat("*(const vec_unaligned*)(", pointer, ")");
}

std::string TransformPrinter::ChannelOffset(const ImageStrides& image, const std::string& channel) const {
  if (image.block == 0) return absl::StrCat(channel, " * ", image.c);
  return absl::StrCat(channel, " / ", block_, " * ", image.block, " + ", channel, " % ", block_);
}

void TransformPrinter::PrintArguments() {
  for (std::size_t t = 2; t + 1 < compute_.tensors.size(); ++t)
    c_.Line("const float* restrict ", compute_.tensors[t].name, " = arguments[", t, "];");
  c_.Line("float* restrict output = arguments[", compute_.tensors.size() - 1, "];");
}

void TransformPrinter::StoreWhole() {
  Epilogue([&](const std::string& pointer, bool per_channel) {
    return per_channel ? absl::StrCat("*(const vec_unaligned*)(", pointer, ")") : Load(pointer, absl::StrCat(out_.block));
  });
  c_.Line(SpansBlocks()
              ? absl::StrCat("store_blocks(output + at, ", out_.block, ", ", lanes_ / block_, ", v);")
              : "*(vec_unaligned*)(output + at) = v;");
}

void TransformPrinter::StoreValid() {
  if (out_.c == 1) {
    c_.Open("if (valid == ", lanes_, ")");
    StoreWhole();
    c_.Line("continue;");
    c_.Close();
  }
  Epilogue([&](const std::string& pointer, bool per_channel) {
    return absl::StrCat("load_lanes(", pointer, ", ", per_channel ? 1 : out_.c, ", valid)");
  });
  c_.Line("store_lanes(output + at, ", out_.c, ", valid, v);");
}

template <typename LoadOperand>
void TransformPrinter::Epilogue(const LoadOperand& load) {
  for (const EpilogueOp& op : compute_.epilogue) {
    switch (op.step) {
      case EpilogueStep::kBias:
        c_.Line("v += ", load("bias + c", true), ";");
        break;
      case EpilogueStep::kResidual:
        c_.Line("v += ", load("residual + at", false), ";");
        break;
      case EpilogueStep::kRelu:
        c_.Line("v = relu(v);");
        break;
      case EpilogueStep::kRelu6:
        c_.Line("v = relu6(v);");
        break;
    }
  }
}

}  // namespace tunefarm::schedules
