// Micro-kernels of int8 dot products: what one instruction (or a few) does with one group of terms, for one
// row and one vector of output channels. `tensorize` puts one inside a register tile.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schedules/compute.h"
#include "schedules/target.h"

namespace tunefarm::schedules {

// The form in which a micro-kernel reads an operand.
enum class DotElement : uint8_t {
  kI8,      // As it is; the input zero point is folded into the bias.
  kU8,      // The input plus 128; 128 and the zero point are folded into the bias.
  kRaised,  // As it is, and 128 added when it is read; the rest as for kU8.
  kI16,     // Widened; the input has its zero point subtracted.
};
int BytesOf(DotElement element);
const char* CTypeOf(DotElement element);  // "int8_t".

enum class DotIsa : uint8_t { kC, kArmDsp, kMve, kNeon, kAvx2, kAvx512 };

// How sums are scaled back. All but kAny take short cuts that do not hold for all scales and sums; the
// channel table then has other fields, and tells which channels they do not hold for.
enum class DotScaling : uint8_t {
  kAny,  // requantize(acc, multiplier, shift), for all values.
  // requantize(acc, multiplier, rounding, shift): for each channel what is added for rounding, the output's
  // zero point included, and the shift as a positive number to the right. For sums below 2^29 and shifts
  // between -22 and -1, and for results that are always the same.
  kWords,
  // requantize(acc, factor, rest, addend), or with `flip` and `before` behind these: by floats, words that
  // hold their bits (dot_scale_text_x86.cc). For scales of 2^-17 and more, and for results that are always
  // the same.
  kFloats,
};

struct DotKernel {
  const char* name;  // As a knob's value: "smlad".
  DotIsa isa = DotIsa::kC;
  int lanes = 1;  // Output channels of one accumulator.
  int group = 1;  // Terms that it sums up for each of them.
  DotElement lhs = DotElement::kI8, rhs = DotElement::kI8;
  bool quick() const { return scaling != DotScaling::kAny; }
  float dot = 1, lhs_load = 1, rhs_load = 1;  // Rough cycles of the three, for the default config.
  DotScaling scaling = DotScaling::kAny;
  // For windows whose taps are neighbours: one channel at a time, from a copy of the input in planes, its
  // taps by the plan of dot_taps.h.
  bool planar = false;
  // For windows: a vector of channels meets its own inputs, not a row's terms that all of them share.
  bool elementwise = false;
  // For windows as in dot_windows.h, if not 0: how many taps of a channel one instruction sums up, and how
  // many vectors of 32-bit lanes hold the tile of `lanes` channels.
  int window_terms = 0, window_vectors = 0;
  // Of windows: reads the input where it stands.
  bool uncopied() const { return window_terms > 0 && (lhs == DotElement::kRaised || lhs == DotElement::kI8); }
  // Tiles of no more lanes at the end of the channels are computed in shorter vectors, by types and functions
  // whose names end in "_narrow". 0: there are none.
  int narrow_lanes = 0;
  // Multiplies sums of two terms of the input with sums of two weights (dot_pair_sums.h). Of a vector's
  // channels, the first two weights of each group come first, then the others.
  bool paired = false;
  // The order in which a group's terms of the weights are stored: slot s holds term order[s]. Empty: as they
  // come.
  std::vector<int> order = {};
};

// All micro-kernels that the target has the instructions for; "c" is always there, and first.
std::vector<const DotKernel*> DotKernelsOf(const Target& target);

// General registers that a program may use for numbers and addresses.
int CoreRegisters(const Target& target);

// C functions by fixed names, which the printed tile calls:
//   sums                                    a vector of int32 accumulators (a typedef)
//   lhs_terms load_lhs(const LHS* p)        a group of terms of a row
//   rhs_terms load_rhs(const RHS* p)        a group of terms of each of the vector's channels
//   sums dot(sums acc, lhs_terms l, rhs_terms r)
//   sums load_channels(const int32_t* p)    bias, multiplier or shift of the vector's channels
//   sums start(sums channels, uint32_t input)     for paired ones: without what dot() has too much
//   void store_channels(int8_t* p, sums scaled, int channels)    the first of them, as int8
//   sums requantize(sums acc, sums multiplier, sums shift)       to the clamped output, as int32; with other
//                                                                parameters by DotScaling
//   int32_t scale(int32_t acc, int32_t multiplier, int32_t shift)       exact for all values, not clamped
// for windows (window_terms) a number of rows, `pitch` elements apart, and the weights' address instead of
// their terms
//   lhs_terms load_rows1(const LHS* p, long pitch), load_rows2 ... of as many rows as a lane has terms
//   sums dot(sums acc, lhs_terms l, const RHS* r)
// for paired ones, for which the weights are read from memory where registers are short, and what start()
// takes away, for `windows` windows of `groups` groups in each of `rows` rows
//   sums dot_folded(sums acc, lhs_terms l, folded_terms r), folded_terms fold_rhs(const RHS* p)
//   void sum_pairs(uint32_t* to, const LHS* from, long rows, long pitch, long windows, long step, long
//   groups)
// and for the planar micro-kernels
//   int16x2_t load_word(const int16_t* p)
//   void convert_planes(int16_t* to, long plane, const int8_t* from, long pixel, long count, long channels)
//   void fill_planes(int16_t* to, long plane, long count, long channels)
// and for the others
//   void convert(LHS* to, const int8_t* from, long count)        the input in the form that load_lhs reads
//   void fill(LHS* to, long count)                               padding in the same form
//   int32_t exact_result(int32_t sum, int32_t multiplier, int32_t shift)    the same, clamped, with the zero
//                                                                           point; with short cuts only
//   int fit_scale(int32_t* entry, long tile, int32_t multiplier, int32_t shift, int64_t low, int64_t high)
//     for kFloats: the entry of a channel with sums between these, whose bias stands there already
//   uint32_t round_down(void), void round_as(uint32_t)
//     for kFloats with eight lanes: how the thread rounds while requantize() is called, and as it did before
std::string DotKernelText(const DotKernel& kernel, const Requantize& requantize);

// The fields of the channel table, each a parameter of requantize() but the first, "bias".
std::vector<const char*> ChannelFields(const DotKernel& kernel, const Requantize& requantize);

// requantize() wants round_down().
bool RoundsDown(const DotKernel& kernel);

// What the bias loses for each weight, times the weight, when the lhs is read in this form.
int32_t FoldedOffset(DotElement lhs, const Requantize& requantize);

}  // namespace tunefarm::schedules
