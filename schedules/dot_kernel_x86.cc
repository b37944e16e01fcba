// Int8 micro-kernels of x86-64: multiply-adds of int16 pairs (AVX2, AVX-512), and of bytes (VNNI).
#include "absl/strings/str_cat.h"
#include "schedules/dot_kernel_text.h"
#include "schedules/fixed_point_text.h"

namespace tunefarm::schedules {
namespace {

constexpr char kCommon[] = R"(#include <immintrin.h>
typedef int32_t word_anywhere __attribute__((may_alias, aligned(1)));
)";

// As assembler, so that products are added at once: gcc 12 computes many of them first, and spills them.
constexpr char kPairs[] = R"(typedef __m$WIDTHi sums;
typedef __m$WIDTHi lhs_terms, rhs_terms;
static inline __m$WIDTHi load_lhs(const int16_t* p) { return _mm$WIDTH_set1_epi32(*(const word_anywhere*)p); }
static inline __m$WIDTHi dot(__m$WIDTHi acc, __m$WIDTHi l, __m$WIDTHi r) {
  __m$WIDTHi products;
  __asm__("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0" : "+v"(acc), "=&v"(products) : "v"(l), "v"(r));
  return acc;
}
)";
constexpr char kWidened[] =
    R"(static inline __m$WIDTHi load_rhs(const int16_t* p) { return _mm$WIDTH_loadu_si$WIDTH((const void*)p); }
)";
// Weights that stay bytes: half the memory, where a few rows wait for it.
constexpr char kWidening[] = R"(static inline __m$WIDTHi load_rhs(const int8_t* p) {
  __m$WIDTHi terms;
  __asm__("vpmovsxbw %1, %0" : "=v"(terms) : "m"(*(const __m$HALFi*)p));
  return terms;
}
)";
// Products of sums, as the comment in dot_pair_sums.h says. The second sum may take the place of an operand
// that is not needed any more: tiles that fill the registers count on that. As assembler also where
// words are read: gcc 12 keeps those that neighbouring windows share, in more registers than there are.
constexpr char kPaired[] = R"(typedef __m$WIDTHi sums;
typedef struct {
  __m$WIDTHi low, high;
} lhs_terms;
typedef lhs_terms rhs_terms;
typedef struct {
  __m$WIDTHi low;
  const __m$WIDTHi* high;
} folded_terms;
static inline __m$WIDTHi broadcast(const word_anywhere* p) {
  __m$WIDTHi words;
  __asm__("vpbroadcastd %1, %0" : "=v"(words) : "m"(*p));
  return words;
}
static inline lhs_terms load_lhs(const int16_t* p) {
  return (lhs_terms){broadcast((const word_anywhere*)p), broadcast((const word_anywhere*)p + 1)};
}
static inline rhs_terms load_rhs(const int16_t* p) {
  return (rhs_terms){_mm$WIDTH_loadu_si$WIDTH((const void*)p), _mm$WIDTH_loadu_si$WIDTH((const void*)(p + $WORDS))};
}
static inline folded_terms fold_rhs(const int16_t* p) {
  return (folded_terms){_mm$WIDTH_loadu_si$WIDTH((const void*)p), (const __m$WIDTHi*)(p + $WORDS)};
}
static inline __m$WIDTHi dot(__m$WIDTHi acc, lhs_terms l, rhs_terms r) {
  __m$WIDTHi first, second;
  __asm__("vpaddw %3, %4, %1\n\tvpaddw %5, %6, %2\n\tvpmaddwd %2, %1, %1\n\tvpaddd %1, %0, %0"
          : "+v"(acc), "=&v"(first), "=v"(second)
          : "v"(r.low), "v"(l.high), "v"(r.high), "v"(l.low));
  return acc;
}
static inline __m$WIDTHi dot_folded(__m$WIDTHi acc, lhs_terms l, folded_terms r) {
  __m$WIDTHi first, second;
  __asm__("vpaddw %3, %4, %1\n\tvpaddw %5, %6, %2\n\tvpmaddwd %2, %1, %1\n\tvpaddd %1, %0, %0"
          : "+v"(acc), "=&v"(first), "=v"(second)
          : "v"(r.low), "v"(l.high), "m"(*r.high), "v"(l.low));
  return acc;
}
static inline __m$WIDTHi start(__m$WIDTHi channels, uint32_t input) {
  return _mm$WIDTH_sub_epi32(channels, _mm$WIDTH_set1_epi32((int32_t)input));
}
// The second pair of each four terms stands above the first one's place, with nothing beside it.
static inline __m256i product256(__m256i terms) { return _mm256_madd_epi16(terms, _mm256_srli_epi64(terms, 32)); }
static inline __m128i product128(__m128i terms) { return _mm_madd_epi16(terms, _mm_srli_epi64(terms, 32)); }
static inline uint32_t sum_window(const int16_t* from, long groups) {
  __m256i wide = _mm256_setzero_si256();
  for (; groups >= 4; groups -= 4, from += 16) {
    wide = _mm256_add_epi32(wide, product256(_mm256_loadu_si256((const __m256i*)from)));
  }
  __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
  if (groups & 2) {
    sum = _mm_add_epi32(sum, product128(_mm_loadu_si128((const __m128i*)from)));
    from += 8;
  }
  if (groups & 1) sum = _mm_add_epi32(sum, product128(_mm_loadl_epi64((const __m128i*)from)));
  return (uint32_t)_mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_unpackhi_epi64(sum, sum)));
}
static inline void sum_pairs(uint32_t* to, const int16_t* from, long rows, long pitch, long windows, long step, long groups) {
  for (long row = 0; row < rows; ++row, from += pitch) {
    for (long i = 0; i < windows; ++i) *to++ = sum_window(from + i * step, groups);
  }
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
// Unsigned by signed bytes: the input is read with 128 added. As assembler: with its intrinsic, gcc 12 copies
// the accumulators about until they no longer fit into the registers.
constexpr char kBytes512[] = R"(typedef __m512i sums;
typedef __m512i lhs_terms, rhs_terms;
static inline __m512i load_lhs(const uint8_t* p) { return _mm512_set1_epi32(*(const word_anywhere*)p); }
static inline __m512i load_rhs(const int8_t* p) { return _mm512_loadu_si512(p); }
static inline __m512i dot(__m512i acc, __m512i l, __m512i r) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(l), "v"(r));
  return acc;
}
)";
// The instruction that reads adds as well.
constexpr char kRaised[] = R"(typedef __m$WIDTHi sums;
typedef __m$WIDTHi lhs_terms, rhs_terms;
static inline __m$WIDTHi load_lhs(const int8_t* p) {
  return _mm$WIDTH_xor_si$WIDTH(_mm$WIDTH_set1_epi32(*(const word_anywhere*)p), _mm$WIDTH_set1_epi8(-128));
}
static inline __m$WIDTHi load_rhs(const int8_t* p) { return _mm$WIDTH_loadu_si$WIDTH((const void*)p); }
static inline __m$WIDTHi dot(__m$WIDTHi acc, __m$WIDTHi l, __m$WIDTHi r) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(l), "v"(r));
  return acc;
}
)";
constexpr char kBytes256[] = R"(typedef __m256i sums;
typedef __m256i lhs_terms, rhs_terms;
static inline __m256i load_lhs(const uint8_t* p) { return _mm256_set1_epi32(*(const word_anywhere*)p); }
static inline __m256i load_rhs(const int8_t* p) { return _mm256_loadu_si256((const __m256i*)p); }
static inline __m256i dot(__m256i acc, __m256i l, __m256i r) {
#ifdef __AVX512VL__
  __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(l), "v"(r));
