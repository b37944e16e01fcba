// Int8 addition of two tensors with their own scales: each input is computed, or looked up, because an int8
// has but 256 scaled values; with Helium four at a time, with Advanced SIMD eight are computed at a time.
#include <algorithm>

#include "schedules/c_text.h"
#include "schedules/fixed_point_text.h"
#include "schedules/knobs.h"
#include "schedules/small_task.h"
#include "schedules/tree_builder.h"

namespace tunefarm::schedules {
namespace {

constexpr int64_t kTableElements = int64_t{2} * 256;

std::string InParentheses(int32_t value) { return absl::StrCat("(", value, ")"); }

enum Inputs { kComputed, kTable, kGathered, kVectors };

// `scale` of four, as the text of ScaleText() does it.
const char* VectorScaleText(Rounding rounding) {
  if (rounding == Rounding::kSingle) {
    return R"(static inline int32x4_t scale_vector(int32x4_t x, int32_t multiplier, int32_t shift) {
  const int64x2_t total = vdupq_n_s64(shift - 31);  // To the right where negative: always.
  const int64x2_t low = vrshlq_s64(vmull_n_s32(vget_low_s32(x), multiplier), total);
  const int64x2_t high = vrshlq_s64(vmull_n_s32(vget_high_s32(x), multiplier), total);
  return vcombine_s32(vmovn_s64(low), vmovn_s64(high));
}
)";
  }
  return R"(static inline int32x4_t scale_vector(int32x4_t x, int32_t multiplier, int32_t shift) {
  const int32x4_t left = vdupq_n_s32(shift > 0 ? shift : 0), right = vdupq_n_s32(shift > 0 ? 0 : shift);
  const int32x4_t high = vqrdmulhq_n_s32(vshlq_s32(x, left), multiplier);
  // Ties away from zero: one less below zero, before the shift that rounds them up.
  return vrshlq_s32(vaddq_s32(high, vshrq_n_s32(vandq_s32(high, right), 31)), right);
}
)";
}

bool Has(const Target& target, const char* feature) {
  return std::ranges::count(target.isa_features, feature) > 0;
}

bool HasHelium(const Target& target) { return Has(target, "mve"); }
bool HasNeon(const Target& target) { return Has(target, "asimd") || Has(target, "neon"); }

ConfigSpace MakeSpace(const Workload& workload, const Target& target) {
  std::vector<std::pair<std::string, int>> inputs = {{"computed", kComputed}, {"table", kTable}};
  // The single rounding needs products of 64 bits, which Helium has not.
  const bool gathers = HasHelium(target) && workload.rounding() == Rounding::kDouble;
  if (gathers) inputs.emplace_back("gathered", kGathered);
  if (HasNeon(target)) inputs.emplace_back("vectors", kVectors);
  std::vector<Knob> knobs = {ChoiceKnob("inputs", KnobKind::kChoice, inputs),
                             SizeKnob("unroll", SizesUpTo({1, 2, 4, 8}, workload.dim("n"))), CompileKnob()};
  // Vectors scale faster than they look up; a core without them the other way round, and Helium, for which
  // compilers find no vectors in 64-bit products.
  const bool vectors = target.vector_bytes > 4 && !HasHelium(target);
  const auto unroll = static_cast<uint16_t>(vectors ? 0 : knobs[1].numbers.size() - 1);
  const auto best = static_cast<uint16_t>(gathers || HasNeon(target) ? inputs.size() - 1
                                          : vectors                  ? std::size_t{kComputed}
                                                                     : std::size_t{kTable});
  return MakeSmallSpace(std::move(knobs), {best, unroll, static_cast<uint16_t>(vectors ? 1 : 0)});
}

class AddTask : public SmallTask {
 public:
  AddTask(const Workload& workload, const Target& target, int threads)
      : SmallTask(workload, target, threads, MakeSpace(workload, target)) {}

  // Count up when a config comes to mean another kernel.
  std::string template_version() const override { return "add-4"; }

  absl::StatusOr<LoopTree> Lower(const Config& config) const override {
    TUNEFARM_RETURN_IF_ERROR(space().Check(config));
    const int lhs = facts().compute.lhs.tensor, rhs = facts().compute.rhs.tensor;
    TreeBuilder tree(facts());
    std::vector<int> reads = {lhs, rhs};
    if (table(config))
      reads.push_back(tree.AddTable(facts().compute.addition->input_multiplier, kTableElements));
    tree.Open(0, facts().compute.axes[0].extent, threads() > 1 ? LoopKind::kParallel : LoopKind::kSerial, 1,
              static_cast<int>(number(config, "unroll")));
    tree.Statement(StatementKind::kApply, reads, TreeBuilder::kAccumulators);
    tree.Statement(StatementKind::kStore, {TreeBuilder::kAccumulators},
                   static_cast<int>(facts().compute.tensors.size()) - 1);
    tree.Close();
    return tree.Take(1, 1);
  }

