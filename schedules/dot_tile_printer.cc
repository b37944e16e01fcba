#include "schedules/dot_tile_printer.h"

#include <algorithm>
#include <map>
#include <vector>

#include "schedules/dot_windows.h"
#include "schedules/edge_window.h"

namespace tunefarm::schedules {

void DotTilePrinter::Print(int first, NestPath& path) {
  TileCells tile(tree_, facts_, out_, first);
  tile.ForEachVariant(path, [&](NestPath& inside) { PrintBody(tile, inside); });
}

void DotTilePrinter::PrintBody(const TileCells& tile, NestPath& path) {
  out_.Open();
  out_.Line("int8_t* out = ", pointer_of_(facts_.output.access.tensor), " + ",
            path.TensorAddress(facts_.output).Text(), ";");
  const ChannelTable& table = dot_.channels;
  CSum slot;
  auto stride = static_cast<int64_t>(table.fields.size());
  for (std::size_t i = table.axes.size(); i-- > 0;) {
    if (const OpenLoop* loop = path.Innermost(table.axes[i])) slot.Add(loop->base, stride);
    stride *= table.size[i];
  }
  out_.Line("const int32_t* channel = ", pointer_of_(table.buffer), " + ", slot.Text(), ";");
  if (dot_.kernel->paired) {
    PrintStart(tile, path);
  } else {
    for (const TileCell& cell : tile.cells()) {
      out_.Line("sums", Width(cell), " ", cell.name, " = load_channels", Width(cell), "(channel + ",
                ChannelOffset(cell), ");");
    }
  }
  if (dot_.kernel->planar) {
    PrintTaps(tile, path);
  } else if (dot_.kernel->window_terms > 0) {
    PrintWindows(tile, path);
  } else {
    PrintReductions(tile, path);
  }
  PrintStore(tile, path);
  out_.Close();
}

// Without the sums of the input's pairs, of all rows of the window.
void DotTilePrinter::PrintStart(const TileCells& tile, NestPath& path) {
  const PairSums& pairs = dot_.pair_sums;
  std::vector<int64_t> taps = {0};
  for (const std::vector<const LoopNode*>* loops : {&tile.serial(), &tile.unrolled()}) {
    for (const LoopNode* loop : *loops) {
      if (loop->axis == dot_.roles.k) continue;
      const std::vector<int64_t> inside = taps;
      for (int i = 1; i < loop->extent; ++i) {
        for (const int64_t tap : inside) taps.push_back(tap + int64_t{pairs.access.strides[loop->depth]} * i);
      }
    }
  }
  out_.Line("const uint32_t* pairs = ", pointer_of_(pairs.buffer), " + ",
            path.CopyAddress(pairs.access).Text(), ";");
  std::map<int64_t, std::string> rows;  // By offset.
  for (const TileCell& cell : tile.cells()) {
    const int64_t offset = tile.Offset(pairs.access, cell);
    const auto [row, is_new] = rows.try_emplace(offset, absl::StrCat("pairs_", rows.size()));
    if (is_new) {
      std::string sum;
      for (const int64_t tap : taps)
        absl::StrAppend(&sum, sum.empty() ? "" : " + ", "pairs[", offset + tap, "]");
      out_.Line("const uint32_t ", row->second, " = ", sum, ";");
    }
    out_.Line("sums ", cell.name, " = start(load_channels(channel + ", ChannelOffset(cell), "), ",
              row->second, ");");
  }
}

void DotTilePrinter::PrintReductions(const TileCells& tile, NestPath& path) {
  const char* const names[2] = {"row", "panel"};
  const LinearAccess* const linear[2] = {&facts_.lhs, &facts_.rhs};
  const char* const types[2] = {CTypeOf(dot_.kernel->lhs), CTypeOf(dot_.kernel->rhs)};
  std::string pointers[2];
  for (int f = 0; f < 2; ++f) {
    const LoopAccess& access = Access(tile, f);
    const bool argument = tree_.buffers[access.buffer].scope == BufferScope::kArgument;
    const CSum address = argument ? path.TensorAddress(*linear[f]) : path.CopyAddress(access);
    pointers[f] = names[f];
    out_.Line("const ", types[f], "* ", names[f], " = ", pointer_of_(access.buffer), " + ", address.Text(),
              ";");
  }
  const std::vector<const LoopNode*>& serial = tile.serial();
  for (std::size_t i = 0; i + 1 < serial.size(); ++i) {
    const LoopNode& node = *serial[i];
    const std::string counter = facts_.compute.axes[node.axis].name;
    out_.Open("for (int ", counter, " = 0; ", counter, " < ", node.extent, "; ++", counter, ")");
    for (int f = 0; f < 2; ++f) {
      CSum step;
      step.Add(counter, Access(tile, f).strides[node.depth]);
      const std::string pointer = absl::StrCat(names[f], "_", i);
      out_.Line("const ", types[f], "* ", pointer, " = ", pointers[f], " + ", step.Text(), ";");
      pointers[f] = pointer;
    }
  }
  if (serial.empty()) {
    PrintUnrolled(tile, pointers[0], pointers[1], 0, 0);
  } else {
    PrintInnermost(tile, *serial.back(), pointers[0], pointers[1]);
  }
  for (std::size_t i = 0; i + 1 < serial.size(); ++i) out_.Close();
}

// Pointers move with the loop, which ends where the weights of its last whole step do.
void DotTilePrinter::PrintInnermost(const TileCells& tile, const LoopNode& loop, const std::string& lhs,
                                    const std::string& rhs) {
  const int64_t lhs_step = Access(tile, 0).strides[loop.depth],
                rhs_step = Access(tile, 1).strides[loop.depth];
  const int unroll = std::max<int>(1, loop.unroll);
  const int whole = loop.extent / unroll;
  const std::string suffix = absl::StrCat("_", loop.depth);
  const std::string l = "l" + suffix, r = "r" + suffix;
  out_.Line("const ", CTypeOf(dot_.kernel->lhs), "* ", l, " = ", lhs, ";");
  out_.Line("const ", CTypeOf(dot_.kernel->rhs), "* ", r, " = ", rhs, ";");
  if (whole > 0) {
    out_.Line("const ", CTypeOf(dot_.kernel->rhs), "* const end", suffix, " = ", r, " + ",
              rhs_step * unroll * whole, ";");
    out_.Open("do");
    for (int u = 0; u < unroll; ++u) PrintUnrolled(tile, l, r, u * lhs_step, u * rhs_step);
    out_.Line(l, " += ", unroll * lhs_step, ";");
    out_.Line(r, " += ", unroll * rhs_step, ";");
    out_.CloseWhile(absl::StrCat(r, " != end", suffix));
  }
  for (int u = 0; u < loop.extent % unroll; ++u) PrintUnrolled(tile, l, r, u * lhs_step, u * rhs_step);
}

void DotTilePrinter::PrintUnrolled(const TileCells& tile, const std::string& lhs, const std::string& rhs,
                                   int64_t lhs_offset, int64_t rhs_offset) {
  const std::vector<const LoopNode*>& loops = tile.unrolled();
  std::vector<int> index(loops.size(), 0);
  while (true) {
    int64_t l = lhs_offset, r = rhs_offset;
    for (std::size_t i = 0; i < index.size(); ++i) {
      l += int64_t{Access(tile, 0).strides[loops[i]->depth]} * index[i];
      r += int64_t{Access(tile, 1).strides[loops[i]->depth]} * index[i];
    }
    PrintGroup(tile, lhs, rhs, l, r);
    std::size_t i = index.size();
    while (i > 0 && ++index[i - 1] == loops[i - 1]->extent) index[--i] = 0;
    if (i == 0) return;
  }
}

// The side with fewer operands stays in registers; the other comes two at a time, as loads in a row are
// cheaper than loads apart; but on x86-64, where registers are what is short.
void DotTilePrinter::PrintGroup(const TileCells& tile, const std::string& lhs, const std::string& rhs,
                                int64_t lhs_offset, int64_t rhs_offset) {
  const bool x86 = dot_.kernel->isa == DotIsa::kAvx2 || dot_.kernel->isa == DotIsa::kAvx512;
  const std::size_t at_once = x86 ? 1 : 2;
  std::map<int64_t, std::string> names[2];  // By offset.
  const auto offset = [&](int f, const TileCell& cell) {
    return (f == 0 ? lhs_offset : rhs_offset) + tile.Offset(Access(tile, f), cell);
  };
  for (const TileCell& cell : tile.cells()) {
    names[0].try_emplace(offset(0, cell));
    names[1].try_emplace(offset(1, cell));
  }
  const int group = groups_++;
  const auto load = [&](int f, int64_t at, std::string& name) {
    name = absl::StrCat(f == 0 ? "x" : "w", group, "_", std::distance(names[f].begin(), names[f].find(at)));
    if (f == 0) {
      out_.Line("const lhs_terms ", name, " = load_lhs(", lhs, " + ", at, ");");
    } else if (dot_.folds) {
      out_.Line("const folded_terms ", name, " = fold_rhs(", rhs, " + ", at, ");");
    } else {
      out_.Line("const rhs_terms ", name, " = load_rhs(", rhs, " + ", at, ");");
    }
  };
  const int kept = names[0].size() <= names[1].size() && !dot_.kernel->paired ? 0 : 1, streamed = 1 - kept;
  for (auto& [at, name] : names[kept]) load(kept, at, name);
  std::vector<int64_t> together;
  for (auto entry = names[streamed].begin(); entry != names[streamed].end();) {
    together.clear();
    for (; together.size() < at_once && entry != names[streamed].end(); ++entry) {
      load(streamed, entry->first, entry->second);
      together.push_back(entry->first);
    }
    for (const TileCell& cell : tile.cells()) {
      const int64_t at = offset(streamed, cell);
      if (std::ranges::find(together, at) == together.end()) continue;
      out_.Line(cell.name, dot_.folds ? " = dot_folded(" : " = dot(", cell.name, ", ",
                names[0][offset(0, cell)], ", ", names[1][offset(1, cell)], ");");
    }
  }
}

void DotTilePrinter::PrintTaps(const TileCells& tile, NestPath& path) {
  const LoopAccess& input = Access(tile, 0);
  const auto words = static_cast<int64_t>(dot_.taps.weight_words.size());
  std::vector<const LoopNode*> rows;  // Of the window.
  int64_t window = 2 * words;         // Elements that a channel's weights take.
  for (const LoopNode* loop : tile.unrolled()) {
    if (loop->axis == dot_.roles.tap) continue;
    rows.push_back(loop);
    window *= loop->extent;
  }
  CSum weights;
  if (const OpenLoop* loop = path.Innermost(dot_.roles.channels)) weights.Add(loop->base, window);
  out_.Line("const int16_t* row = ", pointer_of_(input.buffer), " + ", path.CopyAddress(input).Text(), ";");
  out_.Line("const int16_t* panel = ", pointer_of_(Access(tile, 1).buffer), " + ", weights.Text(), ";");
  std::vector<bool> used(words, false), read;  // By outputs that a shorter tile has.
  for (const TapStep& step : dot_.taps.steps) {
    if (step.output >= static_cast<int>(tile.cells().size())) continue;
    used[step.weight_word] = true;
    read.resize(std::max<std::size_t>(read.size(), step.input_word + 1));
    read[step.input_word] = true;
  }
  std::vector<int> index(rows.size(), 0);
  for (int64_t printed = 0;; ++printed) {
    int64_t offset = 0;
    for (std::size_t i = 0; i < index.size(); ++i)
      offset += int64_t{input.strides[rows[i]->depth]} * index[i];
    for (int64_t w = 0; w < words; ++w) {
      if (!used[w]) continue;
      out_.Line("const int16x2_t w", printed, "_", w, " = load_word(panel + ", (printed * words + w) * 2,
                ");");
    }
    int loaded = 0;  // Words of the input.
    for (const TapStep& step : dot_.taps.steps) {
      if (step.output >= static_cast<int>(tile.cells().size())) continue;  // A shorter tile.
      for (; loaded <= step.input_word; ++loaded) {
        if (!read[loaded]) continue;
        out_.Line("const int16x2_t x", printed, "_", loaded, " = load_word(row + ",
                  offset + int64_t{2} * loaded, ");");
      }
      const char* const kind = step.pair        ? "d"
                               : step.input_top ? (step.weight_top ? "tt" : "tb")
                                                : (step.weight_top ? "bt" : "bb");
      const std::string& sum = tile.cells()[step.output].name;
      out_.Line(sum, " = __smla", kind, "(x", printed, "_", step.input_word, ", w", printed, "_",
                step.weight_word, ", ", sum, ");");
    }
    std::size_t i = index.size();
    while (i > 0 && ++index[i - 1] == rows[i - 1]->extent) index[--i] = 0;
    if (i == 0) return;
  }
}

void DotTilePrinter::PrintWindows(const TileCells& tile, NestPath& path) {
  const DotKernel& kernel = *dot_.kernel;
  const LoopAccess& input = Access(tile, 0);
  const WindowPlan window = PlanWindow(facts_, dot_.roles, kernel);
  int64_t pitch = 0, step = 0;  // From a tap to the one below, and to the one beside it.
  for (const LoopNode* loop : tile.unrolled()) {
    (loop->axis == window.down ? pitch : step) = input.strides[loop->depth];
  }
  const int64_t weights = window.WeightsOf(kernel.lanes);  // Of a tile of lanes.
  CSum panel;
  if (const OpenLoop* loop = path.Innermost(dot_.roles.channels)) {
    panel.Add(loop->base, weights / kernel.lanes);
  }
  const bool copied = tree_.buffers[input.buffer].scope != BufferScope::kArgument;
  const CSum address = copied ? path.CopyAddress(input) : path.TensorAddress(facts_.lhs);
  out_.Line("const ", CTypeOf(kernel.lhs), "* row = ", pointer_of_(input.buffer), " + ", address.Text(), ";");
  if (tree_.edge_buffer >= 0) {
    // Where vectors reach over the last channels they end in the copy.
    const bool reaches_over = std::ranges::any_of(tile.cells(), [&](const TileCell& cell) {
      return cell.valid < (cell.valid <= kernel.narrow_lanes ? kernel.narrow_lanes : kernel.lanes);
    });
    PrintEdgeWindow(facts_, facts_.lhs, tile, path, "row",
                    {pointer_of_(tree_.edge_buffer),
                     absl::StrCat(facts_.compute.requantize->input_zero_point), reaches_over},
                    out_);
  }
  out_.Line("const ", CTypeOf(kernel.rhs), "* panel = ", pointer_of_(Access(tile, 1).buffer), " + ",
            panel.Text(), ";");
  struct Use {
    const TileCell* cell;
    int column;
  };
  std::map<int64_t, std::vector<Use>> uses;  // Of the column that stands there.
  for (const TileCell& cell : tile.cells()) {
    for (int column = 0; column < window.columns; ++column) {
      uses[tile.Offset(input, cell) + column * step].push_back({&cell, column});
    }
  }
  for (int group = 0; group < window.groups; ++group) {
    const int terms = std::min(window.terms, window.height - group * window.terms);
    int count = 0;
    for (const auto& [offset, cells] : uses) {
      const std::string name = absl::StrCat("x", group, "_", count++);
      const char* const width = Width(*cells[0].cell);  // All are of the same channels.
      out_.Line("const lhs_terms", width, " ", name, " = load_rows", terms, width, "(row + ",
                offset + int64_t{group} * window.terms * pitch, ", ", pitch, ");");
      for (const Use& use : cells) {
        const int64_t at = ChannelOffset(*use.cell) / kernel.lanes * weights +
                           (int64_t{group} * window.columns + use.column) * kernel.lanes * window.terms;
        out_.Line(use.cell->name, " = dot", width, "(", use.cell->name, ", ", name, ", panel + ", at, ");");
      }
    }
  }
}

void DotTilePrinter::PrintStore(const TileCells& tile, NestPath& path) {
  const ChannelTable& table = dot_.channels;
  std::map<int64_t, std::string> parameters;  // By channel.
  std::vector<TileCell> cells = tile.cells();
  if (dot_.kernel->scaling == DotScaling::kFloats) {
    // A vector of channels after the other: their parameters would not fit into the registers together.
    std::ranges::stable_sort(cells, {}, [&](const TileCell& cell) { return ChannelOffset(cell); });
  }
  for (const TileCell& cell : cells) {
    const int64_t channel = ChannelOffset(cell);
    const auto [entry, is_new] = parameters.try_emplace(channel);
    for (std::size_t f = 1; is_new && f < table.fields.size(); ++f) {
      const std::string name = absl::StrCat(table.fields[f], "_", channel);
      out_.Line("const sums", Width(cell), " ", name, " = load_channels", Width(cell), "(channel + ",
                static_cast<int64_t>(f) * table.tile + channel, ");");
      absl::StrAppend(&entry->second, ", ", name);
    }
    const std::string exists = tile.RowsExist(cell, path);
    out_.Line(exists.empty() ? "" : absl::StrCat("if (", exists, ") "), "store_channels", Width(cell),
              "(out + ", tile.Offset(facts_.output, cell), ", requantize", Width(cell), "(", cell.name,
              entry->second, "), ", cell.valid, ");");
  }
}

}  // namespace tunefarm::schedules
