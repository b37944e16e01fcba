#include "schedules/lower.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/divide.h"
#include "schedules/edge_window.h"

namespace tunefarm::schedules {
namespace {

constexpr int64_t kMaxBufferElements = int64_t{1} << 31;  // Strides and offsets are 32 bits wide.
constexpr int64_t kBufferAlignment = 64;                  // A cache line, and the widest vector.

// A factor as the inner loops read it: which buffer, and how far one iteration of each scheduled loop moves
// in it.
struct Reading {
  uint8_t buffer = 0;
  int32_t offset = 0;
  std::array<int32_t, kMaxLoopDepth> loop_strides{};  // By scheduled loop.
};

class Lowering {
 public:
  Lowering(const Schedule& schedule, int threads)
      : schedule_(schedule), facts_(schedule.facts()), loops_(schedule.loops()), threads_(threads) {}

  absl::StatusOr<LoopTree> Run() {
    const std::vector<Tensor>& tensors = facts_.compute.tensors;
    tree_.buffers.reserve(tensors.size() + 3);
    tree_.nodes.reserve(64);
    tree_.accesses.reserve(16);
    for (std::size_t t = 0; t < tensors.size(); ++t) {
      LoopBuffer buffer;
      buffer.tensor = static_cast<int16_t>(t);
      buffer.elements = 1;
      for (const int64_t size : tensors[t].shape) buffer.elements *= size;
      buffer.element_bytes = BytesOf(tensors[t].dtype);
      buffer.bytes = buffer.elements * buffer.element_bytes;
      tree_.buffers.push_back(buffer);
    }
    tree_.vector_lanes = schedule_.lanes();
    tree_.accumulators = schedule_.accumulators();
    LoopBuffer tile;
    tile.scope = BufferScope::kRegister;
    tile.tensor = static_cast<int16_t>(facts_.output.access.tensor);
    tile.elements = static_cast<int64_t>(tree_.accumulators) * tree_.vector_lanes;
    tile.bytes = tile.elements * tile.element_bytes;  // Of float or of 32-bit sums.
    accumulators_ = AddBuffer(tile);

    readings_[0] = Read(Factor::kLhs);
    readings_[1] = Read(Factor::kRhs);
    for (const LoopBuffer& buffer : tree_.buffers) {
      if (buffer.elements >= kMaxBufferElements) {
        return absl::InvalidArgumentError("a packed copy would have more than 2^31 elements");
      }
    }
    for (const Factor factor : {Factor::kLhs, Factor::kRhs}) {
      if (Prepared(factor)) CopyStage(factor);
    }
    tree_.run_begin = static_cast<int>(tree_.nodes.size());
    Nest(0);
    LayOut();
    return std::move(tree_);
  }

 private:
  // Once for all that a stage's position covers. Windows at edges are the tile's own affair.
  static bool Copied(const Stage& stage) {
    return stage.form == ReadForm::kPanel || stage.form == ReadForm::kPaddedCopy;
  }
  bool Prepared(Factor factor) const {
    const Stage& stage = schedule_.stage(factor);
    return Copied(stage) && stage.position == 0 && schedule_.access(factor).constant;
  }

  uint8_t AddBuffer(const LoopBuffer& buffer) {
    tree_.buffers.push_back(buffer);
    return static_cast<uint8_t>(tree_.buffers.size() - 1);
  }

  void AddEdgeBuffer(const LinearAccess& access) {
    LoopBuffer buffer;
    buffer.scope = BufferScope::kWorkspace;
    buffer.tensor = static_cast<int16_t>(access.access.tensor);
    buffer.elements = WindowElements(access, [&](int axis) {
      return std::min(schedule_.extent(axis), schedule_.Covered(axis, schedule_.tile_position()));
    });
    buffer.element_bytes = BytesOf(facts_.compute.tensors[buffer.tensor].dtype);
    buffer.bytes = buffer.elements * buffer.element_bytes;
    tree_.edge_buffer = AddBuffer(buffer);
  }

  // Elements along a spatial axis are rounded up to whole register tiles, so that tiles at the end stay
  // inside the copy.
  int64_t CoveredForCopy(int axis, int position) const {
    const int64_t whole = schedule_.spatial(axis) ? RoundUp(schedule_.extent(axis), schedule_.TileSize(axis))
                                                  : schedule_.extent(axis);
    return std::min(whole, schedule_.Covered(axis, position));
  }