  absl::StatusOr<KernelSource> Generate(const Config& config) const override {
    TUNEFARM_RETURN_IF_ERROR(space().Check(config));
    const ComputeDefinition& compute = facts().compute;
    const Requantize& requantize = *compute.requantize;
    const ScaledAddition& addition = *compute.addition;
    const int64_t unroll = number(config, "unroll");
    // Of the two roundings only the double one shifts to the left by itself.
    const bool doubled = requantize.rounding == Rounding::kDouble;
    CText out;
    const bool saturates = Has(target(), "dsp");
    const bool in_vectors = number(config, "inputs") == kVectors;
    out.Raw(Heading(config));
    if (saturates) out.Line("#include <arm_acle.h>");
    if (gathered(config)) out.Line("#include <arm_mve.h>");
    if (in_vectors) out.Line("#include <arm_neon.h>");
    out.Line("static inline int32_t max(int32_t a, int32_t b) { return a > b ? a : b; }");
    out.Line("static inline int32_t min(int32_t a, int32_t b) { return a < b ? a : b; }");
    out.Raw(ScaleText(requantize.rounding));
    if (in_vectors) out.Raw(VectorScaleText(requantize.rounding));
    const auto input = [&](const std::string& value, int32_t zero_point, int index) {
      return absl::StrCat("scale((", value, " - ", InParentheses(zero_point), ") * (1 << ",
                          ScaledAddition::kLeftShift, "), multiplier", index, ", shift", index, ")");
    };
    const auto scales = [&](const char* from) {
      for (int i = 0; i < 2; ++i) {
        out.Line("const int32_t multiplier", i, " = ((const int32_t*)", from, "[", addition.input_multiplier,
                 "])[", i, "], shift", i, " = ((const int32_t*)", from, "[", addition.input_shift, "])[", i,
                 "];");
      }
    };
    if (table(config)) {
      out.Blank();
      out.Line("// Every value of an input, scaled: 256 of lhs, then 256 of rhs, each by its unsigned byte.");
      if (doubled)
        out.Line("// With the sum's shift to the left, which comes to the same before the addition.");
      out.Open("void tunefarm_prepare(const void* const* constants, void* packed)");
      out.Line("uint32_t* table = (uint32_t*)packed;");
      scales("constants");
      if (doubled) {
        out.Line("const int32_t shift = *(const int32_t*)constants[", requantize.shift.tensor, "];");
        out.Line("const int32_t left = shift > 0 ? shift : 0;");
      }
      const char* const shifted = doubled ? " << left" : "";
      out.Open("for (int32_t x = -128; x < 128; ++x)");
      out.Line("table[(uint8_t)x] = (uint32_t)(", input("x", requantize.input_zero_point, 0), ")", shifted,
               ";");
      out.Line("table[256 + (uint8_t)x] = (uint32_t)(", input("x", addition.rhs_zero_point, 1), ")", shifted,
               ";");
      out.Close();
      out.Close();
    }
    out.Blank();
    out.Open("void tunefarm_run(void* const* arguments, const void* packed, void* workspace)");
    out.Line("(void)packed, (void)workspace;");
    out.Line("const int8_t* restrict lhs = (const int8_t*)arguments[0];");
    out.Line("const int8_t* restrict rhs = (const int8_t*)arguments[1];");
    out.Line("int8_t* restrict output = (int8_t*)arguments[", compute.tensors.size() - 1, "];");
    if (table(config)) {
      out.Line("const uint32_t* lhs_scaled = (const uint32_t*)packed;");
      out.Line("const uint32_t* rhs_scaled = (const uint32_t*)packed + 256;");
      // Or the compiler takes the second for an offset from the first, to be added for every element.
      out.Line("__asm__(\"\" : \"+r\"(rhs_scaled));");
    } else {
      scales("arguments");
    }
    out.Line("const int32_t multiplier = *(const int32_t*)arguments[", requantize.multiplier.tensor, "];");
    out.Line("const int32_t ", table(config) && doubled ? "given" : "shift", " = *(const int32_t*)arguments[",
             requantize.shift.tensor, "];");
    if (table(config) && doubled) out.Line("const int32_t shift = given < 0 ? given : 0;");
    const int64_t step = gathered(config) ? 4 : in_vectors ? 8 : 1;
    const int64_t vectors_end = step > 1 ? workload().dim("n") / step * step : 0;
    if (in_vectors && vectors_end > 0) {
      PrintVectors(vectors_end, unroll, out);
    } else if (vectors_end > 0) {
      const auto looked_up = [](const char* side) {
        return absl::StrCat("vldrwq_gather_shifted_offset_s32((const int32_t*)", side,
                            "_scaled, vldrbq_u32((const uint8_t*)", side, " + i))");
      };
      if (unroll > 1) out.Line("#pragma GCC unroll ", unroll);
      out.Open("for (int32_t i = 0; i < ", vectors_end, "; i += 4)");
      out.Line("const int32x4_t sum = vaddq_s32(", looked_up("lhs"), ", ", looked_up("rhs"), ");");
      out.Line("int32x4_t scaled = vqrdmulhq_n_s32(sum, multiplier);");
      out.Line("// Ties away from zero: one less below zero, before the shift that rounds them up.");
      out.Line("scaled = vaddq_s32(scaled, vshrq_n_s32(vandq_s32(scaled, vdupq_n_s32(shift)), 31));");
      out.Line("scaled = vaddq_n_s32(vrshlq_n_s32(scaled, shift), ",
               InParentheses(requantize.output_zero_point), ");");
      out.Line("scaled = vmaxq_s32(vminq_s32(scaled, vdupq_n_s32(", requantize.output_max, ")), vdupq_n_s32(",
               InParentheses(requantize.output_min), "));");
      out.Line("vstrbq_s32(output + i, scaled);");
      out.Close();
    }
    out.Raw(ParallelLine());
    if (unroll > 1 && threads() == 1) out.Line("#pragma GCC unroll ", unroll);
    out.Open("for (int32_t i = ", vectors_end, "; i < ", workload().dim("n"), "; ++i)");
    if (table(config)) {
      out.Line("const int32_t sum = (int32_t)(lhs_scaled[(uint8_t)lhs[i]] + rhs_scaled[(uint8_t)rhs[i]]);");
    } else {
      out.Line("const int32_t sum = ", input("lhs[i]", requantize.input_zero_point, 0), " +");
      out.Line("                    ", input("rhs[i]", addition.rhs_zero_point, 1), ";");
    }
    out.Line("const int32_t scaled = scale(sum, multiplier, shift) + ",
             InParentheses(requantize.output_zero_point), ";");
    out.Line(
        "output[i] = (int8_t)",
        saturates ? ClampText("__ssat(scaled, 8)", requantize, false) : ClampText("scaled", requantize, true),
        ";");
    out.Close();
    out.Close();
    KernelSource source = ToSource(out.Take(), config);
    if (table(config)) source.packed_bytes = kTableElements * 4;
    return source;
  }

