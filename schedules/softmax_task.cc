// Int8 softmax in TFLite's fixed point. The exponential depends only on how far an input is below the row's
// largest, which is one of 256 distances: computed where it is needed, or looked up.
#include "schedules/c_text.h"
#include "schedules/fixed_point_text.h"
#include "schedules/knobs.h"
#include "schedules/small_task.h"
#include "schedules/tree_builder.h"

namespace tunefarm::schedules {
namespace {

constexpr int64_t kTableElements = 256;

// schedules/fixed_point_exp.h holds the same with its sources.
constexpr char kFunctions[] = R"(
// a * b / 2^31, rounded.
static inline int32_t multiply(int32_t a, int32_t b) { return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31); }
// x / 2^e, rounded, ties away from zero.
static inline int32_t divide(int32_t x, int e) {
  const int64_t mask = ((int64_t)1 << e) - 1;
  return (int32_t)(((int64_t)x >> e) + (((int64_t)x & mask) > (mask >> 1) + (x < 0)));
}
static inline int32_t saturate(int64_t x) { return (int32_t)(x > INT32_MAX ? INT32_MAX : x < INT32_MIN ? INT32_MIN : x); }
// exp(a), a <= 0 with 5 integer bits, as a fraction of 2^31: a polynomial in the last quarter, times exp(-2^i).
static int32_t exponential(int32_t a) {
  static const int32_t factors[7] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
  if (a == 0) return INT32_MAX;
  const int32_t quarter = 1 << 24, within = (a & (quarter - 1)) - quarter, remainder = within - a;
  const int32_t x = within * 32 + (1 << 28), x2 = multiply(x, x), x3 = multiply(x2, x), x4 = multiply(x2, x2);
  const int32_t higher = divide(multiply(divide(x4, 2) + x3, 715827883) + x2, 1);
  int32_t result = 1895147668 + multiply(1895147668, x + higher);
  for (int i = 0; i < 7; ++i) {
    if (remainder & quarter << i) result = multiply(result, factors[i]);
  }
  return result;
}
// What exponentials are multiplied by, and then divided by 2^*exponent: the reciprocal of their sum (12 integer bits).
static int32_t reciprocal(int32_t sum, int* exponent) {
  const int headroom = __builtin_clz((uint32_t)sum);
  const int32_t a = (int32_t)(((uint32_t)sum << headroom) - 0x80000000u);
  const int32_t half = (int32_t)(((int64_t)a + INT32_MAX + 1) / 2);
  int32_t x = 1515870810 + multiply(half, -1010580540);
  for (int i = 0; i < 3; ++i) x += saturate((int64_t)multiply(x, (1 << 29) - multiply(half, x)) * 4);
  *exponent = 12 - headroom + 31 - 8;
  return saturate((int64_t)x * 2);
}
// Of an input that is `below` the largest of its row; 0 where the scaled difference could leave its 5 integer bits.
static inline int32_t share(int32_t below, int32_t multiplier, int32_t shift) {
  return below > (int32_t)(((int64_t)31 << 26) >> shift) ? 0 : exponential(scale(-below, multiplier, shift));
}
)";

ConfigSpace MakeSpace(const Workload& workload) {
  std::vector<Knob> knobs = {ChoiceKnob("exponentials", KnobKind::kChoice, {{"computed", 0}, {"table", 1}}),
                             SizeKnob("unroll", SizesUpTo({1, 2, 4, 8}, workload.dim("n"))), CompileKnob()};
  return MakeSmallSpace(std::move(knobs), {1, 0, 0});
}

class SoftmaxTask : public SmallTask {
 public:
  SoftmaxTask(const Workload& workload, const Target& target, int threads)
      : SmallTask(workload, target, threads, MakeSpace(workload)) {}

  // Count up when a config comes to mean another kernel.
  std::string template_version() const override { return "softmax-1"; }

