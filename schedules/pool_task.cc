// Average and maximum pooling, nhwc: a block of channels at a time, over the window's rows and columns.
#include <algorithm>

#include "schedules/c_text.h"
#include "schedules/knobs.h"
#include "schedules/small_task.h"
#include "schedules/tree_builder.h"

namespace tunefarm::schedules {
namespace {

// How a block's channels are kept.
enum Form {
  kNamed,  // A scalar each.
  kArray,  // An array, for the compiler to vectorise.
  kDsp,    // Armv7E-M: the maxima of four channels in a word, the sums of two.
};

// Sums of int8 in 16 bits: 2^15 / 2^7.
constexpr int64_t kMaxDspTaps = 256;

ConfigSpace MakeSpace(const Workload& workload, const Target& target) {
  const int64_t channels = workload.dim("c");
  std::vector<std::pair<std::string, int>> forms = {{"named", kNamed}, {"array", kArray}};
  const bool dsp = std::ranges::find(target.isa_features, "dsp") != target.isa_features.end();
  if (dsp && workload.dim("kh") * workload.dim("kw") <= kMaxDspTaps) forms.emplace_back("dsp", kDsp);
  std::vector<Knob> knobs = {SizeKnob("block", SizesUpTo({1, 2, 4, 8, 16, 32, 64}, channels)),
                             ChoiceKnob("form", KnobKind::kChoice, forms),
                             SizeKnob("unroll", SizesUpTo({1, 2, 4}, workload.dim("kw"))), CompileKnob()};
  const auto legal = [](const ConfigSpace& space, const Config& config) -> absl::Status {
    const int64_t block = space.number(config, 0), form = space.number(config, 1);
    if (form == kNamed && block > 16) {
      return absl::InvalidArgumentError("more than 16 named channels do not fit the registers of any core");
    }
    if (form == kDsp && block % 4 != 0) return absl::InvalidArgumentError("words hold four channels");
    return absl::OkStatus();
  };
  // A vector's worth of channels, by words where there are DSP instructions.
  const int64_t wanted = dsp ? 8 : std::max(8, target.vector_bytes / 2);
  uint16_t block = 0;
  while (block + 1u < knobs[0].numbers.size() && knobs[0].numbers[block + 1u] <= wanted) ++block;
  const bool words = forms.size() > 2 && knobs[0].numbers[block] % 4 == 0;
  return MakeSmallSpace(
      std::move(knobs),
      {block, static_cast<uint16_t>(words ? 2 : 1), 0, static_cast<uint16_t>(words ? 0 : 1)}, legal);
}

class PoolTask : public SmallTask {
 public:
  PoolTask(const Workload& workload, const Target& target, int threads)
      : SmallTask(workload, target, threads, MakeSpace(workload, target)) {}

  // Count up when a config comes to mean another kernel.
  std::string template_version() const override { return "pool-1"; }

  absl::StatusOr<LoopTree> Lower(const Config& config) const override {
    TUNEFARM_RETURN_IF_ERROR(space().Check(config));
    const int64_t block = number(config, "block"), form = number(config, "form");
    const std::vector<Axis>& axes = facts().compute.axes;  // n, oh, ow, c, kh, kw.
    const int input = 0, output = 1;
    TreeBuilder tree(facts());
    for (int axis = 0; axis < 3; ++axis) {
      tree.Open(axis, axes[axis].extent,
                threads() > 1 && axis == 1 ? LoopKind::kParallel : LoopKind::kSerial);
    }
    tree.Open(3, (axes[3].extent + block - 1) / block, LoopKind::kSerial, block);
    const LoopKind lanes = form == kNamed ? LoopKind::kUnrolled : LoopKind::kVectorized;
    tree.Open(3, block, lanes);
    tree.Statement(StatementKind::kInit, {}, TreeBuilder::kAccumulators);
    tree.Close();
    tree.Open(4, axes[4].extent);
    tree.Open(5, axes[5].extent, LoopKind::kSerial, 1, static_cast<int>(number(config, "unroll")));
    tree.Open(3, block, lanes);
    tree.Statement(StatementKind::kApply, {input}, TreeBuilder::kAccumulators);
    for (int loop = 0; loop < 3; ++loop) tree.Close();
    tree.Open(3, block, lanes);
    tree.Statement(StatementKind::kStore, {TreeBuilder::kAccumulators}, output);
    for (int loop = 0; loop < 5; ++loop) tree.Close();
    return tree.Take(
        static_cast<int>(form == kNamed ? block : std::max<int64_t>(1, block / target().lanes(4))),
        static_cast<int>(form == kNamed ? 1 : block));
  }

