// Of DotPrinter: how an int8 input is copied to where its windows can be read.
#include <algorithm>

#include "schedules/dot_printing.h"

namespace tunefarm::schedules {

int64_t DotPrinter::PlaneStride(int node) const {
  const LoopNode& statement = tree_.nodes[tree_.nodes[node].end - 1];
  const LoopAccess& write = tree_.accesses[statement.first_access + 1];
  for (int n = node; tree_.nodes[n].is_loop; ++n) {
    if (tree_.nodes[n].dimension == static_cast<int>(facts_.lhs.tensor_strides.size()) - 1) {
      return write.strides[tree_.nodes[n].depth];
    }
  }
  return 0;  // A single plane.
}

// A row of each plane. Where it begins along the row is known: rows are copied whole.
void DotPrinter::CopyPlanes(int node, const CSum& from, const std::string& source, int64_t start,
                            int64_t count, int64_t channels) {
  const int row = static_cast<int>(facts_.lhs.tensor_strides.size()) - 2;
  const int64_t pixel = facts_.lhs.tensor_strides[row];
  const int64_t width = facts_.compute.tensors[facts_.lhs.access.tensor].shape[row];
  const int64_t lead = std::clamp<int64_t>(-start, 0, count);
  const int64_t inner = std::clamp<int64_t>(width - (start + lead), 0, count - lead);
  const int64_t plane = PlaneStride(node);
  if (lead > 0) out_.Line("fill_planes(to, ", plane, ", ", lead, ", ", channels, ");");
  if (inner > 0) {
    CSum address = from;
    address.Add((start + lead) * pixel);
    out_.Line("convert_planes(to + ", lead, ", ", plane, ", ", source, " + ", address.Text(), ", ", pixel,
              ", ", inner, ", ", channels, ");");
  }
  if (lead + inner < count) {
    out_.Line("fill_planes(to + ", lead + inner, ", ", plane, ", ", count - lead - inner, ", ", channels,
              ");");
  }
}

// Runs along the tensor's last dimension are converted at once; what lies outside the tensor is filled.
void DotPrinter::CopyInput(int node, NestPath& path, const std::string& source,
                           const std::string& destination, const std::string& pragma) {
  const LinearAccess& lhs = facts_.lhs;
  const LoopNode& statement = tree_.nodes[tree_.nodes[node].end - 1];
  const LoopAccess& write = tree_.accesses[statement.first_access + 1];
  const std::vector<int64_t>& shape = facts_.compute.tensors[lhs.access.tensor].shape;
  const bool planar = dot_.kernel->planar;
  const int channels = static_cast<int>(shape.size()) - 1;
  std::vector<int64_t> size(shape.size(), 1);
  for (int n = node; tree_.nodes[n].is_loop; ++n) size[tree_.nodes[n].dimension] = tree_.nodes[n].extent;
  // Whole pixels of neighbouring columns are one run, in the tensor and in the copy; but for what the threads
  // share.
  const bool whole = (dot_.kernel->isa == DotIsa::kAvx2 || dot_.kernel->isa == DotIsa::kAvx512) &&
                     channels > 0 && size[channels] == shape[channels] &&
                     lhs.access.index[channels].constant == 0 && (pragma.empty() || channels > 1);
  const int last = planar || whole ? channels - 1 : channels;
  const int64_t unit = whole ? shape[channels] : 1;  // Elements of a step along a run.

  // Where the copy begins in each dimension, and whether it may leave the tensor.
  std::vector<CSum> begin;
  std::vector<bool> low(shape.size()), high(shape.size());
  for (std::size_t d = 0; d < shape.size(); ++d) {
    const AffineIndex& index = lhs.access.index[d];
    CSum sum(index.constant);
    int64_t highest = index.constant + size[d] - 1;
    for (const AffineTerm& term : index.terms) {
      const OpenLoop* loop = path.Innermost(term.axis);
      if (loop == nullptr) continue;
      sum.Add(loop->base, term.coefficient);
      const int64_t step = loop->node->step;
      highest += term.coefficient * ((facts_.compute.axes[term.axis].extent - 1) / step * step);
    }
    begin.push_back(sum);
    low[d] = index.constant < 0;
    high[d] = highest >= shape[d];
  }

  const PairSums& pairs = dot_.pair_sums;
  CSum to, from, pair_sums;
  std::string inside;
  int open = 0;
  bool first = true;
  for (int n = node; tree_.nodes[n].is_loop; ++n) {
    const int d = tree_.nodes[n].dimension;
    if (d >= last) continue;
    const std::string i = absl::StrCat("i", d);
    if (first && !pragma.empty()) out_.Line(pragma);
    first = false;
    out_.Open("for (long ", i, " = 0; ", i, " < ", size[d], "; ++", i, ")");
    ++open;
    begin[d].Add(i, 1);
    const int64_t stride = write.strides[tree_.nodes[n].depth];
    to.Add(i, stride);
    if (dot_.kernel->paired) pair_sums.Add(i, stride / pairs.row * pairs.windows);
  }
  for (int d = 0; d < last; ++d) {
    const std::string index = absl::StrCat("y", d);
    out_.Line("const long ", index, " = ", begin[d].Text(), ";");
    from.Add(index, lhs.tensor_strides[d]);
    if (!low[d] && !high[d]) continue;
    absl::StrAppend(&inside, inside.empty() ? "" : " && ",
                    low[d] && high[d] ? absl::StrCat("(unsigned long)", index, " < ", shape[d])
                    : low[d]          ? absl::StrCat(index, " >= 0")
                                      : absl::StrCat(index, " < ", shape[d]));
  }
  out_.Line(CTypeOf(dot_.kernel->lhs), "* to = ", destination, " + ", to.Text(), ";");
  if (!inside.empty()) out_.Open("if (", inside, ")");
  const std::string times = unit == 1 ? "" : absl::StrCat(" * ", unit);
  const auto fill = [&](const std::string& target, const std::string& count) {
    out_.Line("fill(", target, ", ", count, times, ");");
  };
  const auto convert = [&](const std::string& target, const std::string& start, const std::string& count) {
    CSum address = from;
    if (start != "0") address.Add(start, unit);
    out_.Line("convert(", target, ", ", source, " + ", address.Text(), ", ", count, times, ");");
  };
  if (planar) {
    from.Add(begin[channels].Text(), 1);
    CopyPlanes(node, from, source, lhs.access.index[last].constant, size[last], size[channels]);
  } else if (!low[last] && !high[last]) {
    convert("to", begin[last].Text(), absl::StrCat(size[last]));
  } else if (begin[last].is_constant()) {
    const int64_t start = lhs.access.index[last].constant;
    const int64_t lead = std::clamp<int64_t>(-start, 0, size[last]);
    const int64_t count = std::clamp<int64_t>(shape[last] - (start + lead), 0, size[last] - lead);
    if (lead > 0) fill("to", absl::StrCat(lead));
    if (count > 0) {
      convert(lead > 0 ? absl::StrCat("to + ", lead * unit) : "to", absl::StrCat(start + lead),
              absl::StrCat(count));
    }
    if (lead + count < size[last]) {
      fill(absl::StrCat("to + ", (lead + count) * unit), absl::StrCat(size[last] - lead - count));
    }
  } else {
    out_.Line("const long start = ", begin[last].Text(), ";");
    out_.Line("const long lead = start < 0 ? min_long(-start, ", size[last], ") : 0;");
    out_.Line("const long rest = min_long(", shape[last], " - (start + lead), ", size[last], " - lead);");
    out_.Line("const long count = rest > 0 ? rest : 0;");
    fill("to", "lead");
    convert(absl::StrCat("to + lead", times), "(start + lead)", "count");
    fill(absl::StrCat("to + (lead + count)", times), absl::StrCat("(", size[last], " - lead - count)"));
  }
  if (!inside.empty()) {
    out_.Else();
    if (planar) {
      out_.Line("fill_planes(to, ", PlaneStride(node), ", ", size[last], ", ", size[channels], ");");
    } else {
      fill("to", absl::StrCat(size[last]));
    }
    out_.Close();
  }
  if (dot_.kernel->paired) {
    out_.Line("sum_pairs(", PairSumsName(), " + ", pair_sums.Text(), ", to, ", whole ? size[last] : 1, ", ",
              pairs.row, ", ", pairs.windows, ", ", pairs.step, ", ", pairs.groups, ");");
  }
  while (open-- > 0) out_.Close();
}

}  // namespace tunefarm::schedules
