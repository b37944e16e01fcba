// Requantisation on x86-64 by floats, exact to the last bit.
//
// A result is floor(y) where y = factor * sum + C, clamped, for real numbers. With r = -shift, m =
// multiplier, factor = m * 2^(shift - 31) and z the output's zero point:
//   single: C = z + 1/2
//   double: h = floor(sum * m / 2^31 + 1/2), which is rounded again, ties away from zero. That moves where a
//           result ends by half a unit of h, which is 2^-(r + 1) of the output's:
//           C = z + 1/2 + 2^-(r + 1) for sum >= 0, z + 1/2 - 2^-(r + 1) for sum < 0; as for single if r <= 0.
// Two lines are told apart where results below z are wanted alone: sums below 0 give z at most.
//
// Rounding towards minus infinity leaves floors alone: floor(down(y)) = floor(y). So there is no error but
// that of the constants: the factor is a sum of two floats, and C is taken from the sums as the integer
// `before` = floor(C / factor), which comes with the bias, so that what is left of it is below the factor and
// a float as exact. Sums whose results are not clamped are below 2^24, and exact as floats; beyond, all steps
// are monotone.
//
// Whether a channel's results are exact is not taken on trust: they are monotone in the sum, as TFLite's are,
// so that both agree for all sums if they do at the two sums at each end of a result, 510 at most.
// fit_scale() looks at these, by the very function that the kernel calls, and tries neighbouring floats
// before it gives up.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "schedules/dot_kernel_text.h"

namespace tunefarm::schedules {
namespace {

// 16 lanes round as the instruction says; 8 as the control register does.
constexpr char kScale512[] = R"(static inline __m512i $REQUANTIZE(__m512i acc$WORDS_OF_CHANNELS) {
$CHOOSE  const __m512 sum = _mm512_cvt_roundepi32_ps(acc, $DOWN);
  const __m512 low = _mm512_fmadd_round_ps(sum, _mm512_castsi512_ps(rest), _mm512_castsi512_ps(addend), $DOWN);
  return _mm512_cvt_roundps_epi32(_mm512_fmadd_round_ps(sum, _mm512_castsi512_ps(factor), low, $DOWN), $DOWN);
}
)";
constexpr char kScale256[] = R"(static inline __m256i $REQUANTIZE(__m256i acc$WORDS_OF_CHANNELS) {
$CHOOSE  const __m256 sum = _mm256_cvtepi32_ps(acc);
  const __m256 low = _mm256_fmadd_ps(sum, _mm256_castsi256_ps(rest), _mm256_castsi256_ps(addend));
  return _mm256_cvtps_epi32(_mm256_fmadd_ps(sum, _mm256_castsi256_ps(factor), low));
}
)";
// The line of sums below 0.
constexpr char kChoose512[] =
    "  addend = _mm512_mask_xor_epi32(addend, _mm512_cmplt_epi32_mask(acc, before), addend, flip);\n";
constexpr char kChoose256[] =
    "  addend = _mm256_xor_si256(addend, _mm256_and_si256(flip, _mm256_cmpgt_epi32(before, acc)));\n";

// No instruction that computes is moved across: what goes into it is read from memory behind the first of the
// two, what comes out is written before the second.
constexpr char kRound[] = R"(static inline uint32_t round_down(void) {
  uint32_t before;
  const uint32_t down = 0x3f80;  // Towards minus infinity, and without exceptions.
  __asm__ volatile("stmxcsr %0\n\tldmxcsr %1" : "=m"(before) : "m"(down) : "memory");
  return before;
}
static inline void round_as(uint32_t before) { __asm__ volatile("ldmxcsr %0" : : "m"(before) : "memory"); }
)";

