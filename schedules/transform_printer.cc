#include "schedules/transform_printer.h"

#include <algorithm>

#include "absl/strings/str_replace.h"
#include "base/divide.h"
#include "schedules/c_preamble.h"

namespace tunefarm::schedules {
namespace {

// Of a plane: whole cache lines, and no more than their channels leave in half of a first-level cache.
int64_t PixelsAtOnce(int64_t channels) {
  constexpr int64_t kElements = 4096;
  return std::clamp<int64_t>(kElements / channels / 16 * 16, 16, 64);
}

ImageStrides StridesOf(const std::vector<int64_t>& shape, Layout layout) {
  const int64_t image = shape[1] * shape[2] * shape[3];
  if (layout == Layout::kNhwc) return {shape[1], shape[2], shape[3], image, shape[2] * shape[3], shape[3], 0};
  if (layout == Layout::kNchw) return {shape[2], shape[3], shape[1], image, shape[3] * shape[1], shape[1], 0};
  const int64_t block = ChannelBlock(layout);
  return {shape[2],         shape[3], shape[1] * block,           image * block,
          shape[3] * block, block,    shape[2] * shape[3] * block};
}

}  // namespace

TransformPrinter::TransformPrinter(const Workload& workload, const ComputeDefinition& compute, int lanes,
                                   const PrintOptions& options)
    : w_(workload),
      compute_(compute),
      threads_(options.threads),
      fetches_output_(options.fetch_output),
      lanes_(lanes),
      block_(ChannelBlock(workload.layout())),
      in_(StridesOf(compute.tensors[0].shape, workload.layout())),
      out_(StridesOf(compute.tensors.back().shape, workload.layout())),
      converted_(ConvertedImagesOf(workload, compute)) {}

void TransformPrinter::Transform(const char* type, int inputs, const std::string& from,
                                 const std::vector<std::string>& statements, const std::string& to) {
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
  c_.Open("static inline vec load_lanes(const float* from, long valid)");
  c_.Line("vec x = {0};");
  c_.Line("for (int lane = 0; lane < valid; ++lane) x[lane] = from[lane];");
  c_.Line("return x;");
  c_.Close();
  c_.Open("static inline void store_lanes(float* to, long valid, vec x)");
  c_.Line("for (int lane = 0; lane < valid; ++lane) to[lane] = x[lane];");
  c_.Close();
  if (converts()) {
    PrintTranspose();
    PrintChannelsLast();
    PrintChannelsFirst();
  }
}

// Rows and columns of a square of vectors, by exchanging ever smaller blocks.
void TransformPrinter::PrintTranspose() {
  c_.Open("static inline void transpose(vec x[", lanes_, "])");
  for (int half = lanes_ / 2; half > 0; half /= 2) {
    std::string low, high;
    for (int lane = 0; lane < lanes_; ++lane) {
      const bool second = (lane & half) != 0;
      absl::StrAppend(&low, ", ", second ? lanes_ + lane - half : lane);
      absl::StrAppend(&high, ", ", second ? lanes_ + lane : lane + half);
    }
    for (int i = 0; i < lanes_; ++i) {
      if ((i & half) != 0) continue;
      c_.Open();
      c_.Line("const vec a = x[", i, "], b = x[", i + half, "];");
      c_.Line("x[", i, "] = __builtin_shufflevector(a, b", low, ");");
      c_.Line("x[", i + half, "] = __builtin_shufflevector(a, b", high, ");");
      c_.Close();
    }
  }
  c_.Close();
}

// All images' planes of channels, to channels of pixels.
void TransformPrinter::PrintChannelsLast() {
  const int64_t pixels = in_.height * in_.width, channels = in_.channels;
  c_.Open("static void channels_last(const float* restrict all, float* restrict all_to)");
  OpenPixels(in_);
  c_.Line("const float* restrict from = all + n * ", in_.n, ";");
  c_.Line("float* restrict to = all_to + n * ", in_.n, ";");
  c_.Open("for (long c = 0; c < ", channels, "; c += ", lanes_, ")");
  c_.Line("const long valid = min_long(", channels, " - c, ", lanes_, ");");
  c_.Line("long at = begin;");
  c_.Open("for (; valid == ", lanes_, " && at + ", lanes_, " <= end; at += ", lanes_, ")");
  c_.Line("vec x[", lanes_, "];");
  OpenLanes();
  c_.Line("x[i] = *(const vec_unaligned*)(from + (c + i) * ", pixels, " + at);");
  c_.Close();
  c_.Line("transpose(x);");
  OpenLanes();
  c_.Line("*(vec_unaligned*)(to + (at + i) * ", channels, " + c) = x[i];");
  c_.Close();
  c_.Close();
  c_.Line("for (; at < end; ++at) for (int i = 0; i < valid; ++i) to[at * ", channels,
          " + c + i] = from[(c + i) * ", pixels, " + at];");
  for (int i = 0; i < 3; ++i) c_.Close();
}

// The way back, and the epilogue.
void TransformPrinter::PrintChannelsFirst() {
  const int64_t pixels = out_.height * out_.width, channels = out_.channels;
  c_.Open("static void channels_first(const float* restrict all, float* restrict output",
          EpilogueOperands(", const float* restrict "), ")");
  OpenPixels(out_);
  c_.Line("const float* restrict from = all + n * ", out_.n, ";");
  c_.Open("for (long c = 0; c < ", channels, "; c += ", lanes_, ")");
  c_.Line("const long last = min_long(", channels, " - c, ", lanes_, ");");
  c_.Open("for (long pixel = begin; pixel < end; pixel += ", lanes_, ")");
  c_.Line("const long valid = min_long(end - pixel, ", lanes_, ");");
  c_.Line("vec x[", lanes_, "];");
  const std::string at = absl::StrCat("const long at = n * ", out_.n, " + (c + i) * ", pixels, " + pixel;");
  // A vector is of pixels of a channel here.
  const auto store = [&](bool whole) {
    c_.Line(at);
    c_.Line("vec v = x[i];");
    for (const EpilogueOp& op : compute_.epilogue) {
      if (op.step == EpilogueStep::kBias) c_.Line("v += bias[c + i];");
      if (op.step == EpilogueStep::kResidual)
        c_.Line("v += ",
                whole ? "*(const vec_unaligned*)(residual + at);" : "load_lanes(residual + at, valid);");
      if (op.step == EpilogueStep::kRelu) c_.Line("v = relu(v);");
      if (op.step == EpilogueStep::kRelu6) c_.Line("v = relu6(v);");
    }
    c_.Line(whole ? "*(vec_unaligned*)(output + at) = v;" : "store_lanes(output + at, valid, v);");
  };
  c_.Open("if (valid == ", lanes_, " && last == ", lanes_, ")");
  OpenLanes();
  c_.Line("x[i] = *(const vec_unaligned*)(from + (pixel + i) * ", channels, " + c);");
  c_.Close();
  c_.Line("transpose(x);");
  OpenLanes();
  store(true);
  c_.Close();
  c_.Line("continue;");
  c_.Close();
  c_.Line("for (int i = 0; i < ", lanes_, "; ++i) x[i] = i < valid ? load_lanes(from + (pixel + i) * ",
          channels, " + c, last) : (vec){0};");
  c_.Line("transpose(x);");
  c_.Open("for (int i = 0; i < last; ++i)");
  store(false);
  for (int i = 0; i < 5; ++i) c_.Close();
}

// The loop over the images' pixels `begin` to `end` - 1 of image `n`, which threads share.
void TransformPrinter::OpenPixels(const ImageStrides& image) {
  const int64_t pixels = image.height * image.width, at_once = PixelsAtOnce(image.channels),
                parts = CeilDivide(pixels, at_once);
  if (threads_ > 1) Share();
  c_.Open("for (long part = 0; part < ", w_.dim("n") * parts, "; ++part)");
  c_.Line("const long n = part / ", parts, ", begin = part % ", parts, " * ", at_once,
          ", end = min_long(begin + ", at_once, ", ", pixels, ");");
}

// Written out, so that vectors stay in registers.
void TransformPrinter::OpenLanes() {
  c_.Line("#pragma GCC unroll ", lanes_);
  c_.Open("for (int i = 0; i < ", lanes_, "; ++i)");
}

std::string TransformPrinter::Load(const std::string& pointer, const std::string& stride) const {
  return SpansBlocks() ? absl::StrCat("load_blocks(", pointer, ", ", stride, ", ", lanes_ / block_, ")")
                       : absl::StrCat("*(const vec_unaligned*)(", pointer, ")");
}

std::string TransformPrinter::ChannelOffset(const ImageStrides& image, const std::string& channel) const {
  if (image.block == 0) return channel;
  return absl::StrCat(channel, " / ", block_, " * ", image.block, " + ", channel, " % ", block_);
}

void TransformPrinter::OpenRun() {
  c_.Open("void tunefarm_run(void* const* arguments, const void* packed, void* workspace)");
  for (std::size_t t = 2; t + 1 < compute_.tensors.size(); ++t)
    c_.Line("const float* restrict ", compute_.tensors[t].name, " = arguments[", t, "];");
  if (converts()) {
    c_.Line("float* restrict input = workspace;");
    c_.Line("float* restrict output = input + ", converted_.input, "L;");
    c_.Line("channels_last(arguments[0], input);");
  } else {
    c_.Line("const float* restrict input = arguments[0];");
    c_.Line("float* restrict output = arguments[", compute_.tensors.size() - 1, "];");
  }
}

// The tensors of the epilogue in the order of arguments, each after `before`.
std::string TransformPrinter::EpilogueOperands(const char* before) const {
  std::string operands;
  for (std::size_t t = 2; t + 1 < compute_.tensors.size(); ++t)
    absl::StrAppend(&operands, before, compute_.tensors[t].name);
  return operands;
}

void TransformPrinter::CloseRun() {
  if (converts()) {
    c_.Line("channels_first(output, arguments[", compute_.tensors.size() - 1, "]", EpilogueOperands(", "),
            ");");
  }
  c_.Close();
}

void TransformPrinter::StoreWhole() {
  Epilogue([&](const std::string& pointer, bool per_channel) {
    return per_channel ? absl::StrCat("*(const vec_unaligned*)(", pointer, ")")
                       : Load(pointer, absl::StrCat(out_.block));
  });
  c_.Line(SpansBlocks()
              ? absl::StrCat("store_blocks(output + at, ", out_.block, ", ", lanes_ / block_, ", v);")
              : "*(vec_unaligned*)(output + at) = v;");
}

void TransformPrinter::StoreValid() {
  c_.Open("if (valid == ", lanes_, ")");
  StoreWhole();
  c_.Line("continue;");
  c_.Close();
  Epilogue(
      [&](const std::string& pointer, bool) { return absl::StrCat("load_lanes(", pointer, ", valid)"); });
  c_.Line("store_lanes(output + at, valid, v);");
}

template <typename LoadOperand>
void TransformPrinter::Epilogue(const LoadOperand& load) {
  if (converts()) return;  // On the way back.
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
