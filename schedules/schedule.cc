#include "schedules/schedule.h"

#include <algorithm>
#include <bit>

#include "base/divide.h"
#include "schedules/clipped_taps.h"
#include "schedules/edge_window.h"

namespace tunefarm::schedules {
namespace {

template <typename... Args>
absl::Status Refuse(const Args&... args) {
  return absl::InvalidArgumentError(absl::StrCat(args...));
}

constexpr int64_t kMaxTile = int64_t{1} << 24;  // Elements of one axis. Beyond it is a mistake in a template.

}  // namespace

Schedule::Schedule(const ComputeFacts& facts) : facts_(&facts) {
  loops_.reserve(kMaxLoopDepth);
  for (std::size_t axis = 0; axis < facts.compute.axes.size(); ++axis) {
    ScheduledLoop loop;
    loop.axis = static_cast<int8_t>(axis);
    loop.extent = static_cast<int32_t>(facts.compute.axes[axis].extent);
    loops_.push_back(loop);
  }
  tile_position_ = static_cast<int>(loops_.size());
  tails_.assign(facts.compute.axes.size(), Tail::kGuard);
}

absl::Status Schedule::CheckLoop(const char* primitive, int loop) const {
  if (loop >= 0 && loop < static_cast<int>(loops_.size())) return absl::OkStatus();
  return Refuse(primitive, ": there is no loop ", loop, "; the nest has ", loops_.size());
}

absl::Status Schedule::Split(int loop, int32_t factor) {
  TUNEFARM_RETURN_IF_ERROR(CheckLoop("split", loop));
  const ScheduledLoop old = loops_[loop];
  if (factor < 1 || static_cast<int64_t>(factor) * old.step > kMaxTile) {
    return Refuse("split: a tile of ", factor, " iterations of ", AxisName(old.axis), " is not in 1 .. ",
                  kMaxTile);
  }
  if (old.kind != LoopKind::kSerial || old.unroll != 1) {
    return Refuse("split: loop ", AxisName(old.axis), " is annotated already; split first");
  }
  if (static_cast<int>(loops_.size()) >= kMaxLoopDepth)
    return Refuse("split: more than ", kMaxLoopDepth, " loops");
  // A loop of the axis further out steps by whole tiles of this one; its step must stay a multiple of the new
  // one's.
  for (int outer = 0; outer < loop; ++outer) {
    if (loops_[outer].axis == old.axis && old.extent % factor != 0) {
      return Refuse("split: factor ", factor, " does not divide the ", old.extent, " iterations of loop ",
                    AxisName(old.axis), ", whose tiles would be cut by the loop around");
    }
  }
  ScheduledLoop outer = old, inner = old;
  outer.step = old.step * factor;
  outer.extent = static_cast<int32_t>(CeilDivide(old.extent, factor));
  inner.extent = factor;
  loops_[loop] = outer;
  loops_.insert(loops_.begin() + loop + 1, inner);
  for (Stage& stage : stages_) stage.position += stage.position > loop;
  tile_position_ += tile_position_ > loop;
  return absl::OkStatus();
}

absl::Status Schedule::Tile(int loop, int32_t factor, int32_t inner_factor) {
  TUNEFARM_RETURN_IF_ERROR(CheckLoop("tile", loop));
  TUNEFARM_RETURN_IF_ERROR(CheckLoop("tile", loop + 1));
  const Schedule before = *this;
  absl::Status status = Split(loop + 1, inner_factor);
  if (status.ok()) status = Split(loop, factor);
  if (status.ok()) {
    std::vector<int> order(loops_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int>(i);
    std::swap(order[loop + 1], order[loop + 2]);
    status = Reorder(order);
  }
  if (!status.ok()) *this = before;
  return status;
}

absl::Status Schedule::Reorder(const std::vector<int>& order) {
  if (order.size() != loops_.size()) {
    return Refuse("reorder: the order names ", order.size(), " loops and the nest has ", loops_.size());
  }
  std::vector<ScheduledLoop> reordered;
  reordered.reserve(kMaxLoopDepth);
  uint32_t seen = 0;
  for (const int loop : order) {
    TUNEFARM_RETURN_IF_ERROR(CheckLoop("reorder", loop));
    if (seen >> loop & 1) return Refuse("reorder: loop ", loop, " is named twice");
    seen |= 1u << loop;
    for (const ScheduledLoop& outside : reordered) {
      if (outside.axis == loops_[loop].axis && outside.step < loops_[loop].step) {
        return Refuse("reorder: a loop of ", AxisName(outside.axis), " with step ", outside.step,
                      " would stand outside the one with step ", loops_[loop].step);
      }
    }
    reordered.push_back(loops_[loop]);
  }
  loops_.swap(reordered);
  return absl::OkStatus();
}

absl::Status Schedule::Unroll(int loop) {
  TUNEFARM_RETURN_IF_ERROR(CheckLoop("unroll", loop));
  for (int outer = 0; outer < loop; ++outer) {
    if (loops_[outer].axis == loops_[loop].axis && !spatial(loops_[loop].axis) &&
        extent(loops_[loop].axis) % Covered(loops_[loop].axis, loop) != 0) {
      return Refuse("unroll: the last tile of ", AxisName(loops_[loop].axis), " is shorter than ",
                    loops_[loop].extent);
    }
  }
  loops_[loop].kind = LoopKind::kUnrolled;
  return absl::OkStatus();
}

absl::Status Schedule::UnrollBy(int loop, int factor) {
  TUNEFARM_RETURN_IF_ERROR(CheckLoop("unroll", loop));
  if (factor < 1 || factor > 64) return Refuse("unroll: factor ", factor, " is not in 1 .. 64");
  if (loops_[loop].kind != LoopKind::kSerial) {
    return Refuse("unroll: loop ", AxisName(loops_[loop].axis), " is not serial");
  }
  loops_[loop].unroll = static_cast<uint8_t>(factor);
  return absl::OkStatus();
}

absl::Status Schedule::Vectorize(int loop) {
  TUNEFARM_RETURN_IF_ERROR(CheckLoop("vectorize", loop));
  const ScheduledLoop& target = loops_[loop];
  if (!spatial(target.axis)) return Refuse("vectorize: ", AxisName(target.axis), " is a reduction");
  if (loop + 1 != loops_outside_group()) {
    return Refuse("vectorize: loop ", AxisName(target.axis), " is not the innermost");
  }
  if (target.step != 1) return Refuse("vectorize: loop ", AxisName(target.axis), " has step ", target.step);
  if (target.extent < 2 || target.extent > 64 || !std::has_single_bit(static_cast<uint32_t>(target.extent))) {
    return Refuse("vectorize: ", target.extent, " is no power of two from 2 to 64");
  }
  loops_[loop].kind = LoopKind::kVectorized;
  return absl::OkStatus();
}

absl::Status Schedule::Parallel(int loop) {
  TUNEFARM_RETURN_IF_ERROR(CheckLoop("parallel", loop));
  if (!spatial(loops_[loop].axis)) {
    return Refuse("parallel: ", AxisName(loops_[loop].axis),
                  " is a reduction; threads would add to the same results");
  }
  for (int outer = 0; outer < loop; ++outer) {
    if (loops_[outer].kind != LoopKind::kParallel)
      return Refuse("parallel: loop ", loop, " is not among the outermost");
    if (loops_[outer].axis == loops_[loop].axis) {
      return Refuse("parallel: two loops of ", AxisName(loops_[loop].axis));
    }
  }
  loops_[loop].kind = LoopKind::kParallel;
  return absl::OkStatus();
}

absl::Status Schedule::CacheWrite(int position) {
  if (position < 0 || position > static_cast<int>(loops_.size())) {
    return Refuse("cache_write: position ", position, " is not in 0 .. ", loops_.size());
  }
  bool in_tile = false, in_unrolled = false;
  for (std::size_t l = position; l < loops_.size(); ++l) {
    const ScheduledLoop& loop = loops_[l];
    if (loop.kind == LoopKind::kDotGroup) continue;
    const bool written_out = loop.kind == LoopKind::kUnrolled || loop.kind == LoopKind::kVectorized;
    if (spatial(loop.axis) && !written_out) {
      return Refuse("cache_write: the loop of ", AxisName(loop.axis),
                    " inside is not unrolled, so that its results have no registers");
    }
    if (!spatial(loop.axis) && in_tile) {
      return Refuse("cache_write: the reduction ", AxisName(loop.axis), " stands inside the register tile");
    }
    if (!spatial(loop.axis) && in_unrolled && !written_out) {
      return Refuse("cache_write: the loop of ", AxisName(loop.axis), " stands inside an unrolled one");
    }
    in_tile = in_tile || spatial(loop.axis);
    in_unrolled = in_unrolled || written_out;
  }
  tile_position_ = position;
  return absl::OkStatus();
}

absl::Status Schedule::SetTail(int axis, Tail tail) {
  if (axis < 0 || axis >= facts_->spatial_axes) return Refuse("tail: axis ", axis, " is not a spatial one");
  if (tail == Tail::kNone) return Refuse("tail: choose guard, shift or pad for ", AxisName(axis));
  tails_[axis] = tail;
  return absl::OkStatus();
}

absl::Status Schedule::CheckStage(const char* primitive, int position) const {
  if (position >= 0 && position <= tile_position_) return absl::OkStatus();
  return Refuse(primitive, ": position ", position, " is not in 0 .. ", tile_position_,
                ", outside the register tile");
}

absl::Status Schedule::CacheRead(Factor factor, int position) {
  TUNEFARM_RETURN_IF_ERROR(CheckStage("cache_read", position));
  stages_[static_cast<int>(factor)] = {ReadForm::kPanel, position};
  return absl::OkStatus();
}

absl::Status Schedule::Pad(Factor factor, int position) {
  TUNEFARM_RETURN_IF_ERROR(CheckStage("pad", position));
  stages_[static_cast<int>(factor)] = {ReadForm::kPaddedCopy, position};
  return absl::OkStatus();
}

absl::Status Schedule::CopyEdges(Factor factor) {
  for (const AffineIndex& index : access(factor).access.index) {
    for (const AffineTerm& term : index.terms) {
      if (term.coefficient < 0) return Refuse("copy_edges: ", AxisName(term.axis), " runs backwards");
    }
  }
  stages_[static_cast<int>(factor)] = {ReadForm::kEdges, tile_position_};
  return absl::OkStatus();
}

absl::Status Schedule::ClipTaps() {
  if (!EdgeDimensionsOf(*facts_).has_value())
    return Refuse("clip_taps: an index of the input depends on more than one axis and one tap");
  stages_[static_cast<int>(Factor::kLhs)] = {ReadForm::kClipped, tile_position_};
  return absl::OkStatus();
}

absl::Status Schedule::ComputeAt(Factor factor, int position) {
  TUNEFARM_RETURN_IF_ERROR(CheckStage("compute_at", position));
  Stage& stage = stages_[static_cast<int>(factor)];
  if (ReadsTensor(stage.form)) return Refuse("compute_at: the factor is read directly; cache_read it first");
  stage.position = position;
  return absl::OkStatus();
}

absl::Status Schedule::TensorizeOuterProduct(int vector_registers) {
  if (lanes() == 1) return Refuse("tensorize: no loop is vectorised");
  // One register for the vector operand and one for the broadcast; more only help the scheduler.
  if (accumulators() + 2 > vector_registers) {
    return Refuse("tensorize: ", accumulators(), " accumulators and two operands do not fit into ",
                  vector_registers, " vector registers");
  }
  return absl::OkStatus();
}

absl::Status Schedule::Widen(Factor factor, int element_bytes) {
  Stage& stage = stages_[static_cast<int>(factor)];
  if (ReadsTensor(stage.form)) return Refuse("widen: the factor is read directly; copy it first");
  if (element_bytes != 1 && element_bytes != 2 && element_bytes != 4) {
    return Refuse("widen: an element of ", element_bytes, " bytes is none of 1, 2 and 4");
  }
  stage.element_bytes = element_bytes;
  return absl::OkStatus();
}

absl::Status Schedule::Planes(Factor factor, int dimension, int pitch) {
  Stage& stage = stages_[static_cast<int>(factor)];
  const int rank = static_cast<int>(access(factor).access.index.size());
  if (stage.form != ReadForm::kPaddedCopy) return Refuse("planes: the factor has no padded copy");
  if (dimension < 0 || dimension >= rank) return Refuse("planes: there is no dimension ", dimension);
  if (pitch < 1) return Refuse("planes: a pitch of ", pitch, " elements");
  stage.planes = dimension;
  stage.pitch = pitch;
  return absl::OkStatus();
}

absl::Status Schedule::Overreach(Factor factor) {
  Stage& stage = stages_[static_cast<int>(factor)];
  if (stage.form != ReadForm::kPaddedCopy) return Refuse("overreach: the factor has no padded copy");
  const std::vector<AffineTerm>& last = access(factor).access.index.back().terms;
  if (last.size() != 1 || lanes() == 1 || last[0].axis != loops_.back().axis || last[0].coefficient != 1) {
    return Refuse("overreach: the last dimension is not that of the vectors alone");
  }
  stage.overreach = true;
  return absl::OkStatus();
}

absl::Status Schedule::WholeGroups(Factor factor) {
  Stage& stage = stages_[static_cast<int>(factor)];
  if (stage.form != ReadForm::kPaddedCopy) return Refuse("whole groups: the factor has no padded copy");
  if (loops_.empty() || loops_.back().kind != LoopKind::kDotGroup)
    return Refuse("whole groups: there is no dot product");
  stage.whole_groups = true;
  return absl::OkStatus();
}

absl::Status Schedule::TensorizeDot() {
  if (loops_.empty() || spatial(loops_.back().axis))
    return Refuse("tensorize: the innermost loop is no reduction");
  ScheduledLoop& group = loops_.back();
  if (group.step != 1 || group.kind != LoopKind::kSerial || group.unroll != 1) {
    return Refuse("tensorize: the innermost loop of ", AxisName(group.axis), " is annotated or has a step");
  }
  group.kind = LoopKind::kDotGroup;
  return absl::OkStatus();
}

int Schedule::loops_outside_group() const {
  const int size = static_cast<int>(loops_.size());
  return size > 0 && loops_.back().kind == LoopKind::kDotGroup ? size - 1 : size;
}

int64_t Schedule::Covered(int axis, int position) const {
  for (int loop = position - 1; loop >= 0; --loop) {
    if (loops_[loop].axis == axis) return loops_[loop].step;
  }
  int64_t covered = 1;
  for (std::size_t loop = position; loop < loops_.size(); ++loop) {
    if (loops_[loop].axis == axis) {
      covered = static_cast<int64_t>(loops_[loop].step) * loops_[loop].extent;
      break;
    }
  }
  return covered;
}

int Schedule::lanes() const {
  const int size = loops_outside_group();
  return size > 0 && loops_[size - 1].kind == LoopKind::kVectorized ? loops_[size - 1].extent : 1;
}

int Schedule::accumulators() const {
  int count = 1;
  for (std::size_t loop = tile_position_; loop < loops_.size(); ++loop) {
    if (spatial(loops_[loop].axis) && loops_[loop].kind == LoopKind::kUnrolled) count *= loops_[loop].extent;
  }
  return count;
}

absl::Status Schedule::ValidateClipping() const {
  const std::vector<EdgeDimension> dimensions = *EdgeDimensionsOf(*facts_);
  int64_t written_out = accumulators();
  for (std::size_t loop = tile_position_; loop < loops_.size(); ++loop) {
    if (!spatial(loops_[loop].axis) && loops_[loop].kind == LoopKind::kUnrolled)
      written_out *= loops_[loop].extent;
  }
  const char* reason = ClipRefusal(
      dimensions, written_out,
      [&](const EdgeDimension& dimension) {
        ClippedTile tile;
        if (dimension.spatial >= 0) {
          tile.extent = extent(dimension.spatial);
          tile.tile = TileSize(dimension.spatial);
          tile.tail = tail(dimension.spatial);
        }
        if (dimension.tap >= 0) tile.taps = extent(dimension.tap);
        return tile;
      },
      [&](const EdgeDimension& dimension) {
        return lanes() > 1 && loops_[loops_outside_group() - 1].axis == dimension.spatial ? lanes() : 1;
      },
      [&](const EdgeDimension& dimension) {
        for (std::size_t loop = tile_position_; loop < loops_.size(); ++loop) {
          if (loops_[loop].axis == dimension.tap && loops_[loop].extent > 1)
            return loops_[loop].kind == LoopKind::kUnrolled;
        }
        return true;
      });
  return reason == nullptr ? absl::OkStatus() : Refuse("clip_taps: ", reason);
}

absl::Status Schedule::Validate() const {
  bool reduction_outside = false;
  int parallel = 0;  // Loops.
  for (const ScheduledLoop& loop : loops_) parallel += loop.kind == LoopKind::kParallel;
  for (int loop = 0; loop < tile_position_; ++loop) {
    reduction_outside = reduction_outside || !spatial(loops_[loop].axis);
    if (loops_[loop].kind == LoopKind::kUnrolled || loops_[loop].kind == LoopKind::kVectorized) {
      return Refuse("the loop of ", AxisName(loops_[loop].axis), " is unrolled outside the register tile");
    }
  }
  for (int axis = 0; axis < facts_->spatial_axes; ++axis) {
    if (!HasTail(axis) || tails_[axis] == Tail::kGuard) continue;
    if (tails_[axis] == Tail::kShift) {
      if (TileSize(axis) > extent(axis)) {
        return Refuse("tail: ", AxisName(axis), " is shorter than its tile, so that it cannot shift inwards");
      }
      if (reduction_outside) {
        return Refuse("tail: a shifted tile of ", AxisName(axis),
                      " would add twice to partial sums in the output");
      }
      for (const Factor factor : {Factor::kLhs, Factor::kRhs}) {
        if (stage(factor).form != ReadForm::kPaddedCopy || !access(factor).uses[axis]) continue;
        for (int loop = 0; loop < stage(factor).position; ++loop) {
          if (loops_[loop].axis == axis) {
            return Refuse("tail: a shifted tile of ", AxisName(axis),
                          " would reach out of the padded copy of its block");
          }
        }
      }
      continue;
    }
    const int inner = loops_outside_group() - 1;
    if (inner >= 0 && loops_[inner].kind == LoopKind::kVectorized && loops_[inner].axis == axis) {
      return Refuse("tail: the vector axis ", AxisName(axis),
                    " is guarded or shifted; its panels are padded anyway");
    }
    for (const Factor factor : {Factor::kLhs, Factor::kRhs}) {
      if (access(factor).uses[axis] && ReadsTensor(stage(factor).form)) {
        return Refuse("tail: a padded tile of ", AxisName(axis), " would read beyond ",
                      facts_->compute.tensors[access(factor).access.tensor].name, ", which is not copied");
      }
    }
  }
  for (const Factor factor : {Factor::kLhs, Factor::kRhs}) {
    if (stage(factor).form == ReadForm::kDirect && access(factor).reads_padding) {
      return Refuse(facts_->compute.tensors[access(factor).access.tensor].name,
                    " is read beyond its edges; pad or pack it first");
    }
    if (stage(factor).form == ReadForm::kClipped) TUNEFARM_RETURN_IF_ERROR(ValidateClipping());
    if (stage(factor).position > tile_position_) return Refuse("a factor is copied inside the register tile");
    if (stage(factor).form == ReadForm::kEdges &&
        !WindowFits(access(factor), facts_->compute.tensors[access(factor).access.tensor].shape,
                    [&](int axis) { return std::min(extent(axis), Covered(axis, tile_position_)); })) {
      return Refuse("copy_edges: the window of a tile is longer than the tensor");
    }
    if (stage(factor).position > 0 && stage(factor).position < parallel) {
      return Refuse("a factor is copied between two parallel loops; copy it outside or inside of both");
    }
  }
  return absl::OkStatus();
}

}  // namespace tunefarm::schedules
