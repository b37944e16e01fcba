// The C text of the micro-kernels for windows on x86-64 (schedules/dot_windows.h): four rows of bytes by
// VNNI, or two of int16 by vpmaddwd.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "schedules/dot_kernel_text.h"

namespace tunefarm::schedules {
namespace {

// Of an input that was copied in the form that is multiplied, of bytes with 128 added, and of int16.
constexpr char kLoadCopied[] =
    R"(static inline __m$WIDTHi load_row(const $LHS* p) { return _mm$WIDTH_loadu_si$WIDTH((const void*)p); }
)";
constexpr char kLoadRaised[] = R"(static inline __m$WIDTHi load_row(const int8_t* p) {
  return _mm$WIDTH_xor_si$WIDTH(_mm$WIDTH_loadu_si$WIDTH((const void*)p), _mm$WIDTH_set1_epi8(-128));
}
)";
constexpr char kLoadWidened[] = R"(static inline __m$WIDTHi load_row(const int8_t* p) {
  __m$WIDTHi terms;
  __asm__("vpmovsxbw %1, %0" : "=v"(terms) : "m"(*(const __m$HALFi*)p));
  return terms;
}
)";
constexpr char kBytesRows[] = R"(typedef struct {
  __m$WIDTHi v0, v1, v2, v3;
} sums;
typedef sums lhs_terms;
$LOAD_ROW
static inline lhs_terms interleave(__m$WIDTHi a, __m$WIDTHi b, __m$WIDTHi c, __m$WIDTHi d) {
  const __m$WIDTHi ab = _mm$WIDTH_unpacklo_epi8(a, b), ab_high = _mm$WIDTH_unpackhi_epi8(a, b);
  const __m$WIDTHi cd = _mm$WIDTH_unpacklo_epi8(c, d), cd_high = _mm$WIDTH_unpackhi_epi8(c, d);
  return (lhs_terms){_mm$WIDTH_unpacklo_epi16(ab, cd), _mm$WIDTH_unpackhi_epi16(ab, cd),
                     _mm$WIDTH_unpacklo_epi16(ab_high, cd_high), _mm$WIDTH_unpackhi_epi16(ab_high, cd_high)};
}
static inline lhs_terms load_rows1(const $LHS* p, long pitch) {
  (void)pitch;
  const __m$WIDTHi none = _mm$WIDTH_setzero_si$WIDTH();
  return interleave(load_row(p), none, none, none);
}
static inline lhs_terms load_rows2(const $LHS* p, long pitch) {
  const __m$WIDTHi none = _mm$WIDTH_setzero_si$WIDTH();
  return interleave(load_row(p), load_row(p + pitch), none, none);
}
static inline lhs_terms load_rows3(const $LHS* p, long pitch) {
  return interleave(load_row(p), load_row(p + pitch), load_row(p + 2 * pitch), _mm$WIDTH_setzero_si$WIDTH());
}
static inline lhs_terms load_rows4(const $LHS* p, long pitch) {
  return interleave(load_row(p), load_row(p + pitch), load_row(p + 2 * pitch), load_row(p + 3 * pitch));
}
)";
constexpr char kBytesDot256[] = R"(static inline __m256i dot_words(__m256i acc, __m256i l, const int8_t* r) {
#ifdef __AVX512VL__
  __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(l), "m"(*(const __m256i*)r));
#else
  __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(acc) : "x"(l), "m"(*(const __m256i*)r));
#endif
  return acc;
}
)";
constexpr char kBytesDot512[] = R"(static inline __m512i dot_words(__m512i acc, __m512i l, const int8_t* r) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(l), "m"(*(const __m512i*)r));
  return acc;
}
)";
constexpr char kBytesSums[] = R"(static inline sums dot(sums acc, lhs_terms l, const int8_t* r) {
  acc.v0 = dot_words(acc.v0, l.v0, r);
  acc.v1 = dot_words(acc.v1, l.v1, r + $BYTES);
  acc.v2 = dot_words(acc.v2, l.v2, r + 2 * $BYTES);
  acc.v3 = dot_words(acc.v3, l.v3, r + 3 * $BYTES);
  return acc;
}
)";
constexpr char kBytesScale[] =
    R"(static inline sums load_channels(const int32_t* p) { return (sums){load_words(p), load_words(p + $LANES), load_words(p + 2 * $LANES), load_words(p + 3 * $LANES)}; }
