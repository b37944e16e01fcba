#include "schedules/edge_window.h"

#include <algorithm>
#include <vector>

namespace tunefarm::schedules {
namespace {

// A dimension of the window.
struct Side {
  int64_t span = 1;  // Elements of the tensor along it.
  int64_t size = 1;  // Of the tensor.
  int32_t stride = 1;
  std::string start;  // Index of the first, where the window may cross an edge; else empty.
  bool low = false, high = false;
  std::string name;  // The copying loop's variable; empty where the span is 1.
};

int64_t CoveredBy(const ComputeFacts& facts, const TileCells& tile, NestPath& path, int axis) {
  if (axis < facts.spatial_axes) return tile.size(axis);
  const OpenLoop* block = path.Innermost(axis);
  const int64_t extent = facts.compute.axes[axis].extent;
  return block == nullptr ? extent : std::min<int64_t>(extent, block->node->step);
}

std::vector<Side> SidesOf(const ComputeFacts& facts, const LinearAccess& access, const TileCells& tile,
                          NestPath& path) {
  std::vector<Side> sides;
  for (std::size_t d = 0; d < access.access.index.size(); ++d) {
    const AffineIndex& index = access.access.index[d];
    Side side;
    side.size = facts.compute.tensors[access.access.tensor].shape[d];
    side.stride = access.tensor_strides[d];
    CSum start(index.constant);
    int64_t highest = index.constant;
    for (const AffineTerm& term : index.terms) {
      const int64_t covered = CoveredBy(facts, tile, path, term.axis);
      const int64_t extent = facts.compute.axes[term.axis].extent;
      side.span += term.coefficient * (covered - 1);
      const OpenLoop* loop = path.Innermost(term.axis);
      if (loop != nullptr) start.Add(loop->value, term.coefficient);
      // The last block of a reduction may reach over its end.
      highest += term.coefficient * (term.axis >= facts.spatial_axes && loop != nullptr
                                         ? (extent + covered - 1) / covered * covered - 1
                                         : extent - 1);
    }
    side.low = index.constant < 0;
    side.high = highest >= side.size;
    if (side.low || side.high) side.start = start.Text();
    if (side.span > 1) side.name = absl::StrCat("w", d);
    sides.push_back(std::move(side));
  }
  return sides;
}

// That the element of the copying loops exists, as far as this side decides it.
std::string Exists(const Side& side) {
  return absl::StrCat("(unsigned long)(", side.start, side.name.empty() ? "" : " + " + side.name, ") < ",
                      side.size);
}

}  // namespace

void PrintEdgeWindow(const ComputeFacts& facts, const LinearAccess& access, const TileCells& tile,
                     NestPath& path, const std::string& pointer, const EdgeCopy& copy, CText& out) {
  const std::vector<Side> sides = SidesOf(facts, access, tile, path);
  std::string crosses;
  const auto either = [&](const std::string& text) {
    absl::StrAppend(&crosses, crosses.empty() ? "" : " || ", text);
  };
  for (const Side& side : sides) {
    if (side.low) either(absl::StrCat(side.start, " < 0"));
    if (side.high) either(absl::StrCat(side.start, " + ", side.span, " > ", side.size));
  }
  if (crosses.empty() && !copy.always) return;
  if (copy.always) {
    out.Open();
  } else {
    out.Open("if (", crosses, ")");
    out.Line("// The window crosses the edge.");
  }
  std::string outside_innermost;
  const Side* innermost = nullptr;
  for (const Side& side : sides) {
    if (!side.name.empty()) innermost = &side;
  }
  for (const Side& side : sides) {
    if (!side.start.empty() && &side != innermost)
      absl::StrAppend(&outside_innermost, outside_innermost.empty() ? "" : " && ", Exists(side));
  }
  CSum offset;
  const auto open = [&](const Side& side, const std::string& from, const std::string& to) {
    out.Open("for (long ", side.name, " = ", from, "; ", side.name, " < ", to, "; ++", side.name, ")");
  };
  for (const Side& side : sides) {
    offset.Add(side.name, side.stride);
    if (!side.name.empty() && &side != innermost) open(side, "0", absl::StrCat(side.span));
  }
  const std::string read = absl::StrCat(pointer, "[", offset.Text(), "]");
  const auto copy_part = [&](const std::string& from, const std::string& to, const std::string& value) {
    if (innermost != nullptr) open(*innermost, from, to);
    out.Line(copy.name, "[", offset.Text(), "] = ", value, ";");
    if (innermost != nullptr) out.Close();
  };
  const std::string span = innermost == nullptr ? "1" : absl::StrCat(innermost->span);
  if (!outside_innermost.empty()) out.Open("if (", outside_innermost, ")");
  if (innermost != nullptr && !innermost->start.empty()) {
    // Three loops without a condition: what gcc 12 makes of a conditional load with AVX-512 may read a whole
    // vector, beyond the tensor's end.
    const std::string size = absl::StrCat(innermost->size);
    if (outside_innermost.empty()) out.Open();
    out.Line("const long first = min_long(", span, ", -min_long(0, ", innermost->start, "));");
    out.Line("const long last = -min_long(-first, -min_long(", span, ", ", size, " - (", innermost->start,
             ")));");
    copy_part("0", "first", copy.outside);
    copy_part("first", "last", read);
    copy_part("last", span, copy.outside);
    if (outside_innermost.empty()) out.Close();
  } else {
    copy_part("0", span, read);
  }
  if (!outside_innermost.empty()) {
    out.Else();
    copy_part("0", span, copy.outside);
    out.Close();
  }
  for (const Side& side : sides) {
    if (!side.name.empty() && &side != innermost) out.Close();
  }
  out.Line(pointer, " = ", copy.name, ";");
  out.Close();
}

}  // namespace tunefarm::schedules