  // The dimensions of a padded copy, outermost first.
  std::vector<int> CopyOrder(Factor factor) const {
    const int rank = static_cast<int>(schedule_.access(factor).access.index.size());
    const int planes = schedule_.stage(factor).planes;
    std::vector<int> order;
    if (planes >= 0) order.push_back(planes);
    for (int d = 0; d < rank; ++d) {
      if (d != planes) order.push_back(d);
    }
    return order;
  }

  Reading Read(Factor factor) {
    const Stage& stage = schedule_.stage(factor);
    const LinearAccess& access = schedule_.access(factor);
    Reading reading;
    if (!Copied(stage)) {
      if (stage.form == ReadForm::kEdges) AddEdgeBuffer(access);
      if (stage.form == ReadForm::kClipped) tree_.clipped_taps = true;
      reading.buffer = static_cast<uint8_t>(access.access.tensor);
      reading.offset = access.offset;
      for (std::size_t l = 0; l < loops_.size(); ++l) {
        reading.loop_strides[l] = access.stride[loops_[l].axis] * loops_[l].step;
      }
      return reading;
    }
    LoopBuffer buffer;
    buffer.scope = Prepared(factor) ? BufferScope::kConstant : BufferScope::kWorkspace;
    buffer.tensor = static_cast<int16_t>(access.access.tensor);
    if (stage.form == ReadForm::kPanel) {
      int64_t stride = 1;
      for (std::size_t l = loops_.size(); l-- > static_cast<std::size_t>(stage.position);) {
        if (!access.uses[loops_[l].axis]) continue;
        reading.loop_strides[l] = static_cast<int32_t>(stride);
        stride *= loops_[l].extent;
      }
      buffer.elements = stride;
    } else {
      buffer.padded_copy = true;
      const std::vector<int> order = CopyOrder(factor);
      int64_t stride = 1, overreach = 0;
      for (std::size_t i = order.size(); i-- > 0;) {
        const int d = order[i];
        int64_t size = 1;
        const bool exact = stage.overreach && d + 1 == static_cast<int>(order.size());
        for (const AffineTerm& term : access.access.index[d].terms) {
          int64_t covered = CoveredForCopy(term.axis, stage.position);
          if (stage.whole_groups && term.axis == loops_.back().axis)
            covered = RoundUp(covered, loops_.back().extent);
          size += term.coefficient * ((exact ? std::min(covered, schedule_.extent(term.axis)) : covered) - 1);
          if (exact) overreach = std::max<int64_t>(0, covered - schedule_.extent(term.axis));
          for (std::size_t l = stage.position; l < loops_.size(); ++l) {
            if (loops_[l].axis == term.axis) {
              reading.loop_strides[l] += static_cast<int32_t>(term.coefficient * loops_[l].step * stride);
            }
          }
        }
        copies_[static_cast<int>(factor)].size[d] = static_cast<int32_t>(size);
        copies_[static_cast<int>(factor)].stride[d] = static_cast<int32_t>(stride);
        stride *= i + 1 == order.size() ? RoundUp(size, stage.pitch) : size;
      }
      buffer.elements = stride + overreach;
    }
    // The last group of terms may reach over the end of the last row.
    if (stage.form == ReadForm::kPaddedCopy && loops_.back().kind == LoopKind::kDotGroup &&
        !stage.whole_groups) {
      buffer.elements += loops_.back().extent - 1;
    }
    buffer.element_bytes = static_cast<int8_t>(
        stage.element_bytes > 0 ? stage.element_bytes : BytesOf(facts_.compute.tensors[buffer.tensor].dtype));
    buffer.bytes = buffer.elements * buffer.element_bytes;
    reading.buffer = AddBuffer(buffer);
    return reading;
  }

  // ---- Building the tree. `path_` holds, per depth, the scheduled loop (or -1 and a dimension) that is open
  // there.

  struct Open {
    int loop = -1;
    int dimension = -1;
    int16_t node = -1;
    int32_t step = 1;
    int8_t axis = -1;
  };

  void Push(LoopNode node, int loop) {
    node.is_loop = true;
    node.parent = path_size_ == 0 ? int16_t{-1} : path_[path_size_ - 1].node;
    node.depth = static_cast<int16_t>(path_size_);
    Open& open = path_[path_size_++];
    open.loop = loop;
    open.dimension = node.dimension;
    open.node = static_cast<int16_t>(tree_.nodes.size());
    open.step = node.step;
    open.axis = node.axis;
    tree_.nodes.push_back(node);
  }
  void Pop() { tree_.nodes[path_[--path_size_].node].end = static_cast<int16_t>(tree_.nodes.size()); }