  absl::StatusOr<KernelSource> Generate(const Config& config) const override {
    TUNEFARM_RETURN_IF_ERROR(space().Check(config));
    const int64_t block = number(config, "block"), channels = workload().dim("c");
    const int64_t rest = channels % block;
    const Form form = static_cast<Form>(number(config, "form"));
    CText out;
    out.Raw(Heading(config));
    if (form == kDsp) {
      out.Line("#include <arm_acle.h>");
      out.Line("typedef uint32_t word __attribute__((may_alias, aligned(1)));");
      if (mean()) out.Line("static inline uint32_t ror8(uint32_t x) { return x >> 8 | x << 24; }");
    }
    out.Line("static inline long max(long a, long b) { return a > b ? a : b; }");
    out.Line("static inline long min(long a, long b) { return a < b ? a : b; }");
    if (mean()) {
      out.Line("// To the nearest, ties away from zero.");
      out.Open("static inline int32_t mean(int32_t sum, int32_t count)");
      out.Line("return (sum > 0 ? sum + count / 2 : sum - count / 2) / count;");
      out.Close();
    }
    if (block <= channels) PrintBlock(out, form, block, number(config, "unroll"));
    if (rest > 0) PrintBlock(out, form == kDsp ? kNamed : form, rest, number(config, "unroll"));
    PrintRun(out, block, rest);
    return ToSource(out.Take(), config);
  }

 private:
  bool mean() const { return facts().compute.formula == Formula::kMean; }

  // A function for `block` channels of one output pixel.
  void PrintBlock(CText& out, Form form, int64_t block, int64_t unroll) const {
    out.Blank();
    out.Line("// ", block, block == 1 ? " channel" : " channels",
             " of one output pixel, whose window has rows x columns pixels.");
    out.Open("static inline void pool_", block,
             "(const int8_t* restrict in, int32_t rows, int32_t columns, int8_t* restrict out)");
    const auto each = [&](int64_t step, const auto& line) {
      for (int64_t i = 0; i < block; i += step) line(i);
    };
    switch (form) {
      case kNamed:
        each(1, [&](int64_t i) { out.Line("int32_t s", i, mean() ? " = 0;" : " = -128;"); });
        break;
      case kArray:
        out.Line(mean() ? "int32_t" : "int8_t", " s[", block, "];");
        out.Line("for (int i = 0; i < ", block, "; ++i) s[i] = ", mean() ? "0;" : "-128;");
        break;
      case kDsp:
        each(4, [&](int64_t i) {
          out.Line(mean() ? absl::StrCat("uint32_t even", i, " = 0, odd", i, " = 0;")
                          : absl::StrCat("uint32_t s", i, " = 0x80808080;"));
        });
        break;
    }
    out.Open("for (int32_t y = 0; y < rows; ++y, in += ", workload().dim("w") * workload().dim("c"), ")");
    out.Line("const int8_t* p = in;");
    if (unroll > 1) out.Line("#pragma GCC unroll ", unroll);
    out.Open("for (int32_t x = 0; x < columns; ++x, p += ", workload().dim("c"), ")");
    switch (form) {
      case kNamed:
        each(1, [&](int64_t i) {
          out.Line(mean() ? absl::StrCat("s", i, " += p[", i, "];")
                          : absl::StrCat("s", i, " = p[", i, "] > s", i, " ? p[", i, "] : s", i, ";"));
        });
        break;
      case kArray:
        out.Line("for (int i = 0; i < ", block, "; ++i) ",
                 mean() ? "s[i] += p[i];" : "s[i] = p[i] > s[i] ? p[i] : s[i];");
        break;
      case kDsp:
        each(4, [&](int64_t i) {
          out.Line("const uint32_t word", i, " = *(const word*)(p + ", i, ");");
          if (mean()) {
            out.Line("even", i, " = (uint32_t)__sxtab16((int32_t)even", i, ", (int32_t)word", i, ");");
            out.Line("odd", i, " = (uint32_t)__sxtab16((int32_t)odd", i, ", (int32_t)ror8(word", i, "));");
          } else {
            // SSUB8 sets a flag for each byte that is not below the other; SEL chooses by them.
            out.Line("(void)__ssub8((int32_t)s", i, ", (int32_t)word", i, ");");
            out.Line("s", i, " = __sel(s", i, ", word", i, ");");
          }
        });
        break;
    }
    out.Close();
    out.Close();
    if (mean()) {
      out.Line("const int32_t count = rows * columns;");
    }
    const Requantize& requantize = *facts().compute.requantize;
    const auto store = [&](const std::string& index, const std::string& value) {
      const std::string result = mean() ? absl::StrCat("mean(", value, ", count)") : value;
      out.Line("out[", index, "] = (int8_t)", ClampText(absl::StrCat("(", result, ")"), requantize, false),
               ";");
    };
    switch (form) {
      case kNamed:
        each(1, [&](int64_t i) { store(absl::StrCat(i), absl::StrCat("s", i)); });
        break;
      case kArray:
        out.Open("for (int i = 0; i < ", block, "; ++i)");
        store("i", "s[i]");
        out.Close();
        break;
      case kDsp:
        each(1, [&](int64_t i) {
          const int64_t word = i / 4 * 4, byte = i % 4;
          if (mean()) {
            store(absl::StrCat(i), absl::StrCat("(int16_t)(", byte % 2 == 0 ? "even" : "odd", word, " >> ",
                                                byte / 2 * 16, ")"));
          } else {
            store(absl::StrCat(i), absl::StrCat("(int8_t)(s", word, " >> ", 8 * byte, ")"));
          }
        });
        break;
    }
    out.Close();
  }

