#include "schedules/tile_printer.h"

#include <algorithm>

namespace tunefarm::schedules {

void TilePrinter::ReadShape(int first, int end) {
  const std::size_t axes = facts_.compute.axes.size();
  tile_.assign(axes, 1);
  tails_.assign(axes, Tail::kNone);
  serial_.clear();
  unrolled_.clear();
  tile_loops_.clear();
  lanes_node_ = nullptr;
  vector_axis_ = -1;
  int n = tree_.nodes[first].end;  // After the initialisation.
  for (; tree_.nodes[n].is_loop; ++n) {
    const LoopNode& node = tree_.nodes[n];
    if (node.axis >= facts_.spatial_axes) {
      (node.kind == LoopKind::kUnrolled ? unrolled_ : serial_).push_back(&node);
      continue;
    }
    tile_[node.axis] = std::max<int64_t>(tile_[node.axis], static_cast<int64_t>(node.extent) * node.step);
    tails_[node.axis] = node.tail;
    if (node.kind == LoopKind::kVectorized) {
      lanes_node_ = &node;
      vector_axis_ = node.axis;
    } else {
      tile_loops_.push_back(&node);
    }
  }
  multiply_add_ = &tree_.nodes[n];
  (void)end;
}

void TilePrinter::Print(int first, int end, NestPath& path) {
  ReadShape(first, end);
  size_ = tile_;
  PrintVariants(0, path);
}

// Axis by axis: a whole tile and what is left of one, where the tail is guarded.
void TilePrinter::PrintVariants(std::size_t axis, NestPath& path) {
  if (axis == tile_.size()) return PrintBody(path);
  const int64_t extent = facts_.compute.axes[axis].extent;
  OpenLoop* loop = path.Innermost(static_cast<int>(axis));
  size_[axis] = tile_[axis];
  if (tails_[axis] == Tail::kGuard) {
    const int64_t rest = extent % tile_[axis];
    if (loop == nullptr) {
      size_[axis] = rest;
      return PrintVariants(axis + 1, path);
    }
    out_.Open("if (", loop->base, " + ", tile_[axis], " <= ", extent, ")");
    PrintVariants(axis + 1, path);
    out_.Else();
    size_[axis] = rest;
    PrintVariants(axis + 1, path);
    return out_.Close();
  }
  if (tails_[axis] == Tail::kShift && loop != nullptr) {
    const std::string shifted = absl::StrCat(loop->name, "s");
    out_.Line("const long ", shifted, " = min_long(", loop->name, ", ", extent - tile_[axis],
              ");  // The last tile moves inwards.");
    const OpenLoop before = *loop;
    loop->base = loop->value = shifted;
    PrintVariants(axis + 1, path);
    *path.Innermost(static_cast<int>(axis)) = before;
    return;
  }
  PrintVariants(axis + 1, path);
}

void TilePrinter::MakeCells() {
  cells_.clear();
  const int lanes = tree_.vector_lanes;
  std::vector<int> index(tile_loops_.size(), 0);
  while (true) {
    Cell cell;
    cell.index = index;
    cell.at.assign(tile_.size(), 0);
    for (std::size_t l = 0; l < index.size(); ++l) {
      cell.at[tile_loops_[l]->axis] += static_cast<int64_t>(index[l]) * tile_loops_[l]->step;
    }
    bool exists = true;
    for (std::size_t axis = 0; axis < tile_.size(); ++axis) exists = exists && cell.at[axis] < size_[axis];
    if (exists) {
      cell.valid =
          vector_axis_ < 0
              ? 1
              : static_cast<int>(std::min<int64_t>(lanes, size_[vector_axis_] - cell.at[vector_axis_]));
      cell.name = "acc";
      for (const int i : index) absl::StrAppend(&cell.name, "_", i);
      cells_.push_back(std::move(cell));
    }
    std::size_t l = index.size();
    while (l > 0 && ++index[l - 1] == tile_loops_[l - 1]->extent) index[--l] = 0;
    if (l == 0) return;
  }
}

std::string TilePrinter::Load(const std::string& pointer, int64_t offset, int64_t stride, int valid) const {
  const int lanes = tree_.vector_lanes;
  if (stride == 0 || lanes == 1) return absl::StrCat(pointer, "[", offset, "]");
  if (stride == 1 && valid == lanes)
    return absl::StrCat("*(const vec_unaligned*)(", pointer, " + ", offset, ")");
  std::string text = "(vec){";
  for (int lane = 0; lane < valid; ++lane) {
    absl::StrAppend(&text, lane == 0 ? "" : ", ", pointer, "[", offset + lane * stride, "]");
  }
  return text + "}";
}

int64_t TilePrinter::Offset(const LinearAccess& access, const Cell& cell) const {
  int64_t offset = 0;
  for (std::size_t axis = 0; axis < cell.at.size(); ++axis) offset += cell.at[axis] * access.stride[axis];
  return offset;
}

std::string TilePrinter::RowsExist(const Cell& cell, NestPath& path) const {
  std::string condition;
  for (std::size_t axis = 0; axis < tile_.size(); ++axis) {
    if (tails_[axis] != Tail::kPad || cell.at[axis] == 0) continue;
    const OpenLoop* loop = path.Innermost(static_cast<int>(axis));
    absl::StrAppend(&condition, condition.empty() ? "" : " && ", loop == nullptr ? "" : loop->base + " + ",
                    cell.at[axis], " < ", facts_.compute.axes[axis].extent);
  }
  return condition;
}

std::string TilePrinter::FirstBlock(NestPath& path) const {
  std::string condition;
  for (std::size_t axis = facts_.spatial_axes; axis < tile_.size(); ++axis) {
    if (const OpenLoop* loop = path.Innermost(static_cast<int>(axis))) {
      absl::StrAppend(&condition, condition.empty() ? "" : " && ", loop->name, " == 0");
    }
  }
  return condition;
}

std::string TilePrinter::LastBlock(NestPath& path) const {
  std::string condition;
  for (std::size_t axis = facts_.spatial_axes; axis < tile_.size(); ++axis) {
    if (const OpenLoop* loop = path.Innermost(static_cast<int>(axis))) {
      absl::StrAppend(&condition, condition.empty() ? "" : " && ", loop->name, " + ", loop->node->step,
                      " >= ", facts_.compute.axes[axis].extent);
    }
  }
  return condition;
}

void TilePrinter::PrintBody(NestPath& path) {
  MakeCells();
  out_.Open();
  out_.Line("float* out = ", pointer_of_(facts_.output.access.tensor), " + ",
            path.TensorAddress(facts_.output).Text(), ";");
  PrintInit(path);
  PrintReductions(path);
  PrintEpilogue(path);
  PrintStore(path);
  out_.Close();
}

void TilePrinter::PrintInit(NestPath& path) {
  for (const Cell& cell : cells_) out_.Line("vec ", cell.name, tree_.vector_lanes == 1 ? " = 0;" : " = {0};");
  const std::string first = FirstBlock(path);
  if (first.empty()) return;
  out_.Open("if (!(", first, "))");
  for (const Cell& cell : cells_) {
    const std::string exists = RowsExist(cell, path);
    out_.Line(exists.empty() ? "" : absl::StrCat("if (", exists, ") "), cell.name, " = ",
              Load("out", Offset(facts_.output, cell), LaneStride(facts_.output), cell.valid), ";");
  }
  out_.Close();
}

void TilePrinter::PrintReductions(NestPath& path) {
  const char* const names[2] = {"lhs", "rhs"};
  std::vector<std::string> pointers(2);
  const LinearAccess* const linear[2] = {&facts_.lhs, &facts_.rhs};
  for (int f = 0; f < 2; ++f) {
    const LoopAccess& access = tree_.accesses[multiply_add_->first_access + f];
    const bool argument = tree_.buffers[access.buffer].scope == BufferScope::kArgument;
    const CSum address = argument ? path.TensorAddress(*linear[f]) : path.CopyAddress(access);
    pointers[f] = absl::StrCat(names[f], "_0");
    out_.Line("const float* ", pointers[f], " = ", pointer_of_(access.buffer), " + ", address.Text(), ";");
  }
  for (std::size_t i = 0; i < serial_.size(); ++i) {
    const LoopNode& node = *serial_[i];
    const std::string end = path.End(node);
    const OpenLoop& loop = path.Push(node);
    if (node.unroll > 1) out_.Line("#pragma GCC unroll ", static_cast<int>(node.unroll));
    out_.Open("for (long ", loop.name, " = ", loop.origin.empty() ? "0" : loop.origin, "; ", loop.name, " < ",
              end, "; ",
              node.step == 1 ? absl::StrCat("++", loop.name) : absl::StrCat(loop.name, " += ", node.step),
              ")");
    for (int f = 0; f < 2; ++f) {
      const LoopAccess& access = tree_.accesses[multiply_add_->first_access + f];
      if (access.strides[node.depth] == 0) continue;
      CSum step;
      step.Add(loop.origin.empty() ? loop.name : absl::StrCat("(", loop.name, " - ", loop.origin, ")"),
               access.strides[node.depth] / node.step);
      const std::string pointer = absl::StrCat(names[f], "_", i + 1);
      out_.Line("const float* ", pointer, " = ", pointers[f], " + ", step.Text(), ";");
      pointers[f] = pointer;
    }
  }
  PrintMultiplyAdds(pointers);
  for (std::size_t i = 0; i < serial_.size(); ++i) {
    out_.Close();
    path.Pop();
  }
}

void TilePrinter::PrintMultiplyAdds(const std::vector<std::string>& pointers) {
  // Loads that were printed already: by factor, offset and valid lanes.
  std::map<std::tuple<int, int64_t, int>, std::string> loaded;
  int count[2] = {0, 0};
  const auto operand = [&](int f, int64_t offset, int valid) {
    const LoopAccess& access = tree_.accesses[multiply_add_->first_access + f];
    const int64_t stride = lanes_node_ == nullptr ? 0 : access.strides[lanes_node_->depth];
    const bool argument = tree_.buffers[access.buffer].scope == BufferScope::kArgument;
    if (stride == 0 || !argument) valid = tree_.vector_lanes;  // Copies hold whole vectors.
    auto [entry, is_new] = loaded.try_emplace({f, offset, valid});
    if (is_new) {
      entry->second = absl::StrCat(f == 0 ? "l_" : "r_", count[f]++);
      out_.Line("const ", stride == 0 ? "float " : "vec ", entry->second, " = ",
                Load(pointers[f], offset, stride, valid), ";");
    }
    return entry->second;
  };
  std::vector<int> index(unrolled_.size(), 0);
  while (true) {
    for (const Cell& cell : cells_) {
      std::string names[2];
      for (const int f : {1, 0}) {
        const LoopAccess& access = tree_.accesses[multiply_add_->first_access + f];
        int64_t offset = 0;
        for (std::size_t l = 0; l < index.size(); ++l)
          offset += int64_t{access.strides[unrolled_[l]->depth]} * index[l];
        for (std::size_t l = 0; l < cell.index.size(); ++l) {
          offset += int64_t{access.strides[tile_loops_[l]->depth]} * cell.index[l];
        }
        names[f] = operand(f, offset, cell.valid);
      }
      out_.Line(cell.name, " += ", names[0], " * ", names[1], ";");
    }
    std::size_t l = index.size();
    while (l > 0 && ++index[l - 1] == unrolled_[l - 1]->extent) index[--l] = 0;
    if (l == 0) return;
  }
}

void TilePrinter::PrintEpilogue(NestPath& path) {
  if (facts_.epilogue.empty()) return;
  const std::string last = LastBlock(path);
  if (!last.empty()) out_.Open("if (", last, ")");
  for (std::size_t e = 0; e < facts_.epilogue.size(); ++e) {
    const EpilogueStep step = facts_.compute.epilogue[e].step;
    if (step == EpilogueStep::kRelu || step == EpilogueStep::kRelu6) {
      for (const Cell& cell : cells_) {
        out_.Line(cell.name, " = ", step == EpilogueStep::kRelu ? "relu(" : "relu6(", cell.name, ");");
      }
      continue;
    }
    const LinearAccess& access = facts_.epilogue[e];
    const char* name = step == EpilogueStep::kBias ? "bias" : "residual";
    const std::string pointer = absl::StrCat(name, "_tile");
    out_.Line("const float* ", pointer, " = ", pointer_of_(access.access.tensor), " + ",
              path.TensorAddress(access).Text(), ";");
    for (const Cell& cell : cells_) {
      const std::string exists =
          step == EpilogueStep::kBias && LaneStride(access) != 0 ? "" : RowsExist(cell, path);
      out_.Line(exists.empty() ? "" : absl::StrCat("if (", exists, ") "), cell.name,
                " += ", Load(pointer, Offset(access, cell), LaneStride(access), cell.valid), ";");
    }
  }
  if (!last.empty()) out_.Close();
}

void TilePrinter::PrintStore(NestPath& path) {
  const int lanes = tree_.vector_lanes;
  if (lanes > 1 && LaneStride(facts_.output) != 1) return PrintStagedStore(path, "out");
  for (const Cell& cell : cells_) {
    const std::string exists = RowsExist(cell, path);
    const int64_t offset = Offset(facts_.output, cell);
    if (!exists.empty()) out_.Open("if (", exists, ")");
    if (lanes == 1) {
      out_.Line("out[", offset, "] = ", cell.name, ";");
    } else if (cell.valid == lanes) {
      out_.Line("*(vec_unaligned*)(out + ", offset, ") = ", cell.name, ";");
    } else {
      out_.Line("for (int lane = 0; lane < ", cell.valid, "; ++lane) out[", offset, " + lane] = ", cell.name,
                "[lane];");
    }
    if (!exists.empty()) out_.Close();
  }
}

// Where the output is not contiguous along the vectors: through a small array, so that the innermost loop
// writes along the output's own innermost axis.
void TilePrinter::PrintStagedStore(NestPath& path, const std::string& output) {
  const int lanes = tree_.vector_lanes;
  // Cells that differ only along the vector axis are one row of the array.
  std::vector<const Cell*> rows;
  for (const Cell& cell : cells_) {
    if (cell.at[vector_axis_] == 0) rows.push_back(&cell);
  }
  const int64_t width = (size_[vector_axis_] + lanes - 1) / lanes * lanes;
  out_.Line("float staged[", rows.size(), "][", width, "] __attribute__((aligned(64)));");
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (const Cell& cell : cells_) {
      bool same_row = true;
      for (std::size_t axis = 0; axis < cell.at.size(); ++axis) {
        same_row = same_row && (static_cast<int>(axis) == vector_axis_ || cell.at[axis] == rows[r]->at[axis]);
      }
      if (same_row) out_.Line("*(vec*)&staged[", r, "][", cell.at[vector_axis_], "] = ", cell.name, ";");
    }
  }
  out_.Open("for (long lane = 0; lane < ", size_[vector_axis_], "; ++lane)");
  out_.Line("float* lane_out = ", output, " + lane * ", LaneStride(facts_.output), ";");
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const std::string exists = RowsExist(*rows[r], path);
    out_.Line(exists.empty() ? "" : absl::StrCat("if (", exists, ") "), "lane_out[",
              Offset(facts_.output, *rows[r]), "] = staged[", r, "][lane];");
  }
  out_.Close();
}

}  // namespace tunefarm::schedules