static inline sums requantize(sums acc$SUMS) {
  return (sums){requantize_words(acc.v0$OF(v0)),
                requantize_words(acc.v1$OF(v1)),
                requantize_words(acc.v2$OF(v2)),
                requantize_words(acc.v3$OF(v3))};
}
)";
constexpr char kBytes256Store[] = R"(static inline void store_channels(int8_t* p, sums scaled, int channels) {
  const __m256i bytes = $LIMIT256(_mm256_packs_epi16(_mm256_packs_epi32(scaled.v0, scaled.v1),
                                                     _mm256_packs_epi32(scaled.v2, scaled.v3)));
  if (channels == 32) {
    _mm256_storeu_si256((__m256i*)p, bytes);
  } else {
    __builtin_memcpy(p, &bytes, channels);
  }
}
)";
constexpr char kBytes512Store[] = R"(static inline void store_channels(int8_t* p, sums scaled, int channels) {
  const __m512i bytes = $LIMIT512(_mm512_packs_epi16(_mm512_packs_epi32(scaled.v0, scaled.v1),
                                                     _mm512_packs_epi32(scaled.v2, scaled.v3)));
  if (channels == 64) {
    _mm512_storeu_si512(p, bytes);
  } else {
    _mm512_mask_storeu_epi8(p, (1ull << channels) - 1, bytes);
  }
}
)";
constexpr char kPairs[] = R"(typedef struct {
  __m$WIDTHi v0, v1;
} sums;
typedef sums lhs_terms;
$LOAD_ROW
static inline lhs_terms interleave(__m$WIDTHi a, __m$WIDTHi b) {
  return (lhs_terms){_mm$WIDTH_unpacklo_epi16(a, b), _mm$WIDTH_unpackhi_epi16(a, b)};
}
static inline lhs_terms load_rows1(const $LHS* p, long pitch) {
  (void)pitch;
  return interleave(load_row(p), _mm$WIDTH_setzero_si$WIDTH());
}
static inline lhs_terms load_rows2(const $LHS* p, long pitch) { return interleave(load_row(p), load_row(p + pitch)); }
static inline __m$WIDTHi dot_words(__m$WIDTHi acc, __m$WIDTHi l, const int16_t* r) {
  __m$WIDTHi products;
  __asm__("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0"
          : "+v"(acc), "=&v"(products)
          : "v"(l), "m"(*(const __m$WIDTHi*)r));
  return acc;
}
static inline sums dot(sums acc, lhs_terms l, const int16_t* r) {
  acc.v0 = dot_words(acc.v0, l.v0, r);
  acc.v1 = dot_words(acc.v1, l.v1, r + $WORDS);
  return acc;
}
)";
constexpr char kPairsScale[] =
    R"(static inline sums load_channels(const int32_t* p) { return (sums){load_words(p), load_words(p + $LANES)}; }
static inline sums requantize(sums acc$SUMS) {
  return (sums){requantize_words(acc.v0$OF(v0)),
                requantize_words(acc.v1$OF(v1))};
}
)";
constexpr char kPairs256Store[] = R"(static inline void store_channels(int8_t* p, sums scaled, int channels) {
  const __m256i halves = _mm256_packs_epi32(scaled.v0, scaled.v1);
  const __m128i bytes = $LIMIT(_mm_packs_epi16(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1)));
  if (channels == 16) {
    _mm_storeu_si128((__m128i*)p, bytes);
  } else {
    __builtin_memcpy(p, &bytes, channels);
  }
}
)";
constexpr char kPairs512Store[] = R"(static inline void store_channels(int8_t* p, sums scaled, int channels) {
  const __m256i bytes = $LIMIT256(_mm512_cvtsepi16_epi8(_mm512_packs_epi32(scaled.v0, scaled.v1)));
  if (channels == 32) {
    _mm256_storeu_si256((__m256i*)p, bytes);
  } else {
    _mm256_mask_storeu_epi8(p, (__mmask32)((1ull << channels) - 1), bytes);
  }
}
)";
constexpr char kLoadWords[] =
    R"(static inline __m$WIDTHi load_words(const int32_t* p) { return _mm$WIDTH_loadu_si$WIDTH((const void*)p); }
)";
constexpr char kLimit256[] = R"(static inline __m256i limit256(__m256i bytes) {
  return _mm256_min_epi8(_mm256_max_epi8(bytes, _mm256_set1_epi8($MIN)), _mm256_set1_epi8($MAX));
}
)";
constexpr char kLimit512[] = R"(static inline __m512i limit512(__m512i bytes) {
  return _mm512_min_epi8(_mm512_max_epi8(bytes, _mm512_set1_epi8($MIN)), _mm512_set1_epi8($MAX));
}
)";

