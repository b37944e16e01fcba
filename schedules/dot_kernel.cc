#include "schedules/dot_kernel.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "schedules/dot_kernel_text.h"
#include "schedules/fixed_point_text.h"

namespace tunefarm::schedules {
namespace {

constexpr char kPlainC[] = R"(typedef int32_t sums;
typedef int32_t lhs_terms, rhs_terms;
static inline int32_t load_lhs(const int8_t* p) { return *p; }
static inline int32_t load_rhs(const int8_t* p) { return *p; }
static inline int32_t dot(int32_t acc, int32_t l, int32_t r) { return acc + l * r; }
)";

// Two int16 terms a multiplication. The weights' type says that they are aligned; rows may start anywhere.
constexpr char kSmladCommon[] = R"(#include <arm_acle.h>
typedef int32_t sums;
typedef int32_t word __attribute__((may_alias));
typedef int32_t word_anywhere __attribute__((may_alias, aligned(1)));
static inline uint32_t ror8(uint32_t x) { return x >> 8 | x << 24; }
)";
constexpr char kSmlad[] = R"(typedef int16x2_t lhs_terms, rhs_terms;
static inline int16x2_t load_lhs(const int16_t* p) { return *(const word_anywhere*)p; }
static inline int16x2_t load_rhs(const int16_t* p) { return *(const word*)p; }
static inline int32_t dot(int32_t acc, int16x2_t l, int16x2_t r) { return __smlad(l, r, acc); }
)";
// Four terms: the weights' bytes stand in the order 0, 2, 1, 3, so that each widening of every other byte
// gives neighbours.
constexpr char kSmladW8[] = R"(typedef struct { int16x2_t low, high; } lhs_terms, rhs_terms;
static inline lhs_terms load_lhs(const int16_t* p) {
  return (lhs_terms){((const word_anywhere*)p)[0], ((const word_anywhere*)p)[1]};
}
static inline rhs_terms load_rhs(const int8_t* p) {
  const uint32_t bytes = *(const word*)p;
  return (rhs_terms){__sxtb16(bytes), __sxtb16(ror8(bytes))};
}
static inline int32_t dot(int32_t acc, lhs_terms l, rhs_terms r) {
  return __smlad(l.high, r.high, __smlad(l.low, r.low, acc));
}
)";
// Both operands stay int8 and are widened alike, every other byte at a time.
constexpr char kSmladX8[] = R"(typedef struct { int16x2_t even, odd; } lhs_terms, rhs_terms;
static inline lhs_terms load_lhs(const int8_t* p) {
  const uint32_t bytes = *(const word_anywhere*)p;
  return (lhs_terms){__sxtb16(bytes), __sxtb16(ror8(bytes))};
}
static inline rhs_terms load_rhs(const int8_t* p) { return load_lhs(p); }
static inline int32_t dot(int32_t acc, lhs_terms l, rhs_terms r) {
  return __smlad(l.odd, r.odd, __smlad(l.even, r.even, acc));
}
)";
// The input stays int8; the widened weights stand as its bytes come out: 0, 2, 1, 3.
constexpr char kSmladX8W16[] = R"(typedef struct { int16x2_t even, odd; } lhs_terms, rhs_terms;
static inline lhs_terms load_lhs(const int8_t* p) {
  const uint32_t bytes = *(const word_anywhere*)p;
  return (lhs_terms){__sxtb16(bytes), __sxtb16(ror8(bytes))};
}
static inline rhs_terms load_rhs(const int16_t* p) { return (rhs_terms){((const word*)p)[0], ((const word*)p)[1]}; }
static inline int32_t dot(int32_t acc, lhs_terms l, rhs_terms r) {
  return __smlad(l.odd, r.odd, __smlad(l.even, r.even, acc));
}
)";

// Sixteen terms of one row and one channel.
constexpr char kVmladava[] = R"(#include <arm_acle.h>
#include <arm_mve.h>
typedef int32_t sums;
typedef int8x16_t lhs_terms, rhs_terms;
static inline int8x16_t load_lhs(const int8_t* p) { return vld1q_s8(p); }
static inline int8x16_t load_rhs(const int8_t* p) { return vld1q_s8(p); }
static inline int32_t dot(int32_t acc, int8x16_t l, int8x16_t r) { return vmladavaq_s8(acc, l, r); }
)";

