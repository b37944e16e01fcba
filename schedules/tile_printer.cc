#include "schedules/tile_printer.h"

#include <algorithm>
#include <set>

#include "schedules/edge_window.h"

namespace tunefarm::schedules {

void TilePrinter::Print(int first, NestPath& path) {
  tile_.emplace(tree_, facts_, out_, first);
  tile_->ForEachVariant(path, [this](NestPath& inside) { PrintBody(inside); });
}

std::string TilePrinter::Load(const std::string& pointer, int64_t offset, int64_t stride, int valid) const {
  const int lanes = tree_.vector_lanes;
  if (stride == 0 || lanes == 1) return absl::StrCat(pointer, "[", offset, "]");
  if (stride == 1 && valid == lanes)
    return absl::StrCat("*(const vec_unaligned*)(", pointer, " + ", offset, ")");
  if (stride == 1) return absl::StrCat("load_part(", pointer, " + ", offset, ", ", valid, ")");
  if (stride == 2 && valid == lanes) {
    // The second vector begins where both together end with the last element that is wanted.
    return absl::StrCat("every_second(*(const vec_unaligned*)(", pointer, " + ", offset,
                        "), *(const vec_unaligned*)(", pointer, " + ", offset + lanes - 1, "))");
  }
  std::string text = "(vec){";
  for (int lane = 0; lane < valid; ++lane) {
    absl::StrAppend(&text, lane == 0 ? "" : ", ", pointer, "[", offset + lane * stride, "]");
  }
  return text + "}";
}

std::string TilePrinter::LoadFromRow(const std::string& pointer, int64_t offset, const LaneRow& row) const {
  const int lanes = tree_.vector_lanes;
  // The elements from the `ahead`th after the first lane's.
  const auto neighbours = [&](int64_t ahead) -> std::string {
    const int64_t first = row.first + ahead;
    if (first <= -lanes || first >= row.size) return "(vec){0}";
    // The vector inside the row that holds all of them, or the whole of a shorter row.
    const int64_t read = row.size < lanes ? 0 : std::clamp<int64_t>(first, 0, row.size - lanes);
    std::string inside =
        Load(pointer, offset + ahead + read - first, 1, static_cast<int>(std::min<int64_t>(lanes, row.size)));
    if (read == first && row.size >= lanes) return inside;
    std::string text = absl::StrCat("__builtin_shufflevector((vec)", inside, ", (vec){0}");
    for (int lane = 0; lane < lanes; ++lane) {
      const int64_t from = first + lane - read;
      absl::StrAppend(&text, ", ", from >= 0 && from < lanes ? from : lanes);
    }
    return text + ")";
  };
  if (row.step == 1) return neighbours(0);
  return absl::StrCat("every_second(", neighbours(0), ", ", neighbours(lanes - 1), ")");
}

std::string TilePrinter::FirstBlock(NestPath& path) const {
  std::string condition;
  for (std::size_t axis = facts_.spatial_axes; axis < facts_.compute.axes.size(); ++axis) {
    if (const OpenLoop* loop = path.Innermost(static_cast<int>(axis))) {
      absl::StrAppend(&condition, condition.empty() ? "" : " && ", loop->name, " == 0");
    }
  }
  return condition;
}

std::string TilePrinter::LastBlock(NestPath& path) const {
  std::string condition;
  for (std::size_t axis = facts_.spatial_axes; axis < facts_.compute.axes.size(); ++axis) {
    if (const OpenLoop* loop = path.Innermost(static_cast<int>(axis))) {
      absl::StrAppend(&condition, condition.empty() ? "" : " && ", loop->name, " + ", loop->node->step,
                      " >= ", facts_.compute.axes[axis].extent);
    }
  }
  return condition;
}

void TilePrinter::PrintBody(NestPath& path) {
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
  for (const TileCell& cell : tile_->cells())
    out_.Line("vec ", cell.name, tree_.vector_lanes == 1 ? " = 0;" : " = {0};");
  const std::string first = FirstBlock(path);
  if (first.empty()) {
    PrintFetch(path);
    return;
  }
  out_.Open("if (!(", first, "))");
  for (const TileCell& cell : tile_->cells()) {
    const std::string exists = tile_->RowsExist(cell, path);
    out_.Line(exists.empty() ? "" : absl::StrCat("if (", exists, ") "), cell.name, " = ",
              Load("out", tile_->Offset(facts_.output, cell), tile_->LaneStride(facts_.output), cell.valid),
              ";");
  }
  out_.Close();
}

// Stores to lines that are in no near cache wait for them, and the next tile behind the stores; so do sums
// for what is added to them.
void TilePrinter::PrintFetch(NestPath& path) {
  if (!fetch_output_) return;
  constexpr int64_t kLine = 16;  // Floats.
  const auto fetch = [&](const LinearAccess& access, const std::string& from, const char* write) {
    std::set<int64_t> lines;
    for (const TileCell& cell : tile_->cells()) {
      const int64_t offset = tile_->Offset(access, cell);
      if (lines.insert(offset / kLine).second)
        out_.Line("__builtin_prefetch(", from, " + ", offset, write, ");");
    }
  };
  if (tile_->LaneStride(facts_.output) == 1) fetch(facts_.output, "out", ", 1");
  for (std::size_t e = 0; e < facts_.epilogue.size(); ++e) {
    const LinearAccess& access = facts_.epilogue[e];
    if (facts_.compute.epilogue[e].step != EpilogueStep::kResidual || tile_->LaneStride(access) != 1)
      continue;
    out_.Line("const float* fetched_residual = ", pointer_of_(access.access.tensor), " + ",
              path.TensorAddress(access).Text(), ";");
    fetch(access, "fetched_residual", "");
  }
}

void TilePrinter::PrintReductions(NestPath& path) {
  const std::vector<Product> products = Products();
  if (products.empty()) return;  // All of the tile's windows lie outside.
  const char* const names[2] = {"lhs", "rhs"};
  std::vector<std::string> pointers(2);
  const LinearAccess* const linear[2] = {&facts_.lhs, &facts_.rhs};
  for (int f = 0; f < 2; ++f) {
    const LoopAccess& access = tree_.accesses[tile_->multiply_add().first_access + f];
    const bool argument = tree_.buffers[access.buffer].scope == BufferScope::kArgument;
    const CSum address = argument ? path.TensorAddress(*linear[f]) : path.CopyAddress(access);
    pointers[f] = absl::StrCat(names[f], "_0");
    out_.Line("const float* ", pointers[f], " = ", pointer_of_(access.buffer), " + ", address.Text(), ";");
    if (f == 0 && tree_.edge_buffer >= 0) {
      PrintEdgeWindow(facts_, facts_.lhs, *tile_, path, pointers[f], {pointer_of_(tree_.edge_buffer)}, out_);
    }
  }
  for (std::size_t i = 0; i < tile_->serial().size(); ++i) {
    const LoopNode& node = *tile_->serial()[i];
    std::string end = path.End(node), clipped_start;
    if (const EdgeDimension* edge = tile_->ClippedLoop(node)) {
      CSum first(edge->constant);  // Index of the first tap.
      if (edge->spatial >= 0) {
        if (const OpenLoop* at = path.Innermost(edge->spatial)) first.Add(at->value, edge->step);
      }
      const std::string taps = edge->tap_step == 1 ? "" : absl::StrCat(" / ", edge->tap_step);
      clipped_start =
          absl::StrCat("max_long(0, (", edge->tap_step - 1, " - (", first.Text(), "))", taps, ")");
      end = absl::StrCat("min_long(", end, ", (", edge->size + edge->tap_step - 1, " - (", first.Text(), "))",
                         taps, ")");
    }
    const OpenLoop& loop = path.Push(node);
    if (node.unroll > 1) out_.Line("#pragma GCC unroll ", static_cast<int>(node.unroll));
    const std::string start = !clipped_start.empty() ? clipped_start
                              : loop.origin.empty()  ? "0"
                                                     : loop.origin;
    out_.Open("for (long ", loop.name, " = ", start, "; ", loop.name, " < ", end, "; ",
              node.step == 1 ? absl::StrCat("++", loop.name) : absl::StrCat(loop.name, " += ", node.step),
              ")");
    for (int f = 0; f < 2; ++f) {
      const LoopAccess& access = tree_.accesses[tile_->multiply_add().first_access + f];
      if (access.strides[node.depth] == 0) continue;
      CSum step;
      step.Add(loop.origin.empty() ? loop.name : absl::StrCat("(", loop.name, " - ", loop.origin, ")"),
               access.strides[node.depth] / node.step);
      const std::string pointer = absl::StrCat(names[f], "_", i + 1);
      out_.Line("const float* ", pointer, " = ", pointers[f], " + ", step.Text(), ";");
      pointers[f] = pointer;
    }
  }
  PrintMultiplyAdds(products, pointers);
  for (std::size_t i = 0; i < tile_->serial().size(); ++i) {
    out_.Close();
    path.Pop();
  }
}

bool TilePrinter::NextUnrolled(std::vector<int>& index) const {
  std::size_t l = index.size();
  while (l > 0 && ++index[l - 1] == tile_->unrolled()[l - 1]->extent) index[--l] = 0;
  return l > 0;
}

std::vector<TilePrinter::Product> TilePrinter::Products() const {
  std::vector<Product> products;
  std::vector<int> index(tile_->unrolled().size(), 0);
  do {
    for (const TileCell& cell : tile_->cells()) {
      if (!tile_->Contributes(cell, index)) continue;
      Product product{.cell = &cell, .index = index};
      for (int f = 0; f < 2; ++f) {
        const LoopAccess& access = tree_.accesses[tile_->multiply_add().first_access + f];
        product.offset[f] = tile_->Offset(access, cell);
        for (std::size_t l = 0; l < index.size(); ++l)
          product.offset[f] += int64_t{access.strides[tile_->unrolled()[l]->depth]} * index[l];
      }
      if (tree_.vector_lanes > 1) product.row = tile_->RowOf(cell, index);
      products.push_back(std::move(product));
    }
  } while (NextUnrolled(index));
  if (LaneStride(0) != 0 && LaneStride(1) == 0) GroupByVector(products);
  return products;
}

void TilePrinter::GroupByVector(std::vector<Product>& products) const {
  const LoopAccess& weights = tree_.accesses[tile_->multiply_add().first_access + 1];
  for (const TileCell& cell : tile_->cells()) {
    if (tile_->Offset(weights, cell) != 0) return;
  }
  const auto vector_of = [](const Product& product) {
    return std::pair(product.offset[0], product.row.has_value() ? product.row->first : 0);
  };
  std::map<std::pair<int64_t, int64_t>, std::size_t> first_use;
  for (const Product& product : products) first_use.try_emplace(vector_of(product), first_use.size());
  std::ranges::stable_sort(products, {}, [&](const Product& p) { return first_use.at(vector_of(p)); });
}

int64_t TilePrinter::LaneStride(int factor) const {
  const LoopAccess& access = tree_.accesses[tile_->multiply_add().first_access + factor];
  return tile_->lanes_node() == nullptr ? 0 : access.strides[tile_->lanes_node()->depth];
}

void TilePrinter::PrintMultiplyAdds(const std::vector<Product>& products,
                                    const std::vector<std::string>& pointers) {
  // Loads that were printed already: by factor, offset, valid lanes and place in the row.
  std::map<std::tuple<int, int64_t, int, int64_t>, std::string> loaded;
  int count[2] = {0, 0};
  const auto operand = [&](int f, const Product& product) {
    const LoopAccess& access = tree_.accesses[tile_->multiply_add().first_access + f];
    const int64_t stride = LaneStride(f), offset = product.offset[f];
    const std::optional<LaneRow> row = f == 0 ? product.row : std::nullopt;
    int valid = product.cell->valid;
    const bool argument = tree_.buffers[access.buffer].scope == BufferScope::kArgument;
    if (stride == 0 || !argument) valid = tree_.vector_lanes;  // Copies hold whole vectors.
    auto [entry, is_new] = loaded.try_emplace({f, offset, valid, row.has_value() ? row->first : 0});
    if (is_new) {
      entry->second = absl::StrCat(f == 0 ? "l_" : "r_", count[f]++);
      out_.Line(
          "const ", stride == 0 ? "float " : "vec ", entry->second, " = ",
          row.has_value() ? LoadFromRow(pointers[f], offset, *row) : Load(pointers[f], offset, stride, valid),
          ";");
    }
    return entry->second;
  };
  // Scalars that several taps share are read again for each: kept, they would cost the registers of the tile.
  const bool broadcast = tree_.vector_lanes > 1 && tile_->LaneStride(facts_.lhs) == 0;
  const std::vector<int>* index = nullptr;
  for (const Product& product : products) {
    if (broadcast && index != nullptr && *index != product.index) {
      out_.Line("__asm__(\"\" : \"+r\"(", pointers[0], "));");
      std::erase_if(loaded, [](const auto& entry) { return std::get<0>(entry.first) == 0; });
    }
    index = &product.index;
    const std::string weight = operand(1, product), input = operand(0, product);
    out_.Line(product.cell->name, " += ", input, " * ", weight, ";");
  }
}

void TilePrinter::PrintEpilogue(NestPath& path) {
  if (facts_.epilogue.empty()) return;
  const std::string last = LastBlock(path);
  if (!last.empty()) out_.Open("if (", last, ")");
  for (std::size_t e = 0; e < facts_.epilogue.size(); ++e) {
    const EpilogueStep step = facts_.compute.epilogue[e].step;
    if (step == EpilogueStep::kRelu || step == EpilogueStep::kRelu6) {
      for (const TileCell& cell : tile_->cells()) {
        out_.Line(cell.name, " = ", step == EpilogueStep::kRelu ? "relu(" : "relu6(", cell.name, ");");
      }
      continue;
    }
    const LinearAccess& access = facts_.epilogue[e];
    const char* name = step == EpilogueStep::kBias ? "bias" : "residual";
    const std::string pointer = absl::StrCat(name, "_tile");
    out_.Line("const float* ", pointer, " = ", pointer_of_(access.access.tensor), " + ",
              path.TensorAddress(access).Text(), ";");
    bool by_row = step == EpilogueStep::kResidual;  // Rows that are padding have no element of it.
    for (int axis = 0; axis < facts_.spatial_axes; ++axis) {
      by_row = by_row || (axis != tile_->vector_axis() && access.uses[axis] && tile_->size(axis) > 1);
    }
    for (const TileCell& cell : tile_->cells()) {
      const std::string exists = by_row ? tile_->RowsExist(cell, path) : "";
      out_.Line(exists.empty() ? "" : absl::StrCat("if (", exists, ") "), cell.name,
                " += ", Load(pointer, tile_->Offset(access, cell), tile_->LaneStride(access), cell.valid),
                ";");
    }
  }
  if (!last.empty()) out_.Close();
}

void TilePrinter::PrintStore(NestPath& path) {
  const int lanes = tree_.vector_lanes;
  if (lanes > 1 && tile_->LaneStride(facts_.output) != 1) return PrintStagedStore(path, "out");
  for (const TileCell& cell : tile_->cells()) {
    const std::string exists = tile_->RowsExist(cell, path);
    const int64_t offset = tile_->Offset(facts_.output, cell);
    if (!exists.empty()) out_.Open("if (", exists, ")");
    if (lanes == 1) {
      out_.Line("out[", offset, "] = ", cell.name, ";");
    } else if (cell.valid == lanes) {
      out_.Line("*(vec_unaligned*)(out + ", offset, ") = ", cell.name, ";");
    } else {
      out_.Line("store_part(out + ", offset, ", ", cell.name, ", ", cell.valid, ");");
    }
    if (!exists.empty()) out_.Close();
  }
}

// Where the output is not contiguous along the vectors: through a small array, so that the innermost loop
// writes along the output's own innermost axis.
void TilePrinter::PrintStagedStore(NestPath& path, const std::string& output) {
  const int lanes = tree_.vector_lanes;
  const int vector_axis = tile_->vector_axis();
  // Cells that differ only along the vector axis are one row of the array.
  std::vector<const TileCell*> rows;
  for (const TileCell& cell : tile_->cells()) {
    if (cell.at[vector_axis] == 0) rows.push_back(&cell);
  }
  const int64_t width = (tile_->size(vector_axis) + lanes - 1) / lanes * lanes;
  out_.Line("float staged[", rows.size(), "][", width, "] __attribute__((aligned(64)));");
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (const TileCell& cell : tile_->cells()) {
      bool same_row = true;
      for (std::size_t axis = 0; axis < cell.at.size(); ++axis) {
        same_row = same_row && (static_cast<int>(axis) == vector_axis || cell.at[axis] == rows[r]->at[axis]);
      }
      if (same_row) out_.Line("*(vec*)&staged[", r, "][", cell.at[vector_axis], "] = ", cell.name, ";");
    }
  }
  out_.Open("for (long lane = 0; lane < ", tile_->size(vector_axis), "; ++lane)");
  out_.Line("float* lane_out = ", output, " + lane * ", tile_->LaneStride(facts_.output), ";");
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const std::string exists = tile_->RowsExist(*rows[r], path);
    out_.Line(exists.empty() ? "" : absl::StrCat("if (", exists, ") "), "lane_out[",
              tile_->Offset(facts_.output, *rows[r]), "] = staged[", r, "][lane];");
  }
  out_.Close();
}

}  // namespace tunefarm::schedules
