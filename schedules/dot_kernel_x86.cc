// Int8 micro-kernels of x86-64: multiply-adds of int16 pairs (AVX2, AVX-512), and of bytes (VNNI).
#include "schedules/dot_kernel_text.h"

namespace tunefarm::schedules {
namespace {

constexpr char kCommon[] = R"(#include <immintrin.h>
typedef int32_t word_anywhere __attribute__((may_alias, aligned(1)));
)";

constexpr char kPairs256[] = R"(typedef __m256i sums;
typedef __m256i lhs_terms, rhs_terms;
static inline __m256i load_lhs(const int16_t* p) { return _mm256_set1_epi32(*(const word_anywhere*)p); }
static inline __m256i load_rhs(const int16_t* p) { return _mm256_loadu_si256((const __m256i*)p); }
static inline __m256i dot(__m256i acc, __m256i l, __m256i r) {
  return _mm256_add_epi32(acc, _mm256_madd_epi16(l, r));
}
)";
constexpr char kPairs512[] = R"(typedef __m512i sums;
typedef __m512i lhs_terms, rhs_terms;
static inline __m512i load_lhs(const int16_t* p) { return _mm512_set1_epi32(*(const word_anywhere*)p); }
static inline __m512i load_rhs(const int16_t* p) { return _mm512_loadu_si512(p); }
static inline __m512i dot(__m512i acc, __m512i l, __m512i r) {
  return _mm512_add_epi32(acc, _mm512_madd_epi16(l, r));
}
)";
// Windows: an input's low half in 32 bits times a weight with nothing above it.
constexpr char kChannels256[] = R"(typedef __m256i sums;
typedef __m256i lhs_terms, rhs_terms;
static inline __m256i load_lhs(const int8_t* p) { return _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)p)); }
static inline __m256i load_rhs(const int16_t* p) { return _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i*)p)); }
static inline __m256i dot(__m256i acc, __m256i l, __m256i r) {
  return _mm256_add_epi32(acc, _mm256_madd_epi16(l, r));
}
)";
constexpr char kChannels512[] = R"(typedef __m512i sums;
typedef __m512i lhs_terms, rhs_terms;
static inline __m512i load_lhs(const int8_t* p) { return _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i*)p)); }
static inline __m512i load_rhs(const int16_t* p) { return _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i*)p)); }
static inline __m512i dot(__m512i acc, __m512i l, __m512i r) {
  return _mm512_add_epi32(acc, _mm512_madd_epi16(l, r));
}
)";
// Unsigned by signed bytes: the input is read with 128 added.
constexpr char kBytes512[] = R"(typedef __m512i sums;
typedef __m512i lhs_terms, rhs_terms;
static inline __m512i load_lhs(const uint8_t* p) { return _mm512_set1_epi32(*(const word_anywhere*)p); }
static inline __m512i load_rhs(const int8_t* p) { return _mm512_loadu_si512(p); }
static inline __m512i dot(__m512i acc, __m512i l, __m512i r) { return _mm512_dpbusd_epi32(acc, l, r); }
)";

// Products of the even and of the odd lanes stand in 64 bits each; what is wanted of them is put together
// again.
constexpr char kRequantize256[] =
    R"(static inline __m256i load_channels(const int32_t* p) { return _mm256_loadu_si256((const __m256i*)p); }