const char* BodyOf(const DotKernel& kernel) {
  if (kernel.isa == DotIsa::kMve) return kVmladava;
  if (kernel.isa == DotIsa::kC) return kPlainC;
  if (kernel.lhs == DotElement::kI16) return kernel.rhs == DotElement::kI16 ? kSmlad : kSmladW8;
  return kernel.rhs == DotElement::kI16 ? kSmladX8W16 : kSmladX8;
}

constexpr char kScalarChannels[] =
    R"(static inline int32_t load_channels(const int32_t* p) { return *p; }
static inline void store_channels(int8_t* p, int32_t scaled, int channels) { (void)channels; *p = (int8_t)scaled; }
)";

// The sum plus the output's zero point might not fit, so it is clamped before.
constexpr char kScalarRequantize[] =
    R"(static inline int32_t requantize(int32_t acc, int32_t multiplier, int32_t shift) {
  const int32_t scaled = scale(acc, multiplier, shift);
  return (scaled < $LOW ? $LOW : scaled > $HIGH ? $HIGH : scaled) + $ZERO;
}
)";

// With sums below 2^29 and shifts to the right, twice the sum fits, so that the high word of the product is
// all that is needed. What rounding adds comes from the channel table, with the output's zero point: at a
// multiple of the divisor it does not matter whether that is added before or after the shift.
constexpr char kDspDouble[] =
    R"(static inline int32_t requantize(int32_t acc, int32_t multiplier, int32_t rounding, int32_t shift) {
  int32_t high;
  __asm__("smmulr %0, %1, %2" : "=r"(high) : "r"(acc << 1), "r"(multiplier));
  return $CLAMP((high + rounding + (high >> 31)) >> shift$BITS);
}
)";
constexpr char kDspSingle[] =
    R"(static inline int32_t requantize(int32_t acc, int32_t multiplier, int32_t rounding, int32_t shift) {
  int32_t high;
  __asm__("smmul %0, %1, %2" : "=r"(high) : "r"(acc << 1), "r"(multiplier));
  return $CLAMP((high + rounding) >> shift$BITS);
}
)";
constexpr char kDspClamp[] =
    R"(static inline int32_t clamp(int32_t x) { return x < $MIN ? $MIN : x > $MAX ? $MAX : x; }
)";

constexpr char kConvert[] =
    R"(static inline void convert($LHS* restrict to, const int8_t* restrict from, long count) {
  for (long i = 0; i < count; ++i) to[i] = ($LHS)(from[i] - $OFFSET);
}
)";
constexpr char kConvertDsp[] = R"(static inline void convert(int16_t* to, const int8_t* from, long count) {
  const long whole = count & ~3L;
  for (long i = 0; i < whole; i += 4) {
    const uint32_t bytes = *(const word_anywhere*)(from + i);
    const uint32_t even = __sxtab16($PAIR, bytes), odd = __sxtab16($PAIR, ror8(bytes));
    ((word_anywhere*)(to + i))[0] = (int32_t)((even & 0xffff) | (odd << 16));
    ((word_anywhere*)(to + i))[1] = (int32_t)((odd & 0xffff0000) | (even >> 16));
  }
  for (long i = whole; i < count; ++i) to[i] = (int16_t)(from[i] - $OFFSET);
}
)";
// Channels lie side by side in `from`, whose pixels are `pixel` elements apart; each gets a plane.
constexpr char kPlanes[] = R"(static inline int16x2_t load_word(const int16_t* p) { return *(const word*)p; }
static inline void convert_planes(int16_t* to, long plane, const int8_t* from, long pixel, long count, long channels) {
  const long whole = channels & ~3L;
  for (long c = 0; c < whole; c += 4) {
    int16_t *to0 = to + c * plane, *to1 = to0 + plane, *to2 = to1 + plane, *to3 = to2 + plane;
    const int8_t* source = from + c;
    for (long i = 0; i < count; ++i, source += pixel) {
      const uint32_t bytes = *(const word_anywhere*)source;
      const uint32_t even = __sxtab16($PAIR, bytes), odd = __sxtab16($PAIR, ror8(bytes));
      *to0++ = (int16_t)even;
      *to1++ = (int16_t)odd;
      *to2++ = (int16_t)(even >> 16);
      *to3++ = (int16_t)(odd >> 16);
    }
  }
  for (long c = whole; c < channels; ++c) {
    for (long i = 0; i < count; ++i) to[c * plane + i] = (int16_t)(from[i * pixel + c] - $OFFSET);
  }
}
static inline void fill_planes(int16_t* to, long plane, long count, long channels) {
  for (long c = 0; c < channels; ++c) {
    for (long i = 0; i < count; ++i) to[c * plane + i] = $PADDING;
  }
}
)";
constexpr char kFill[] = R"(static inline void fill($LHS* to, long count) {
  for (long i = 0; i < count; ++i) to[i] = $PADDING;
}
)";

}  // namespace

