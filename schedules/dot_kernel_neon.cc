// Int8 micro-kernels of Arm's Advanced SIMD: products of bytes or of int16, widened and added, and sdot.
// 32-bit cores have all intrinsics used here but vdotq_s32.
#include "schedules/dot_kernel_text.h"

namespace tunefarm::schedules {
namespace {

constexpr char kCommon[] = R"(#include <arm_neon.h>
typedef int32x4_t sums;
typedef int16_t pair_anywhere __attribute__((may_alias, aligned(1)));
typedef int32_t word_anywhere __attribute__((may_alias, aligned(1)));
)";
constexpr char kWide[] = R"(typedef int16x4_t lhs_terms, rhs_terms;
static inline int16x4_t load_lhs(const int16_t* p) { return vld1_dup_s16(p); }
static inline int16x4_t load_rhs(const int16_t* p) { return vld1_s16(p); }
static inline int32x4_t dot(int32x4_t acc, int16x4_t l, int16x4_t r) { return vmlal_s16(acc, l, r); }
)";
constexpr char kChannelwise[] = R"(typedef int16x4_t lhs_terms, rhs_terms;
static inline int16x4_t load_lhs(const int16_t* p) { return vld1_s16(p); }
static inline int16x4_t load_rhs(const int16_t* p) { return vld1_s16(p); }
static inline int32x4_t dot(int32x4_t acc, int16x4_t l, int16x4_t r) { return vmlal_s16(acc, l, r); }
)";
// A product of two bytes fits in 16 bits; neighbours are added into 32.
constexpr char kPairs[] = R"(typedef int8x8_t lhs_terms, rhs_terms;
static inline int8x8_t load_lhs(const int8_t* p) { return vreinterpret_s8_s16(vdup_n_s16(*(const pair_anywhere*)p)); }
static inline int8x8_t load_rhs(const int8_t* p) { return vld1_s8(p); }
static inline int32x4_t dot(int32x4_t acc, int8x8_t l, int8x8_t r) { return vpadalq_s16(acc, vmull_s8(l, r)); }
)";
constexpr char kSdot[] = R"(typedef int8x16_t lhs_terms, rhs_terms;
static inline int8x16_t load_lhs(const int8_t* p) { return vreinterpretq_s8_s32(vdupq_n_s32(*(const word_anywhere*)p)); }
static inline int8x16_t load_rhs(const int8_t* p) { return vld1q_s8(p); }
static inline int32x4_t dot(int32x4_t acc, int8x16_t l, int8x16_t r) { return vdotq_s32(acc, l, r); }
)";

constexpr char kChannels[] =
    R"(static inline int32x4_t load_channels(const int32_t* p) { return vld1q_s32(p); }
static inline int32x4_t clamp(int32x4_t scaled) {
  return vaddq_s32(vmaxq_s32(vminq_s32(scaled, vdupq_n_s32($HIGH)), vdupq_n_s32($LOW)), vdupq_n_s32($ZERO));
}
static inline void store_channels(int8_t* p, int32x4_t scaled, int channels) {
  const int16x4_t halves = vmovn_s32(scaled);
  const int8x8_t bytes = vmovn_s16(vcombine_s16(halves, halves));
  if (channels == 4) {
    *(word_anywhere*)p = vget_lane_s32(vreinterpret_s32_s8(bytes), 0);
  } else {
    p[0] = vget_lane_s8(bytes, 0);
    if (channels > 1) p[1] = vget_lane_s8(bytes, 1);
    if (channels > 2) p[2] = vget_lane_s8(bytes, 2);
  }
}
)";
// srshl rounds ties up; taking one from negative numbers makes that away from zero, where there is a shift.
constexpr char kDouble[] =
    R"(static inline int32x4_t requantize(int32x4_t acc, int32x4_t multiplier, int32x4_t shift) {
  const int32x4_t left = vmaxq_s32(shift, vdupq_n_s32(0)), right = vminq_s32(shift, vdupq_n_s32(0));
  const int32x4_t high = vqrdmulhq_s32(vshlq_s32(acc, left), multiplier);
  return clamp(vrshlq_s32(vqaddq_s32(high, vshrq_n_s32(vandq_s32(high, right), 31)), right));
}
)";
constexpr char kSingle[] =
    R"(static inline int32x4_t requantize(int32x4_t acc, int32x4_t multiplier, int32x4_t shift) {
  const int32x4_t total = vsubq_s32(shift, vdupq_n_s32(31));  // To the right where negative: always.
  const int64x2_t low = vrshlq_s64(vmull_s32(vget_low_s32(acc), vget_low_s32(multiplier)), vmovl_s32(vget_low_s32(total)));
  const int64x2_t high = vrshlq_s64(vmull_s32(vget_high_s32(acc), vget_high_s32(multiplier)), vmovl_s32(vget_high_s32(total)));
  return clamp(vcombine_s32(vmovn_s64(low), vmovn_s64(high)));
}
)";

}  // namespace

std::vector<const DotKernel*> NeonDotKernels(const Target& target) {
  static const DotKernel wide{.name = "smlal",
                              .isa = DotIsa::kNeon,
                              .lanes = 4,
                              .group = 1,
                              .lhs = DotElement::kI16,
                              .rhs = DotElement::kI16};
  static const DotKernel pairs{.name = "smull", .isa = DotIsa::kNeon, .lanes = 4, .group = 2, .dot = 2};
  static const DotKernel channelwise{.name = "smlal_dw",
                                     .isa = DotIsa::kNeon,
                                     .lanes = 4,
                                     .lhs = DotElement::kI16,
                                     .rhs = DotElement::kI16,
                                     .elementwise = true};
  static const DotKernel sdot{.name = "sdot", .isa = DotIsa::kNeon, .lanes = 4, .group = 4};
  std::vector<const DotKernel*> kernels;
  // As Linux calls it on 64-bit cores and on 32-bit ones.
  if (HasFeature(target, "asimd") || HasFeature(target, "neon"))
    kernels.insert(kernels.end(), {&wide, &pairs, &channelwise});
  if (HasFeature(target, "asimddp")) kernels.push_back(&sdot);
  return kernels;
}

std::vector<const char*> NeonDotText(const DotKernel& kernel, Rounding rounding) {
  const char* const body = kernel.elementwise  ? kChannelwise
                           : kernel.group == 1 ? kWide
                           : kernel.group == 2 ? kPairs
                                               : kSdot;
  return {kCommon, body, kChannels, rounding == Rounding::kDouble ? kDouble : kSingle};
}

}  // namespace tunefarm::schedules
