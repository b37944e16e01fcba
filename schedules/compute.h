// Compute definitions: what an operator computes, as an index expression over buffers, with no word about
// how.
//
//   out[spatial...] = epilogue(sum over reduction axes of lhs[affine...] * rhs[affine...])
//
// and for int8, where the epilogue is at most the bias, both it and the sum in int32,
//
//   out[spatial...] = requantize(epilogue(sum of (lhs[affine...] - input_zero_point) * rhs[affine...]))
//
// Other formulas (Formula) have their own reductions and scales.
// From it come the flop count, the reference's oracle, the legality checks and the derived schedule space.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schedules/workload.h"

namespace tunefarm::schedules {

enum class AxisKind { kSpatial, kReduction };
struct Axis {
  std::string name;  // "oh", "ci": as in the workload's text where it has one.
  int64_t extent;
  AxisKind kind;
};

// constant + sum of coefficient * axis. At most one term an axis.
struct AffineTerm {
  int axis;
  int64_t coefficient;
};
struct AffineIndex {
  std::vector<AffineTerm> terms;
  int64_t constant = 0;
};

enum class TensorRole { kInput, kConstant, kOutput };
struct Tensor {
  std::string name;  // A C identifier.
  TensorRole role;   // Constants may be packed when the kernel is prepared; inputs only while it runs.
  std::vector<int64_t> shape;  // Dense, row-major, in the layout the workload names.
  DType dtype = DType::kF32;
};

int8_t BytesOf(DType dtype);  // Of an element.

// An index per dimension of the tensor. An input read outside its shape is 0 (padding); an int8 one is the
// input zero point, so that it adds nothing.
struct TensorAccess {
  int tensor = -1;  // -1: there is none.
  std::vector<AffineIndex> index;
};

struct EpilogueOp {
  EpilogueStep step;
  TensorAccess operand;  // For bias and residual; tensor is -1 for the others.
};

// What is done with the elements that the axes name.
enum class Formula {
  kMultiplyAdd,  // Sum of lhs * rhs.
  kMean,         // Of the lhs that lie inside, rounded to the nearest, ties away from zero; clamped.
  kMax,          // Of the lhs that lie inside; clamped.
  kAdd,          // Two inputs, each with its own scale: see ScaledAddition.
  kSoftmax,      // Along the last axis, which is both the reduction and the output's: int8_reference.h.
};

// From the int32 sum back to int8 (schedules/fixed_point.h holds the arithmetic, and its source):
//
//   clamp(output_zero_point + MultiplyByQuantizedMultiplier(sum, multiplier[...], shift[...], rounding),
//         output_min, output_max)
//
// multiplier and shift are int32 tensors with an element per output channel: the real factor is multiplier *
// 2^(shift - 31), the multiplier in [2^30, 2^31), the shift in [-31, 30], positive to the left.
struct Requantize {
  int32_t input_zero_point = 0, output_zero_point = 0;
  int32_t output_min = -128, output_max = 127;
  Rounding rounding = Rounding::kDouble;
  // Pooling has neither. Of softmax: what a difference of inputs is scaled by, to 5 integer bits; one
  // element.
  TensorAccess multiplier, shift;
};

// TFLite's int8 addition: an input less its zero point, shifted left by 20, is scaled by its element (0: lhs,
// 1: rhs) of input_multiplier and input_shift; the sum is requantised by the one element of multiplier and
// shift.
struct ScaledAddition {
  int32_t rhs_zero_point = 0;                   // The lhs' is Requantize::input_zero_point.
  int input_multiplier = -1, input_shift = -1;  // Tensors.
  static constexpr int kLeftShift = 20;
};

struct ComputeDefinition {
  std::string name;        // The operator's.
  std::vector<Axis> axes;  // Spatial ones first, in the order of the output's dimensions, then reductions.
  std::vector<Tensor> tensors;  // In the kernel's argument order; the output is last.
  TensorAccess output;          // Spatial axes only.
  Formula formula = Formula::kMultiplyAdd;
  TensorAccess lhs, rhs;  // The factors. By convention rhs is the constant one (weights) where there is one.
  std::vector<EpilogueOp> epilogue;
  std::optional<Requantize> requantize;    // Of int8 workloads.
  std::optional<ScaledAddition> addition;  // Of kAdd.
  // Multiply and add count as two; of other formulas: each element of a pooling window one, an addition one,
  // an element of softmax four (maximum, exponential, sum, scale).
  double flop = 0;

  double terms() const;  // Of one sum: the product of the reductions' extents.
};

// Argument order: lhs, rhs, then bias and residual (in this order) where the epilogue has them, for int8 the
// multiplier and the shift, then the output. Of the other int8 operators: input, output (pooling); lhs, rhs,
// input_multiplier, input_shift, multiplier, shift, output (add); input, multiplier, shift, output (softmax).
// Tensors are called lhs, rhs (matmul, batch_matmul), weights (the others), input (convolutions), bias,
// residual, output. Axes are called as in the workload's text, with oh and ow for the output's rows and
// columns. Grouped convolution has the group "g" as a spatial axis of its own, with co and ci counted within
// the group; a depthwise one has "c" and, when there is more than one, "mult". Reductions are in the order of
// the weights' dimensions: ci, kh, kw for nchw; kh, kw, ci for nhwc. Blocked layouts have blocks and channels
// within a block as axes of their own: n, g, cob, oh, ow, co | cib, kh, kw, ci; depthwise n, cb, oh, ow, c |
// kh, kw. Axes of extent 1 are there as well (n,
// kh, kw), but for a single group or multiplier.
ComputeDefinition DefineCompute(const Workload& workload);

}  // namespace tunefarm::schedules