#else
  __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(acc) : "x"(l), "x"(r));
#endif
  return acc;
}
)";

constexpr char kChannelsStore256[] =
    R"(static inline __m256i load_channels(const int32_t* p) { return _mm256_loadu_si256((const __m256i*)p); }
static inline void store_channels(int8_t* p, __m256i scaled, int channels) {
  const __m128i halves = _mm_packs_epi32(_mm256_castsi256_si128(scaled), _mm256_extracti128_si256(scaled, 1));
  const __m128i bytes = $LIMIT(_mm_packs_epi16(halves, halves));
  if (channels == 8) {
    _mm_storel_epi64((__m128i*)p, bytes);
  } else {
    __builtin_memcpy(p, &bytes, channels);
  }
}
)";

constexpr char kChannelsStore512[] =
    R"(static inline __m512i load_channels(const int32_t* p) { return _mm512_loadu_si512(p); }
static inline void store_channels(int8_t* p, __m512i scaled, int channels) {
  const __m128i bytes = $LIMIT(_mm512_cvtsepi32_epi8(scaled));
  if (channels == 16) {
    _mm_storeu_si128((__m128i*)p, bytes);
  } else {
    _mm_mask_storeu_epi8(p, (__mmask16)((1u << channels) - 1), bytes);
  }
}
)";
constexpr char kLimit[] = R"(static inline __m128i limit(__m128i bytes) {
  return _mm_min_epi8(_mm_max_epi8(bytes, _mm_set1_epi8($MIN)), _mm_set1_epi8($MAX));
}
)";

}  // namespace