// Of a channel whose sums lie between `low` and `high`. 0: not by floats.
constexpr char kFit[] =
    R"(static __attribute__((noinline, noclone)) int results_agree(const int32_t* sums_at, const int32_t* wanted, long count, const int32_t* parameters) {
  int agree = 1;
  $ROUND_DOWN
  for (long i = 0; i < count; i += $LANES) {
    union {
      __m$WIDTHi vector;
      int32_t at[$LANES];
    } x;
    x.vector = _mm$WIDTH_add_epi32(_mm$WIDTH_loadu_si$WIDTH((const void*)(sums_at + i)), _mm$WIDTH_set1_epi32(parameters[0]));
    x.vector = $REQUANTIZE(x.vector$BROADCAST);
    for (long j = i; j < i + $LANES && j < count; ++j) {
      const int32_t y = x.at[j - i];
      agree &= (y < $MIN ? $MIN : y > $MAX ? $MAX : y) == wanted[j];
    }
  }
  $ROUND_BACK
  return agree;
}
static __attribute__((noinline)) int fit_scale(int32_t* entry, long tile, int32_t multiplier, int32_t shift, int64_t low, int64_t high) {
  const int64_t size = -low > high ? -low : high;
  if (multiplier < 0 || shift < -31 || shift > 30) return 0;
  const double power = shift < 0 ? 1.0 / (1u << -shift) : 1u << shift, scaling = multiplier * power / 2147483648.0;
  const double inverse = multiplier == 0 ? 0 : 1 / scaling, twice_half = $DOUBLE && shift < 0 ? power : 0;
  const double upper = $ZERO + 0.5 + twice_half / 2, at = upper * inverse;
  // Words must hold all that follows.
  if (at <= -(1 << 29) || at >= 1 << 29 || size >= 1 << 29 || (double)size * power >= 1 << 30) return 0;
  const double before = (double)((int64_t)at - ((double)(int64_t)at > at)), most = (double)size + (before < 0 ? -before : before);
  if (most * scaling >= 1 << 30) return 0;
  int32_t sums_at[2 * 256 + $LANES] = {(int32_t)low, (int32_t)high}, wanted[2 * 256];
  long count = 2;
  for (int32_t result = $MIN + 1; multiplier != 0 && result <= $MAX; ++result) {
    const double guess = (result - (result > $ZERO ? upper : upper - twice_half)) * inverse;
    if (guess < (double)low - 2 || guess > (double)high + 2) continue;
    long first = (long)guess;
    while (first > low && exact_result((int32_t)first - 1, multiplier, shift) >= result) --first;
    while (first <= high && exact_result((int32_t)first, multiplier, shift) < result) ++first;
    for (long sum = first - 1; sum <= first; ++sum) {
      if (sum >= low && sum <= high) sums_at[count++] = (int32_t)sum;
    }
  }
  for (long i = 0; i < count; ++i) wanted[i] = exact_result(sums_at[i], multiplier, shift);
  union {
    float number;
    int32_t word;
  } factor, rest, addend, lower;
  factor.number = (float)scaling;
  rest.number = (float)(scaling - factor.number);
  static const signed char nudges[] = {0, 1, -1, 2, -2, 4, -4, 8, -8};
  for (unsigned i = 0; i < sizeof nudges; ++i) {
    addend.number = (float)(upper - before * scaling);
    lower.number = (float)(upper - before * scaling - twice_half);
    addend.word += nudges[i];
    lower.word += lower.number < 0 ? -nudges[i] : nudges[i];
    const int32_t parameters[] = {(int32_t)before, factor.word, rest.word, addend.word, addend.word ^ lower.word, (int32_t)before};
    if (!results_agree(sums_at, wanted, count, parameters)) continue;
    entry[0] = (int32_t)((uint32_t)entry[0] + (uint32_t)parameters[0]);
    for (int field = 1; field < $FIELDS; ++field) entry[field * tile] = parameters[field];
    return 1;
  }
  return 0;
}
)";

}  // namespace

bool HasTwoLines(const Requantize& requantize) {
  return requantize.rounding == Rounding::kDouble && requantize.output_min < requantize.output_zero_point;
}

std::string X86ScaleText(const DotKernel& kernel, const Requantize& requantize) {
  const bool wide = kernel.isa == DotIsa::kAvx512, two = HasTwoLines(requantize);
  const std::vector<const char*> fields = ChannelFields(kernel, requantize);
  const std::string vector = wide ? "__m512i " : "__m256i ";
  std::string words, broadcast;
  for (std::size_t f = 1; f < fields.size(); ++f) {
    absl::StrAppend(&words, ", ", vector, fields[f]);
    absl::StrAppend(&broadcast, ", _mm$WIDTH_set1_epi32(parameters[", f, "])");
  }
  return absl::StrReplaceAll(absl::StrCat(wide ? kScale512 : kScale256, wide ? "" : kRound, kFit),
                             {{"$WORDS_OF_CHANNELS", words},
                              {"$CHOOSE", !two   ? ""
                                          : wide ? kChoose512
                                                 : kChoose256},
                              {"$BROADCAST", broadcast},
                              {"$FIELDS", absl::StrCat(fields.size())},
                              {"$DOUBLE", requantize.rounding == Rounding::kDouble ? "1" : "0"},
                              {"$DOWN", "_MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC"},
                              {"$ROUND_DOWN", wide ? "" : "const uint32_t rounding = round_down();"},
                              {"$ROUND_BACK", wide ? "" : "round_as(rounding);"}});
}

}  // namespace tunefarm::schedules