  // "const int32_t rows = ...": how much of the window lies inside, where it may reach into the padding.
  void PrintSpan(CText& out, const char* output, const char* first, const char* count, const char* size,
                 const char* kernel, const char* stride, const char* pad_before, int64_t extent) const {
    const Workload& w = workload();
    const int64_t pad = w.dim(pad_before), step = w.dim(stride);
    const bool inside = pad == 0 && (extent - 1) * step + w.dim(kernel) <= w.dim(size);
    if (inside) {
      out.Line("const long ", first, " = ", output, " * ", step, ";");
      out.Line("const int32_t ", count, " = ", w.dim(kernel), ";");
      return;
    }
    out.Line("const long begin_", first, " = ", output, " * ", step, " - ", pad, ";");
    out.Line("const long ", first, " = max(begin_", first, ", 0);");
    out.Line("const int32_t ", count, " = (int32_t)(min(begin_", first, " + ", w.dim(kernel), ", ",
             w.dim(size), ") - ", first, ");");
  }

  void PrintRun(CText& out, int64_t block, int64_t rest) const {
    const Workload& w = workload();
    const std::vector<int64_t>& shape = facts().compute.tensors.back().shape;
    const int64_t channels = w.dim("c"), whole = channels - rest;
    out.Blank();
    out.Open("void tunefarm_run(void* const* arguments, const void* packed, void* workspace)");
    out.Line("(void)packed, (void)workspace;");
    out.Line("const int8_t* restrict input = (const int8_t*)arguments[0];");
    out.Line("int8_t* restrict output = (int8_t*)arguments[1];");
    out.Open("for (long n = 0; n < ", shape[0], "; ++n)");
    out.Raw(ParallelLine());
    out.Open("for (long oh = 0; oh < ", shape[1], "; ++oh)");
    PrintSpan(out, "oh", "y", "rows", "h", "kh", "stride_h", "pad_t", shape[1]);
    out.Open("for (long ow = 0; ow < ", shape[2], "; ++ow)");
    PrintSpan(out, "ow", "x", "columns", "w", "kw", "stride_w", "pad_l", shape[2]);
    out.Line("const int8_t* in = input + ((n * ", w.dim("h"), " + y) * ", w.dim("w"), " + x) * ", channels,
             ";");
    out.Line("int8_t* out = output + ((n * ", shape[1], " + oh) * ", shape[2], " + ow) * ", channels, ";");
    if (whole > 0) {
      out.Line("for (long c = 0; c < ", whole, "; c += ", block, ") pool_", block,
               "(in + c, rows, columns, out + c);");
    }
    if (rest > 0) out.Line("pool_", rest, "(in + ", whole, ", rows, columns, out + ", whole, ");");
    for (int loop = 0; loop < 4; ++loop) out.Close();
  }
};

}  // namespace

std::shared_ptr<const Task> CreatePoolTask(const Workload& workload, const Target& target, int threads) {
  return std::make_shared<PoolTask>(workload, target, threads);
}

}  // namespace tunefarm::schedules