 private:
  // Eight of each input from its bytes to the sum's; what is left over is the scalar loop's.
  void PrintVectors(int64_t end, int64_t unroll, CText& out) const {
    const Requantize& requantize = *facts().compute.requantize;
    const auto widened = [](const char* side, int32_t zero_point) {
      return absl::StrCat("vsubq_s16(vmovl_s8(vld1_s8(", side, " + i)), vdupq_n_s16(", zero_point, "))");
    };
    const auto input = [](const char* half, const char* side, int index) {
      return absl::StrCat("scale_vector(vshlq_n_s32(vmovl_s16(vget_", half, "_s16(", side, ")), ",
                          ScaledAddition::kLeftShift, "), multiplier", index, ", shift", index, ")");
    };
    out.Raw(ParallelLine());
    if (unroll > 1 && threads() == 1) out.Line("#pragma GCC unroll ", unroll);
    out.Open("for (int32_t i = 0; i < ", end, "; i += 8)");
    out.Line("const int16x8_t l = ", widened("lhs", requantize.input_zero_point), ";");
    out.Line("const int16x8_t r = ", widened("rhs", facts().compute.addition->rhs_zero_point), ";");
    for (const char* half : {"low", "high"}) {
      out.Line("const int32x4_t ", half, " = scale_vector(vaddq_s32(", input(half, "l", 0), ", ",
               input(half, "r", 1), "), multiplier, shift);");
    }
    out.Line(
        "const int16x8_t scaled = vqaddq_s16(vcombine_s16(vqmovn_s32(low), vqmovn_s32(high)), vdupq_n_s16(",
        requantize.output_zero_point, "));");
    out.Line("vst1_s8(output + i, vmax_s8(vmin_s8(vqmovn_s16(scaled), vdup_n_s8(", requantize.output_max,
             ")), vdup_n_s8(", requantize.output_min, ")));");
    out.Close();
  }

  bool table(const Config& config) const { return number(config, "inputs") == kTable || gathered(config); }
  bool gathered(const Config& config) const { return number(config, "inputs") == kGathered; }
};

}  // namespace

std::shared_ptr<const Task> CreateAddTask(const Workload& workload, const Target& target, int threads) {
  return std::make_shared<AddTask>(workload, target, threads);
}

}  // namespace tunefarm::schedules