  absl::StatusOr<LoopTree> Lower(const Config& config) const override {
    TUNEFARM_RETURN_IF_ERROR(space().Check(config));
    const int input = 0, output = static_cast<int>(facts().compute.tensors.size()) - 1;
    const int unroll = static_cast<int>(number(config, "unroll"));
    const std::vector<Axis>& axes = facts().compute.axes;
    TreeBuilder tree(facts());
    std::vector<int> reads = {input};
    if (table(config))
      reads.push_back(tree.AddTable(facts().compute.requantize->multiplier.tensor, kTableElements));
    tree.Open(0, axes[0].extent, threads() > 1 ? LoopKind::kParallel : LoopKind::kSerial);
    // The largest, the sum, the shares.
    for (int pass = 0; pass < 3; ++pass) {
      tree.Open(1, axes[1].extent, LoopKind::kSerial, 1, unroll);
      tree.Statement(StatementKind::kApply, pass == 0 ? std::vector<int>{input} : reads,
                     TreeBuilder::kAccumulators);
      if (pass == 2) tree.Statement(StatementKind::kStore, {TreeBuilder::kAccumulators}, output);
      tree.Close();
    }
    tree.Close();
    return tree.Take(1, 1);
  }

  absl::StatusOr<KernelSource> Generate(const Config& config) const override {
    TUNEFARM_RETURN_IF_ERROR(space().Check(config));
    const Requantize& requantize = *facts().compute.requantize;
    const int64_t rows = workload().dim("m"), columns = workload().dim("n"),
                  unroll = number(config, "unroll");
    CText out;
    out.Raw(Heading(config));
    out.Raw(ScaleText(requantize.rounding));
    out.Raw(kFunctions);
    const auto constant = [](const char* from, const TensorAccess& access) {
      return absl::StrCat("*(const int32_t*)", from, "[", access.tensor, "]");
    };
    const auto scales = [&](const char* from) {
      out.Line("const int32_t multiplier = ", constant(from, requantize.multiplier),
               ", shift = ", constant(from, requantize.shift), ";");
    };
    if (table(config)) {
      out.Blank();
      out.Line("// The exponential of every distance from the largest.");
      out.Open("void tunefarm_prepare(const void* const* constants, void* packed)");
      scales("constants");
      out.Line(
          "for (int32_t below = 0; below < 256; ++below) ((int32_t*)packed)[below] = share(below, "
          "multiplier, "
          "shift);");
      out.Close();
    }
    out.Blank();
    out.Open("void tunefarm_run(void* const* arguments, const void* packed, void* workspace)");
    out.Line("(void)packed, (void)workspace;");
    out.Line("const int8_t* restrict input = (const int8_t*)arguments[0];");
    out.Line("int8_t* restrict output = (int8_t*)arguments[", facts().compute.tensors.size() - 1, "];");
    if (table(config)) {
      out.Line("const int32_t* restrict shares = (const int32_t*)packed;");
    } else {
      scales("arguments");
    }
    const char* const exponential =
        table(config) ? "shares[largest - in[i]]" : "share(largest - in[i], multiplier, shift)";
    const auto loop = [&] {
      if (unroll > 1) out.Line("#pragma GCC unroll ", unroll);
      out.Open("for (int32_t i = 0; i < ", columns, "; ++i)");
    };
    out.Raw(ParallelLine());
    out.Open("for (int32_t row = 0; row < ", rows, "; ++row)");
    out.Line("const int8_t* in = input + row * ", columns, ";");
    out.Line("int8_t* out = output + row * ", columns, ";");
    out.Line("int32_t largest = -128, sum = 0;");
    loop();
    out.Line("largest = in[i] > largest ? in[i] : largest;");
    out.Close();
    loop();
    out.Line("sum += divide(", exponential, ", 12);");
    out.Close();
    out.Line("int exponent;");
    out.Line("const int32_t inverse = reciprocal(sum, &exponent);");
    loop();
    out.Line("const int32_t part = divide(multiply(inverse, ", exponential, "), exponent);");
    out.Line("out[i] = (int8_t)(part > 255 ? 127 : part - 128);");
    out.Close();
    out.Close();
    out.Close();
    KernelSource source = ToSource(out.Take(), config);
    if (table(config)) source.packed_bytes = kTableElements * 4;
    return source;
  }

 private:
  bool table(const Config& config) const { return number(config, "exponentials") == 1; }
};

}  // namespace

std::shared_ptr<const Task> CreateSoftmaxTask(const Workload& workload, const Target& target, int threads) {
  return std::make_shared<SoftmaxTask>(workload, target, threads);
}

}  // namespace tunefarm::schedules