  LoopNode NodeOf(int l) const {
    const ScheduledLoop& loop = loops_[l];
    LoopNode node;
    node.kind = loop.kind;
    node.axis = loop.axis;
    node.extent = loop.extent;
    node.step = loop.step;
    node.unroll = loop.unroll;
    const int64_t extent = schedule_.extent(loop.axis);
    const int64_t around = schedule_.Covered(loop.axis, l);
    const bool in_tile = l >= schedule_.tile_position() && schedule_.spatial(loop.axis);
    if (in_tile && schedule_.HasTail(loop.axis)) node.tail = schedule_.tail(loop.axis);
    const int64_t tiles = (extent + loop.step - 1) / loop.step;
    const int64_t tiles_around = (extent + around - 1) / around;
    node.average = in_tile && node.tail != Tail::kGuard
                       ? static_cast<float>(loop.extent)
                       : static_cast<float>(static_cast<double>(tiles) / static_cast<double>(tiles_around));
    return node;
  }

  void Add(StatementKind kind) {
    LoopNode node;
    node.is_loop = false;
    node.statement = kind;
    node.parent = path_size_ == 0 ? int16_t{-1} : path_[path_size_ - 1].node;
    node.depth = static_cast<int16_t>(path_size_);
    node.end = static_cast<int16_t>(tree_.nodes.size() + 1);
    node.first_access = static_cast<int16_t>(tree_.accesses.size());
    tree_.nodes.push_back(node);
  }
  void Finish() {
    LoopNode& node = tree_.nodes.back();
    node.num_accesses = static_cast<int16_t>(static_cast<int16_t>(tree_.accesses.size()) - node.first_access);
  }

  void AccessReading(const Reading& reading) {
    LoopAccess access;
    access.buffer = reading.buffer;
    access.offset = reading.offset;
    for (int d = 0; d < path_size_; ++d) access.strides[d] = reading.loop_strides[path_[d].loop];
    tree_.accesses.push_back(access);
  }
  void AccessTensor(const LinearAccess& linear, bool write) {
    LoopAccess access;
    access.buffer = static_cast<uint8_t>(linear.access.tensor);
    access.write = write;
    access.offset = linear.offset;
    for (int d = 0; d < path_size_; ++d) {
      access.strides[d] = path_[d].axis >= 0 ? linear.stride[path_[d].axis] * path_[d].step
                                             : linear.tensor_strides[path_[d].dimension];
    }
    tree_.accesses.push_back(access);
  }
  void AccessAccumulators(bool write) {
    LoopAccess access;
    access.buffer = accumulators_;
    access.write = write;
    int32_t stride = 1;
    for (int d = path_size_; d-- > 0;) {
      const int l = path_[d].loop;
      if (l < schedule_.tile_position() || !schedule_.spatial(loops_[l].axis)) continue;
      access.strides[d] = stride;
      stride *= loops_[l].extent;
    }
    tree_.accesses.push_back(access);
  }

  void CopyStage(Factor factor) {
    const Stage& stage = schedule_.stage(factor);
    const LinearAccess& linear = schedule_.access(factor);
    const Reading& reading = readings_[static_cast<int>(factor)];
    const int outside = path_size_;
    LoopAccess write;
    write.buffer = reading.buffer;
    write.write = true;
    if (stage.form == ReadForm::kPanel) {
      for (std::size_t l = stage.position; l < loops_.size(); ++l) {
        if (!linear.uses[loops_[l].axis] || loops_[l].extent == 1) continue;
        LoopNode node = NodeOf(static_cast<int>(l));
        node.kind = LoopKind::kSerial;
        node.unroll = 1;
        write.strides[path_size_] = reading.loop_strides[l];
        // The lanes continue the vectors: one loop, where nothing stands between.
        if (path_size_ > outside && path_[path_size_ - 1].axis == node.axis && node.step == 1 &&
            static_cast<int>(l) > schedule_.tile_position() && schedule_.spatial(node.axis) &&
            path_[path_size_ - 1].loop >= schedule_.tile_position() &&
            tree_.nodes.back().step == node.extent && loops_[l].kind == LoopKind::kVectorized) {
          LoopNode& vectors = tree_.nodes.back();
          vectors.extent *= node.extent;
          vectors.average *= static_cast<float>(node.extent);
          vectors.step = path_[path_size_ - 1].step = 1;
          write.strides[path_size_ - 1] = reading.loop_strides[l];
          write.strides[path_size_] = 0;
          continue;
        }
        Push(node, static_cast<int>(l));
      }
    } else {
      for (const int d : CopyOrder(factor)) {
        const int32_t size = copies_[static_cast<int>(factor)].size[d];
        if (size == 1) continue;
        LoopNode node;
        node.dimension = static_cast<int8_t>(d);
        node.extent = size;
        node.average = static_cast<float>(size);
        write.strides[path_size_] = copies_[static_cast<int>(factor)].stride[d];
        Push(node, -1);
      }
    }
    Add(StatementKind::kPack);
    AccessTensor(linear, false);
    tree_.accesses.push_back(write);
    Finish();
    while (path_size_ > outside) Pop();
  }