static inline __m256i clamp(__m256i scaled) {
  scaled = _mm256_max_epi32(_mm256_min_epi32(scaled, _mm256_set1_epi32($HIGH)), _mm256_set1_epi32($LOW));
  return _mm256_add_epi32(scaled, _mm256_set1_epi32($ZERO));
}
static inline void store_channels(int8_t* p, __m256i scaled, int channels) {
  const __m128i halves = _mm_packs_epi32(_mm256_castsi256_si128(scaled), _mm256_extracti128_si256(scaled, 1));
  const __m128i bytes = _mm_packs_epi16(halves, halves);
  if (channels == 8) {
    _mm_storel_epi64((__m128i*)p, bytes);
  } else {
    int8_t all[16];
    _mm_storeu_si128((__m128i*)all, bytes);
    for (int i = 0; i < channels; ++i) p[i] = all[i];
  }
}
)";
constexpr char kDouble256[] =
    R"(static inline __m256i requantize(__m256i acc, __m256i multiplier, __m256i shift) {
  const __m256i none = _mm256_setzero_si256(), half = _mm256_set1_epi64x(1 << 30);
  const __m256i shifted = _mm256_sllv_epi32(acc, _mm256_max_epi32(shift, none));
  const __m256i right = _mm256_max_epi32(_mm256_sub_epi32(none, shift), none);
  const __m256i even = _mm256_mul_epi32(shifted, multiplier);
  const __m256i odd = _mm256_mul_epi32(_mm256_srli_epi64(shifted, 32), _mm256_srli_epi64(multiplier, 32));
  const __m256i high = _mm256_blend_epi32(_mm256_srli_epi64(_mm256_add_epi64(even, half), 31),
                                          _mm256_slli_epi64(_mm256_add_epi64(odd, half), 1), 0xaa);
  const __m256i one = _mm256_set1_epi32(1), mask = _mm256_sub_epi32(_mm256_sllv_epi32(one, right), one);
  const __m256i threshold = _mm256_add_epi32(_mm256_srli_epi32(mask, 1), _mm256_srli_epi32(high, 31));
  const __m256i up = _mm256_cmpgt_epi32(_mm256_and_si256(high, mask), threshold);
  return clamp(_mm256_sub_epi32(_mm256_srav_epi32(high, right), up));
}
)";
// There is no arithmetic shift of 64-bit lanes: the sign is made positive before, and put back.
constexpr char kSingle256[] = R"(static inline __m256i scale_lanes(__m256i product, __m256i total) {
  const __m256i sign = _mm256_set1_epi64x((long long)(1ull << 63));
  const __m256i half = _mm256_sllv_epi64(_mm256_set1_epi64x(1), _mm256_sub_epi64(total, _mm256_set1_epi64x(1)));
  const __m256i rounded = _mm256_xor_si256(_mm256_add_epi64(product, half), sign);
  return _mm256_sub_epi64(_mm256_srlv_epi64(rounded, total), _mm256_srlv_epi64(sign, total));
}
static inline __m256i requantize(__m256i acc, __m256i multiplier, __m256i shift) {
  const __m256i total = _mm256_sub_epi32(_mm256_set1_epi32(31), shift);
  const __m256i low = _mm256_set1_epi64x(0xffffffff);
  const __m256i even = scale_lanes(_mm256_mul_epi32(acc, multiplier), _mm256_and_si256(total, low));
  const __m256i odd = scale_lanes(_mm256_mul_epi32(_mm256_srli_epi64(acc, 32), _mm256_srli_epi64(multiplier, 32)),
                                  _mm256_srli_epi64(total, 32));
  return clamp(_mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa));
}
)";

constexpr char kRequantize512[] =
    R"(static inline __m512i load_channels(const int32_t* p) { return _mm512_loadu_si512(p); }
