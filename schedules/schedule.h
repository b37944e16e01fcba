// A schedule: how one compute definition is computed. It starts as the plain nest of all axes and is changed
// by primitives, named as in Halide and TVM. Each says why when it refuses; a refused primitive changes
// nothing.
//
// Loops are numbered from the outermost, 0, as they stand when the primitive is called. A *position* p is the
// place just outside loop p: what is computed at position p is computed once for each iteration of the loops
// 0 .. p-1.
#pragma once

#include <cstdint>
#include <vector>

#include "base/status.h"
#include "schedules/compute_facts.h"
#include "schedules/loop_tree.h"

namespace tunefarm::schedules {

struct ScheduledLoop {
  int8_t axis = 0;
  LoopKind kind = LoopKind::kSerial;
  uint8_t unroll = 1;  // Asked of the compiler.
  int32_t extent = 1;  // Iterations of a whole tile.
  int32_t step = 1;    // Along the axis.
};

enum class Factor : uint8_t { kLhs, kRhs };

// The form in which a factor is read by the inner loops.
enum class ReadForm : uint8_t {
  kDirect,      // From the tensor.
  kPaddedCopy,  // From a copy that keeps the tensor's dimensions and holds zeros where it is padded.
  kPanel,       // From a copy in the order in which the inner loops read it.
  kEdges,       // From the tensor, or a copy of the register tile's window where it crosses an edge.
  kClipped,     // From the tensor; taps that lie outside of it are left out (schedules/clipped_taps.h).
};
// Without a copy of it beforehand.
inline bool ReadsTensor(ReadForm form) {
  return form == ReadForm::kDirect || form == ReadForm::kEdges || form == ReadForm::kClipped;
}
struct Stage {
  ReadForm form = ReadForm::kDirect;
  int position = 0;
  int element_bytes = 0;  // Of the copy; 0: as the tensor's.
  int planes = -1;        // The dimension that stands outermost in a padded copy; -1: all as in the tensor.
  bool whole_groups = false;  // Of a dot product: the last one's rest is padding.
  bool overreach = false;     // Vectors at the end of the last dimension read on into what follows.
  int pitch = 1;              // Rows of a padded copy are rounded up to a multiple of this many elements.
};

class Schedule {
 public:
  // The plain nest: spatial axes in order, then reductions. `facts` must outlive the schedule.
  explicit Schedule(const ComputeFacts& facts);

  // Loop -> an outer loop over tiles of `factor` iterations, and an inner one over a tile, in its place. A
  // factor that does not divide leaves a shorter last tile, and one beyond the extent a single tile that
  // reaches over the end. Refused where the tile of a loop further out would be cut.
  absl::Status Split(int loop, int32_t factor);
  // Splits two loops, the second right inside the first, and puts both tiles inside both outer loops.
  absl::Status Tile(int loop, int32_t factor, int32_t inner_factor);
  // order[i] is the loop that comes to stand at i. Refused when a loop of an axis would stand outside a
  // coarser one.
  absl::Status Reorder(const std::vector<int>& order);
  // Writes out every iteration.
  absl::Status Unroll(int loop);
  // Leaves unrolling by `factor` to the compiler.
  absl::Status UnrollBy(int loop, int factor);
  // One vector register: the innermost loop, of a spatial axis, with a power of two as extent.
  absl::Status Vectorize(int loop);
  // Spreads iterations over threads. Only the outermost loops, spatial.
  absl::Status Parallel(int loop);
  // Accumulates in a register tile inside position `position`: everything spatial inside must be unrolled or
  // vectorised and stand inside every reduction. Reductions that stay outside keep their partial sums in the
  // output.
  absl::Status CacheWrite(int position);
  // What happens where the register tile reaches over the end of a spatial axis.
  absl::Status SetTail(int axis, Tail tail);
  // Packs a factor into panels. Constants at position 0 are packed when the kernel is prepared.
  absl::Status CacheRead(Factor factor, int position);
  // Copies a factor with its padding, so that inner loops read without checks.
  absl::Status Pad(Factor factor, int position);
  // Reads a factor directly also where it is padded: only windows that cross an edge are copied, tile by
  // tile. To be called after CacheWrite.
  absl::Status CopyEdges(Factor factor);
  // Reads lhs directly also where it is padded, by leaving out the taps that lie outside of it. To be called
  // after CacheWrite.
  absl::Status ClipTaps();
  // The copy of a factor holds its elements in this many bytes, widened.
  absl::Status Widen(Factor factor, int element_bytes);
  // The padded copy of a factor holds a plane for each index of `dimension`, with rows of a multiple of
  // `pitch` elements.
  absl::Status Planes(Factor factor, int dimension, int pitch);
  // The padded copy of a factor holds the last dimension as it is, not rounded up to whole register tiles:
  // the last vector also reads what stands behind, which must not count. Of a dimension that only the vector
  // axis moves in.
  absl::Status Overreach(Factor factor);
  // The padded copy of a factor holds whole groups of a dot product's terms, the last one filled with
  // padding. To be called after TensorizeDot.
  absl::Status WholeGroups(Factor factor);
  // Moves the copy of a factor that CacheRead or Pad made.
  absl::Status ComputeAt(Factor factor, int position);
  // Replaces everything inside the register tile by a micro-kernel: the outer product of one vector along the
  // vector axis and broadcast scalars, by fused multiply-adds. Refused when it would need more than
  // `vector_registers`.
  absl::Status TensorizeOuterProduct(int vector_registers);

  // Replaces the innermost loop, a reduction, by a dot-product micro-kernel that multiplies and sums up all
  // of its terms in one go. To be called before the loop outside of it is vectorised.
  absl::Status TensorizeDot();

  // All legality that depends on several primitives together. A schedule that passes can be lowered.
  absl::Status Validate() const;

  const ComputeFacts& facts() const { return *facts_; }
  const std::vector<ScheduledLoop>& loops() const { return loops_; }
  const Stage& stage(Factor factor) const { return stages_[static_cast<int>(factor)]; }
  const LinearAccess& access(Factor factor) const {
    return factor == Factor::kLhs ? facts_->lhs : facts_->rhs;
  }
  int tile_position() const { return tile_position_; }
  Tail tail(int axis) const { return tails_[axis]; }
  int64_t extent(int axis) const { return facts_->compute.axes[axis].extent; }
  bool spatial(int axis) const { return axis < facts_->spatial_axes; }

  // Elements of the axis that the loops from `position` inwards cover in one go.
  int64_t Covered(int axis, int position) const;
  // Of the register tile: Covered(axis, tile_position()) for a spatial axis.
  int64_t TileSize(int axis) const { return Covered(axis, tile_position_); }
  // The tile reaches over the end of the axis somewhere.
  bool HasTail(int axis) const { return extent(axis) % TileSize(axis) != 0; }
  int lanes() const;         // 1 without a vectorised loop.
  int accumulators() const;  // Vector registers of the register tile.

 private:
  absl::Status ValidateClipping() const;
  // The number of loops outside the group of a dot product.
  int loops_outside_group() const;
  absl::Status CheckLoop(const char* primitive, int loop) const;
  absl::Status CheckStage(const char* primitive, int position) const;
  const char* AxisName(int axis) const { return facts_->compute.axes[axis].name.c_str(); }

  const ComputeFacts* facts_;
  std::vector<ScheduledLoop> loops_;
  Stage stages_[2];
  int tile_position_;
  std::vector<Tail> tails_;  // Per axis.
};

}  // namespace tunefarm::schedules