// Of at most 16 channels of a wide tile: the first quarter of each of its vectors. Put together they are a
// vector of channels in their order.
constexpr char kNarrowScale[] = R"(static inline sums_narrow load_channels_narrow(const int32_t* p) {
  return (sums_narrow){_mm_loadu_si128((const void*)p), _mm_loadu_si128((const void*)(p + $LANES)),
                       _mm_loadu_si128((const void*)(p + 2 * $LANES)), _mm_loadu_si128((const void*)(p + 3 * $LANES))};
}
static inline __m512i join(sums_narrow x) {
  return _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_set_m128i(x.v1, x.v0)), _mm256_set_m128i(x.v3, x.v2), 1);
}
static inline __m512i requantize_narrow(sums_narrow acc$DECLARED) { return requantize_words(join(acc)$JOINED); }
static inline void store_channels_narrow(int8_t* p, __m512i scaled, int channels) {
  _mm_mask_storeu_epi8(p, (__mmask16)((1u << channels) - 1), $LIMIT(_mm512_cvtsepi32_epi8(scaled)));
}
)";

// The text of wide functions for vectors of 128 bits.
std::string Narrow(const std::string& text) {
  return absl::StrReplaceAll(text, {{"_mm$WIDTH_", "_mm_"},
                                    {"__m$WIDTHi", "__m128i"},
                                    {"__m512i", "__m128i"},
                                    {"si$WIDTH", "si128"},
                                    {"sums", "sums_narrow"},
                                    {"lhs_terms", "lhs_terms_narrow"},
                                    {"interleave(", "interleave_narrow("},
                                    {"load_row(", "load_row_narrow("},
                                    {"load_rows1(", "load_rows1_narrow("},
                                    {"load_rows2(", "load_rows2_narrow("},
                                    {"load_rows3(", "load_rows3_narrow("},
                                    {"load_rows4(", "load_rows4_narrow("},
                                    {"dot_words(", "dot_words_narrow("},
                                    {"dot(", "dot_narrow("}});
}

std::string NarrowScale(const std::vector<const char*>& fields) {
  std::string declared, joined;
  for (std::size_t f = 1; f < fields.size(); ++f) {
    absl::StrAppend(&declared, ", sums_narrow ", fields[f]);
    absl::StrAppend(&joined, ", join(", fields[f], ")");
  }
  return absl::StrReplaceAll(kNarrowScale, {{"$DECLARED", declared}, {"$JOINED", joined}});
}

}  // namespace

WindowText X86WindowText(const DotKernel& kernel, const Requantize& requantize) {
  const bool wide = kernel.isa == DotIsa::kAvx512, bytes = kernel.window_terms == 4;
  WindowText text;
  if (bytes) {
    const std::string rows = absl::StrReplaceAll(
        kBytesRows, {{"$LOAD_ROW\n", kernel.lhs == DotElement::kRaised ? kLoadRaised : kLoadCopied}});
    const std::string terms = absl::StrCat(rows, wide ? kBytesDot512 : kBytesDot256, kBytesSums);
    text.terms = terms;
    text.store = absl::StrCat(kBytesScale, wide ? kBytes512Store : kBytes256Store);
    if (kernel.narrow_lanes > 0) {
      text.terms += Narrow(terms);
      text.store += NarrowScale(ChannelFields(kernel, requantize));
    }
  } else {
    text.terms = absl::StrReplaceAll(
        kPairs, {{"$LOAD_ROW\n", kernel.lhs == DotElement::kI8 ? kLoadWidened : kLoadCopied}});
    text.store = absl::StrCat(kPairsScale, wide ? kPairs512Store : kPairs256Store);
  }
  text.terms += kLoadWords;
  if (!Saturates(requantize) && wide && bytes) text.terms += kLimit512;
  if (!Saturates(requantize) && wide != bytes) text.terms += kLimit256;
  return text;
}

}  // namespace tunefarm::schedules