static inline __m512i clamp(__m512i scaled) {
  scaled = _mm512_max_epi32(_mm512_min_epi32(scaled, _mm512_set1_epi32($HIGH)), _mm512_set1_epi32($LOW));
  return _mm512_add_epi32(scaled, _mm512_set1_epi32($ZERO));
}
static inline void store_channels(int8_t* p, __m512i scaled, int channels) {
  _mm512_mask_cvtepi32_storeu_epi8(p, (__mmask16)((1u << channels) - 1), scaled);
}
)";
constexpr char kDouble512[] =
    R"(static inline __m512i requantize(__m512i acc, __m512i multiplier, __m512i shift) {
  const __m512i none = _mm512_setzero_si512(), half = _mm512_set1_epi64(1 << 30);
  const __m512i shifted = _mm512_sllv_epi32(acc, _mm512_max_epi32(shift, none));
  const __m512i right = _mm512_max_epi32(_mm512_sub_epi32(none, shift), none);
  const __m512i even = _mm512_mul_epi32(shifted, multiplier);
  const __m512i odd = _mm512_mul_epi32(_mm512_srli_epi64(shifted, 32), _mm512_srli_epi64(multiplier, 32));
  const __m512i high = _mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64(_mm512_add_epi64(even, half), 31),
                                               _mm512_slli_epi64(_mm512_add_epi64(odd, half), 1));
  const __m512i one = _mm512_set1_epi32(1), mask = _mm512_sub_epi32(_mm512_sllv_epi32(one, right), one);
  const __m512i threshold = _mm512_add_epi32(_mm512_srli_epi32(mask, 1), _mm512_srli_epi32(high, 31));
  const __mmask16 up = _mm512_cmpgt_epi32_mask(_mm512_and_si512(high, mask), threshold);
  const __m512i scaled = _mm512_srav_epi32(high, right);
  return clamp(_mm512_mask_add_epi32(scaled, up, scaled, one));
}
)";
constexpr char kSingle512[] = R"(static inline __m512i scale_lanes(__m512i product, __m512i total) {
  const __m512i one = _mm512_set1_epi64(1);
  return _mm512_srav_epi64(_mm512_add_epi64(product, _mm512_sllv_epi64(one, _mm512_sub_epi64(total, one))), total);
}
static inline __m512i requantize(__m512i acc, __m512i multiplier, __m512i shift) {
  const __m512i total = _mm512_sub_epi32(_mm512_set1_epi32(31), shift);
  const __m512i low = _mm512_set1_epi64(0xffffffff);
  const __m512i even = scale_lanes(_mm512_mul_epi32(acc, multiplier), _mm512_and_si512(total, low));
  const __m512i odd = scale_lanes(_mm512_mul_epi32(_mm512_srli_epi64(acc, 32), _mm512_srli_epi64(multiplier, 32)),
                                  _mm512_srli_epi64(total, 32));
  return clamp(_mm512_mask_blend_epi32(0xaaaa, even, _mm512_slli_epi64(odd, 32)));
}
)";

}  // namespace

std::vector<const DotKernel*> X86DotKernels(const Target& target) {
  static const DotKernel pairs256{.name = "vpmaddwd",
                                  .isa = DotIsa::kAvx2,
                                  .lanes = 8,
                                  .group = 2,
                                  .lhs = DotElement::kI16,
                                  .rhs = DotElement::kI16};
  static const DotKernel pairs512{.name = "vpmaddwd512",
                                  .isa = DotIsa::kAvx512,
                                  .lanes = 16,
                                  .group = 2,
                                  .lhs = DotElement::kI16,
                                  .rhs = DotElement::kI16};
  static const DotKernel bytes512{.name = "vpdpbusd",
                                  .isa = DotIsa::kAvx512,
                                  .lanes = 16,
                                  .group = 4,
                                  .lhs = DotElement::kU8,
                                  .rhs = DotElement::kI8};
  static const DotKernel channels256{
      .name = "vpmaddwd_dw", .isa = DotIsa::kAvx2, .lanes = 8, .rhs = DotElement::kI16, .elementwise = true};
  static const DotKernel channels512{.name = "vpmaddwd512_dw",
                                     .isa = DotIsa::kAvx512,
                                     .lanes = 16,
                                     .rhs = DotElement::kI16,
                                     .elementwise = true};
  std::vector<const DotKernel*> kernels;
  if (HasFeature(target, "avx2")) kernels.insert(kernels.end(), {&pairs256, &channels256});
  if (HasFeature(target, "avx512bw")) kernels.insert(kernels.end(), {&pairs512, &channels512});
  if (HasFeature(target, "avx512_vnni")) kernels.push_back(&bytes512);
  return kernels;
}

std::vector<const char*> X86DotText(const DotKernel& kernel, Rounding rounding) {
  const bool twice = rounding == Rounding::kDouble;
  if (kernel.isa == DotIsa::kAvx2) {
    return {kCommon, kernel.elementwise ? kChannels256 : kPairs256, kRequantize256,
            twice ? kDouble256 : kSingle256};
  }
  const char* const body = kernel.elementwise              ? kChannels512
                           : kernel.lhs == DotElement::kU8 ? kBytes512
                                                           : kPairs512;
  return {kCommon, body, kRequantize512, twice ? kDouble512 : kSingle512};
}

}  // namespace tunefarm::schedules