int BytesOf(DotElement element) { return element == DotElement::kI16 ? 2 : 1; }

const char* CTypeOf(DotElement element) {
  switch (element) {
    case DotElement::kI8:
    case DotElement::kRaised:
      return "int8_t";
    case DotElement::kU8:
      return "uint8_t";
    case DotElement::kI16:
      return "int16_t";
  }
  return "";
}

std::vector<const DotKernel*> DotKernelsOf(const Target& target) {
  static const DotKernel c{.name = "c"};
  static const auto dsp_kernel = [](const char* name, int group, DotElement lhs, DotElement rhs) {
    DotKernel kernel{.name = name, .isa = DotIsa::kArmDsp, .group = group, .lhs = lhs, .rhs = rhs};
    kernel.scaling = DotScaling::kWords;
    kernel.dot = static_cast<float>(group) / 2;
    // A word for each two or four terms, and two widenings for four that are bytes.
    kernel.lhs_load = lhs == DotElement::kI8 ? 3 : static_cast<float>(group) / 2;
    kernel.rhs_load = rhs == DotElement::kI8 ? 3 : static_cast<float>(group) / 2;
    if ((lhs == DotElement::kI8) != (rhs == DotElement::kI8)) kernel.order = {0, 2, 1, 3};
    return kernel;
  };
  static const DotKernel smlad = dsp_kernel("smlad", 2, DotElement::kI16, DotElement::kI16);
  static const DotKernel smlad_w8 = dsp_kernel("smlad_w8", 4, DotElement::kI16, DotElement::kI8);
  static const DotKernel smlad_x8 = dsp_kernel("smlad_x8", 4, DotElement::kI8, DotElement::kI8);
  static const DotKernel smlad_x8w16 = dsp_kernel("smlad_x8w16", 4, DotElement::kI8, DotElement::kI16);
  static const DotKernel vmladava = [] {
    DotKernel kernel{.name = "vmladava", .isa = DotIsa::kMve, .group = 16};
    kernel.scaling = DotScaling::kWords;
    kernel.dot = kernel.lhs_load = kernel.rhs_load = 2;
    return kernel;
  }();
  static const DotKernel taps = [] {
    DotKernel kernel = dsp_kernel("smlad_taps", 1, DotElement::kI16, DotElement::kI16);
    kernel.planar = true;
    return kernel;
  }();
  std::vector<const DotKernel*> kernels = {&c};
  const auto add = [&](const std::vector<const DotKernel*>& more) {
    kernels.insert(kernels.end(), more.begin(), more.end());
  };
  add(X86DotKernels(target));
  add(NeonDotKernels(target));
  if (HasFeature(target, "mve")) add({&vmladava});
  if (HasFeature(target, "dsp")) add({&smlad, &smlad_w8, &smlad_x8, &smlad_x8w16, &taps});
  return kernels;
}

int CoreRegisters(const Target& target) {
  if (target.architecture == "aarch64") return 29;
  return target.architecture == "x86_64" ? 15 : 14;
}

int32_t FoldedOffset(DotElement lhs, const Requantize& requantize) {
  switch (lhs) {
    case DotElement::kI8:
      return requantize.input_zero_point;
    case DotElement::kU8:
    case DotElement::kRaised:
      return requantize.input_zero_point + 128;
    case DotElement::kI16:
      return 0;
  }
  return 0;
}