std::vector<const DotKernel*> X86DotKernels(const Target& target) {
  static const auto make = [](const char* name, DotIsa isa, int group, DotElement lhs, DotElement rhs) {
    DotKernel kernel{.name = name, .isa = isa, .lanes = isa == DotIsa::kAvx512 ? 16 : 8, .group = group};
    kernel.lhs = lhs;
    kernel.rhs = rhs;
    kernel.scaling = DotScaling::kFloats;
    // In cycles of a core that starts two vectors of 32 bytes a cycle, or of 64 between one (Zen 4) and two
    // (Zen 5, Intel's).
    const float half = isa == DotIsa::kAvx512 ? 0.7f : 0.5f;
    kernel.dot = rhs == DotElement::kI16 ? 1.2f * half : half;
    kernel.lhs_load = kernel.rhs_load = half;
    return kernel;
  };
  static const auto pairs = [](const char* name, DotIsa isa, bool paired) {
    DotKernel kernel = make(name, isa, paired ? 4 : 2, DotElement::kI16, DotElement::kI16);
    kernel.paired = paired;
    // As measured on Zen 4: additions often take the ports that multiply.
    kernel.dot = kernel.lhs_load * (paired ? 2.0f : 1.35f);
    return kernel;
  };
  static const DotKernel pairs256 = pairs("vpmaddwd", DotIsa::kAvx2, false);
  static const DotKernel pairs512 = pairs("vpmaddwd512", DotIsa::kAvx512, false);
  static const DotKernel paired256 = pairs("vpmaddwd_paired", DotIsa::kAvx2, true);
  static const DotKernel paired512 = pairs("vpmaddwd512_paired", DotIsa::kAvx512, true);
  static const auto widening = [](const DotKernel& widened, const char* name) {
    DotKernel kernel = widened;
    kernel.name = name;
    kernel.rhs = DotElement::kI8;
    kernel.rhs_load *= 2;
    return kernel;
  };
  static const DotKernel widening256 = widening(pairs256, "vpmaddwd_w8");
  static const DotKernel widening512 = widening(pairs512, "vpmaddwd512_w8");
  static const DotKernel bytes256 = make("vpdpbusd256", DotIsa::kAvx2, 4, DotElement::kU8, DotElement::kI8);
  static const DotKernel bytes512 = make("vpdpbusd", DotIsa::kAvx512, 4, DotElement::kU8, DotElement::kI8);
  static const auto raised = [](const char* name, DotIsa isa) {
    DotKernel kernel = make(name, isa, 4, DotElement::kRaised, DotElement::kI8);
    kernel.lhs_load *= 1.2f;
    return kernel;
  };
  static const DotKernel raised256 = raised("vpdpbusd256_x8", DotIsa::kAvx2);
  static const DotKernel raised512 = raised("vpdpbusd_x8", DotIsa::kAvx512);
  static const auto channelwise = [](const char* name, DotIsa isa) {
    DotKernel kernel = make(name, isa, 1, DotElement::kI8, DotElement::kI16);
    kernel.elementwise = true;
    kernel.dot = isa == DotIsa::kAvx512 ? 3 : 2;  // With what widens its operands.
    return kernel;
  };
  static const auto windows = [](const char* name, DotIsa isa, int terms, DotElement lhs, DotElement rhs) {
    DotKernel kernel = make(name, isa, 1, lhs, rhs);
    kernel.elementwise = true;
    kernel.window_terms = kernel.window_vectors = terms;
    kernel.lanes *= terms;
    if (isa == DotIsa::kAvx512 && terms == 4) kernel.narrow_lanes = kernel.lanes / 4;
    return kernel;
  };
  static const DotKernel window_pairs256 =
      windows("vpmaddwd_window", DotIsa::kAvx2, 2, DotElement::kI16, DotElement::kI16);
  static const DotKernel window_pairs512 =
      windows("vpmaddwd512_window", DotIsa::kAvx512, 2, DotElement::kI16, DotElement::kI16);
  static const DotKernel window_bytes256 =
      windows("vpdpbusd256_window", DotIsa::kAvx2, 4, DotElement::kU8, DotElement::kI8);
  static const DotKernel window_bytes512 =
      windows("vpdpbusd_window", DotIsa::kAvx512, 4, DotElement::kU8, DotElement::kI8);
  // From the input as it is, so that windows at its edges alone are copied.
  static const auto uncopied = [](const DotKernel& window, const char* name) {
    DotKernel kernel = window;
    kernel.name = name;
    kernel.lhs = window.window_terms == 4 ? DotElement::kRaised : DotElement::kI8;
    return kernel;
  };
  static const DotKernel uncopied_pairs256 = uncopied(window_pairs256, "vpmaddwd_window_x8");
  static const DotKernel uncopied_pairs512 = uncopied(window_pairs512, "vpmaddwd512_window_x8");
  static const DotKernel uncopied_bytes256 = uncopied(window_bytes256, "vpdpbusd256_window_x8");
  static const DotKernel uncopied_bytes512 = uncopied(window_bytes512, "vpdpbusd_window_x8");
  static const DotKernel channels256 = channelwise("vpmaddwd_dw", DotIsa::kAvx2);
  static const DotKernel channels512 = channelwise("vpmaddwd512_dw", DotIsa::kAvx512);
  std::vector<const DotKernel*> kernels;
  if (!target.has_fma) return kernels;  // Results are scaled by them.
  if (HasFeature(target, "avx2"))
    kernels.insert(kernels.end(), {&pairs256, &channels256, &window_pairs256, &uncopied_pairs256});
  if (HasFeature(target, "avx512bw"))
    kernels.insert(kernels.end(), {&pairs512, &channels512, &window_pairs512, &uncopied_pairs512});
  if (HasFeature(target, "avx_vnni") || HasFeature(target, "avx512_vnni")) {
    kernels.insert(kernels.end(), {&bytes256, &window_bytes256, &uncopied_bytes256});
  } else {
    if (HasFeature(target, "avx2")) kernels.insert(kernels.end(), {&paired256, &widening256});
    if (HasFeature(target, "avx512bw")) kernels.insert(kernels.end(), {&paired512, &widening512});
  }
  if (HasFeature(target, "avx512_vnni"))
    kernels.insert(kernels.end(), {&bytes512, &window_bytes512, &uncopied_bytes512, &raised256, &raised512});
  return kernels;
}

