// How a fast product's factors are packed, as C: scaled, in Strassen's sums of blocks, in reading order.
#pragma once

#include <string>

#include "schedules/c_text.h"
#include "schedules/fast_product_layout.h"
#include "schedules/strassen.h"

namespace tunefarm::schedules {

// What the printed functions are for; refers to what must outlive it.
struct FastProductKernel {
  const ComputeFacts& facts;
  const ProductFactors& factors;
  const FastProductPlan& plan;
  const FastProductLayout& layout;
  const BlockProducts& form;
};

// Types and helpers of the functions below.
void PrintPackingTypes(const FastProductKernel& kernel, CText& out);

// void pack_constant(const float* from, float* to): all groups of the factor that is constant, whose elements
// may be anywhere from `from` on.
void PrintPackConstant(const FastProductKernel& kernel, CText& out);

// void gather_rows(const float* tensor, long axis... (the outer ones), const long* numbers, float* copies): a
// group of rows, GatheredRow() apart, with a row's terms one after the other, zeros where they lie outside of
// the tensor, and zeros up to RowTerms().
void PrintGatherRows(const FastProductKernel& kernel, CText& out);

// void pack_rows(const float* const* rows, float* to, float* pairs, float* scales): a group of rows, whose
// terms (RowTerms() of them) are contiguous. `pairs` and `scales` are the group's; the next block's pairs lie
// PackedFactor::all_pairs on. Where last groups are short, with long exist: those behind it are zeros.
void PrintPackRows(const FastProductKernel& kernel, CText& out);

// void measure_lanes(const float* from, long next, long vectors, float* scales): the scales of vectors of
// lanes, which are contiguous, with `next` elements from term to term. void pack_lanes(const float* from,
// long next, float* to, float* pairs, const float* scales): a group of them. Where last groups are short,
// with long exist.
void PrintPackLanes(const FastProductKernel& kernel, CText& out);

// Where the outer loops stand.
CSum OuterOffset(const FastProductKernel& kernel, const LinearAccess& access);

// How far the element is from the first for a flat index over `axes`, as C.
std::string FlatOffset(const ComputeFacts& facts, const LinearAccess& access, const std::vector<int>& axes,
                       const std::string& index);

}  // namespace tunefarm::schedules