  void OpenTileLoops() {
    for (std::size_t l = schedule_.tile_position(); l < loops_.size(); ++l) {
      if (schedule_.spatial(loops_[l].axis) && loops_[l].extent > 1)
        Push(NodeOf(static_cast<int>(l)), static_cast<int>(l));
    }
  }

  void Tile() {
    const int outside = path_size_;
    bool partial_sums = false;
    for (int d = 0; d < outside; ++d) partial_sums = partial_sums || !schedule_.spatial(path_[d].axis);

    OpenTileLoops();
    Add(StatementKind::kInit);
    if (partial_sums) AccessTensor(facts_.output, false);
    AccessAccumulators(true);
    Finish();
    while (path_size_ > outside) Pop();

    for (std::size_t l = schedule_.tile_position(); l < loops_.size(); ++l) {
      if (loops_[l].extent > 1) Push(NodeOf(static_cast<int>(l)), static_cast<int>(l));
    }
    Add(StatementKind::kMultiplyAdd);
    AccessReading(readings_[0]);
    AccessReading(readings_[1]);
    AccessAccumulators(false);
    AccessAccumulators(true);
    Finish();
    while (path_size_ > outside) Pop();

    OpenTileLoops();
    Add(StatementKind::kStore);
    AccessAccumulators(false);
    for (const LinearAccess& operand : facts_.epilogue) {
      if (!operand.stride.empty()) AccessTensor(operand, false);
    }
    AccessTensor(facts_.output, true);
    Finish();
    while (path_size_ > outside) Pop();
  }

  void Nest(int position) {
    for (const Factor factor : {Factor::kLhs, Factor::kRhs}) {
      const Stage& stage = schedule_.stage(factor);
      if (Copied(stage) && stage.position == position && !Prepared(factor)) CopyStage(factor);
    }
    if (position == schedule_.tile_position()) return Tile();
    if (loops_[position].extent == 1) return Nest(position + 1);
    Push(NodeOf(position), position);
    Nest(position + 1);
    Pop();
  }

  // Places the copies one after the other; those made inside parallel loops once per thread.
  void LayOut() {
    for (LoopBuffer& buffer : tree_.buffers) {
      if (buffer.scope != BufferScope::kConstant && buffer.scope != BufferScope::kWorkspace) continue;
      int64_t& area = buffer.scope == BufferScope::kConstant ? tree_.packed_bytes : tree_.workspace_bytes;
      buffer.offset_bytes = area;
      int64_t copies = 1;
      if (buffer.scope == BufferScope::kWorkspace && InsideParallel(buffer)) copies = threads_;
      area += RoundUp(buffer.bytes, kBufferAlignment) * copies;
    }
  }
  bool InsideParallel(const LoopBuffer& buffer) const {
    if (tree_.edge_buffer >= 0 && &tree_.buffers[tree_.edge_buffer] == &buffer) return true;
    for (const Factor factor : {Factor::kLhs, Factor::kRhs}) {
      if (&tree_.buffers[readings_[static_cast<int>(factor)].buffer] != &buffer) continue;
      for (int l = 0; l < schedule_.stage(factor).position; ++l) {
        if (loops_[l].kind == LoopKind::kParallel && loops_[l].extent > 1) return true;
      }
    }
    return false;
  }

  struct CopyShape {
    std::array<int32_t, 8> size{};
    std::array<int32_t, 8> stride{};
  };

  const Schedule& schedule_;
  const ComputeFacts& facts_;
  const std::vector<ScheduledLoop>& loops_;
  const int threads_;
  LoopTree tree_;
  uint8_t accumulators_ = 0;
  Reading readings_[2];
  CopyShape copies_[2];
  std::array<Open, kMaxLoopDepth> path_;
  int path_size_ = 0;
};

}  // namespace

absl::StatusOr<LoopTree> Lower(const Schedule& schedule, int threads) {
  TUNEFARM_RETURN_IF_ERROR(schedule.Validate());
  return Lowering(schedule, threads).Run();
}

}  // namespace tunefarm::schedules