std::string X86DotText(const DotKernel& kernel, const Requantize& requantize) {
  const bool wide = kernel.isa == DotIsa::kAvx512, bytes = kernel.lhs == DotElement::kU8;
  std::string text = kCommon;
  const auto add = [&](const std::vector<const char*>& more) {
    for (const char* part : more) text += part;
  };
  add({ScaleText(requantize.rounding), kExactResult});
  const std::string scale = X86ScaleText(kernel, requantize);
  if (kernel.window_terms > 0) {
    const WindowText window = X86WindowText(kernel, requantize);
    if (!Saturates(requantize) && ((!wide && kernel.window_terms == 2) || kernel.narrow_lanes > 0))
      text += kLimit;
    return absl::StrCat(text, window.terms, scale, window.store);
  }
  if (kernel.elementwise) {
    text += wide ? kChannels512 : kChannels256;
  } else if (kernel.lhs == DotElement::kRaised) {
    text += kRaised;
  } else if (bytes) {
    text += wide ? kBytes512 : kBytes256;
  } else {
    add(kernel.paired                   ? std::vector<const char*>{kPaired}
        : kernel.rhs == DotElement::kI8 ? std::vector<const char*>{kPairs, kWidening}
                                        : std::vector<const char*>{kPairs, kWidened});
  }
  if (!Saturates(requantize)) text += kLimit;
  text += wide ? kChannelsStore512 : kChannelsStore256;
  return text + scale;
}

}  // namespace tunefarm::schedules