std::vector<const char*> ChannelFields(const DotKernel& kernel, const Requantize& requantize) {
  switch (kernel.scaling) {
    case DotScaling::kAny:
      return {"bias", "multiplier", "shift"};
    case DotScaling::kWords:
      return {"bias", "multiplier", "rounding", "shift"};
    case DotScaling::kFloats:
      break;
  }
  if (HasTwoLines(requantize)) return {"bias", "factor", "rest", "addend", "flip", "before"};
  return {"bias", "factor", "rest", "addend"};
}

bool RoundsDown(const DotKernel& kernel) {
  return kernel.scaling == DotScaling::kFloats && kernel.isa != DotIsa::kAvx512;
}

std::string DotKernelText(const DotKernel& kernel, const Requantize& requantize) {
  const bool dsp = kernel.isa == DotIsa::kArmDsp;
  const bool twice = requantize.rounding == Rounding::kDouble;
  const bool saturates = Saturates(requantize);
  std::string text;
  if (kernel.isa == DotIsa::kAvx2 || kernel.isa == DotIsa::kAvx512) {
    text = X86DotText(kernel, requantize);
  } else if (kernel.isa == DotIsa::kNeon) {
    for (const char* part : NeonDotText(kernel, requantize.rounding)) text += part;
  } else {
    absl::StrAppend(&text, dsp ? kSmladCommon : "", kernel.planar ? "" : BodyOf(kernel), kScalarChannels,
                    ScaleText(requantize.rounding));
    if (kernel.quick()) {
      absl::StrAppend(&text, saturates ? "" : kDspClamp, twice ? kDspDouble : kDspSingle, kExactResult);
    } else {
      text += kScalarRequantize;
    }
  }
  if (kernel.planar) {
    text += kPlanes;
  } else {
    absl::StrAppend(&text, dsp && kernel.lhs == DotElement::kI16 ? kConvertDsp : kConvert, kFill);
  }
  // What is subtracted from an input while it is copied.
  const int32_t offset = kernel.lhs == DotElement::kI16  ? requantize.input_zero_point
                         : kernel.lhs == DotElement::kU8 ? -128
                                                         : 0;
  const auto half = static_cast<uint16_t>(-offset);
  const int bits = kernel.isa == DotIsa::kAvx512 ? 512 : 256;
  const std::vector<const char*> fields = ChannelFields(kernel, requantize);
  std::string sums, vectors[4];
  for (std::size_t f = 1; f < fields.size(); ++f) {
    absl::StrAppend(&sums, ", sums ", fields[f]);
    for (int v = 0; v < 4; ++v) absl::StrAppend(&vectors[v], ", ", fields[f], ".v", v);
  }
  return absl::StrReplaceAll(
      text, {{"$LOW", absl::StrCat("(", requantize.output_min - requantize.output_zero_point, ")")},
             {"$HIGH", absl::StrCat("(", requantize.output_max - requantize.output_zero_point, ")")},
             {"$ZERO", absl::StrCat("(", requantize.output_zero_point, ")")},
             {"$LIMIT(", saturates ? "(" : "limit("},
             {"$LIMIT256(", saturates ? "(" : "limit256("},
             {"$LIMIT512(", saturates ? "(" : "limit512("},
             {"$REQUANTIZE(", kernel.window_terms > 0 ? "requantize_words(" : "requantize("},
             {"$SUMS", sums},
             {"$OF(v0)", vectors[0]},
             {"$OF(v1)", vectors[1]},
             {"$OF(v2)", vectors[2]},
             {"$OF(v3)", vectors[3]},
             {"$CLAMP(", saturates ? "__ssat(" : "clamp("},
             {"$BITS", saturates ? ", 8" : ""},
             {"$MIN", absl::StrCat("(", requantize.output_min, ")")},
             {"$MAX", absl::StrCat("(", requantize.output_max, ")")},
             {"$OFFSET", absl::StrCat("(", offset, ")")},
             {"$PADDING", absl::StrCat(requantize.input_zero_point - offset)},
             {"$WIDTH", absl::StrCat(bits)},
             {"$HALF", absl::StrCat(bits / 2)},
             {"$BYTES", absl::StrCat(bits / 8)},
             {"$WORDS", absl::StrCat(bits / 16)},
             {"$LANES", absl::StrCat(bits / 32)},
             {"$PAIR", absl::StrCat("0x", absl::Hex(uint32_t{half} << 16 | half), "u")},
             {"$LHS", CTypeOf(kernel.lhs)}});
}

}  // namespace tunefarm::schedules
