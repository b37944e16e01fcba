#include "schedules/copy_printer.h"

#include <algorithm>

namespace tunefarm::schedules {

bool CopyPrinter::Moves(const LoopNode& loop, int dimension) const {
  if (loop.axis < 0) return loop.dimension == dimension;
  return std::ranges::any_of(linear_->access.index[dimension].terms,
                             [&](const AffineTerm& term) { return term.axis == loop.axis; });
}

CSum CopyPrinter::Index(int dimension, NestPath& path) const {
  const AffineIndex& index = linear_->access.index[dimension];
  CSum sum(index.constant);
  for (const AffineTerm& term : index.terms) {
    if (const OpenLoop* loop = path.Innermost(term.axis)) sum.Add(loop->value, term.coefficient);
  }
  for (std::size_t d = 0; d < path.size(); ++d) {
    if (path[d].node->axis < 0 && path[d].node->dimension == dimension) sum.Add(path[d].name, 1);
  }
  return sum;
}

std::string CopyPrinter::Condition(const Check& check, NestPath& path) const {
  const std::string index = Index(check.dimension, path).Text();
  const int64_t size = facts_.compute.tensors[linear_->access.tensor].shape[check.dimension];
  if (check.low && check.high) return absl::StrCat("(unsigned long)(", index, ") < ", size);
  return check.low ? absl::StrCat("(", index, ") >= 0") : absl::StrCat("(", index, ") < ", size);
}

// The index of a panel's element stays where the compute definition lets it, because values are clamped to
// their axis. A padded copy may be rounded up beyond that.
void CopyPrinter::FindChecks(int node) {
  checks_.clear();
  const bool padded_copy = tree_.buffers[write_->buffer].padded_copy;
  const std::vector<int64_t>& shape = facts_.compute.tensors[linear_->access.tensor].shape;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    Check check;
    check.dimension = static_cast<int>(d);
    int64_t highest = linear_->access.index[d].constant;
    check.low = highest < 0;
    for (const AffineTerm& term : linear_->access.index[d].terms) {
      int64_t last = facts_.compute.axes[term.axis].extent - 1;
      if (padded_copy) {
        int64_t last_tile = 0;  // Where the last copy starts, which the copy's own extent is added to.
        for (int n = tree_.nodes[node].parent; n >= 0 && last_tile == 0; n = tree_.nodes[n].parent) {
          if (tree_.nodes[n].axis == term.axis) last_tile = last / tree_.nodes[n].step * tree_.nodes[n].step;
        }
        last = last_tile;
      }
      highest += term.coefficient * last;
    }
    for (int n = node; tree_.nodes[n].is_loop; ++n) {
      const LoopNode& loop = tree_.nodes[n];
      if (padded_copy && loop.dimension == check.dimension) highest += loop.extent - 1;
      if (Moves(loop, check.dimension)) check.deepest = n;
    }
    check.high = highest >= shape[d];
    if (check.low || check.high) checks_.push_back(check);
  }
}

void CopyPrinter::Print(int node, NestPath& path, const std::string& source, const std::string& destination,
                        const std::string& pragma) {
  const LoopNode& statement = tree_.nodes[tree_.nodes[node].end - 1];
  const LoopAccess& read = tree_.accesses[statement.first_access];
  write_ = &tree_.accesses[statement.first_access + 1];
  linear_ = tree_.buffers[read.buffer].tensor == facts_.lhs.access.tensor ? &facts_.lhs : &facts_.rhs;
  source_ = source;
  destination_ = destination;
  pragma_ = pragma;
  reach_.assign(facts_.compute.axes.size(), Reach::kUnknown);
  FindChecks(node);
  PrintNode(node, path);
}

// Rows of a padded copy have zeros, a part of the tensor, and zeros: loops without a condition in them.
const CopyPrinter::Check* CopyPrinter::BoundsOf(const LoopNode& innermost) const {
  if (innermost.axis >= 0) return nullptr;
  const Check* found = nullptr;
  for (const Check& check : checks_) {
    if (check.printed) continue;
    if (found != nullptr || check.dimension != innermost.dimension) return nullptr;
    found = &check;
  }
  return found;
}

void CopyPrinter::PrintBounds(const Check& check, const LoopNode& innermost, NestPath& path) {
  const std::string start = Index(check.dimension, path).Text();  // Without the innermost loop's part.
  const int64_t size = facts_.compute.tensors[linear_->access.tensor].shape[check.dimension];
  if (std::ranges::none_of(checks_, [](const Check& other) { return other.printed; })) out_.Open();
  out_.Line("const long first = min_long(", innermost.extent, ", -min_long(0, ", start, "));");
  out_.Line("const long last = -min_long(-first, -min_long(", innermost.extent, ", ", size, " - (", start,
            ")));");
}

void CopyPrinter::PrintElement(NestPath& path, bool zero, const Check* known) {
  const std::string to = absl::StrCat(destination_, "[", path.CopyAddress(*write_).Text(), "]");
  if (zero) return out_.Line(to, " = 0;");
  const std::string from = absl::StrCat(source_, "[", path.TensorAddress(*linear_).Text(), "]");
  std::string condition;
  for (const Check& check : checks_) {
    if (!check.printed && &check != known)
      absl::StrAppend(&condition, condition.empty() ? "" : " && ", Condition(check, path));
  }
  if (condition.empty()) return out_.Line(to, " = ", from, ";");
  out_.Line(to, " = ", condition, " ? ", from, " : 0;");
}

// Everything that must be decided before loop `n` is opened.
void CopyPrinter::PrintNode(int n, NestPath& path) {
  const LoopNode& node = tree_.nodes[n];
  for (Check& check : checks_) {
    if (check.printed || check.deepest >= n) continue;
    out_.Line("const int inside", check.dimension, " = ", Condition(check, path), ";");
    check.printed = true;
  }
  if (!node.is_loop) {
    std::string inside;
    for (const Check& check : checks_) {
      if (check.printed) absl::StrAppend(&inside, inside.empty() ? "" : " && ", "inside", check.dimension);
    }
    if (!inside.empty()) {
      out_.Open("if (", inside, ")");
      PrintElement(path, false);
      out_.Else();
      PrintElement(path, true);
      return out_.Close();
    }
    return PrintElement(path, false);
  }
  if (node.tail == Tail::kNone || reach_[node.axis] != Reach::kUnknown) return PrintLoop(n, path);

  // The register tile of an axis begins.
  OpenLoop* outer = path.Innermost(node.axis);
  const int64_t extent = facts_.compute.axes[node.axis].extent;
  const int64_t tile = static_cast<int64_t>(node.extent) * node.step;
  if (node.tail == Tail::kShift) {
    reach_[node.axis] = Reach::kInside;
    if (outer == nullptr) return PrintLoop(n, path);
    const std::string shifted = absl::StrCat(outer->name, "s");
    out_.Line("const long ", shifted, " = min_long(", outer->name, ", ", extent - tile, ");");
    const OpenLoop before = *outer;
    outer->base = outer->value = shifted;
    PrintLoop(n, path);
    *path.Innermost(node.axis) = before;
  } else if (outer != nullptr && extent >= tile) {
    const std::vector<Check> before = checks_;
    out_.Open("if (", outer->base, " + ", tile, " <= ", extent, ")");
    reach_[node.axis] = Reach::kInside;
    PrintLoop(n, path);
    out_.Else();
    checks_ = before;
    reach_[node.axis] = Reach::kClamped;
    PrintLoop(n, path);
    out_.Close();
  } else {
    reach_[node.axis] = Reach::kClamped;
    PrintLoop(n, path);
  }
  reach_[node.axis] = Reach::kUnknown;
}

void CopyPrinter::PrintLoop(int n, NestPath& path) {
  const LoopNode& node = tree_.nodes[n];
  const bool innermost = !tree_.nodes[n + 1].is_loop;
  // Checks that the innermost loop does not move choose between two loops instead of burdening one.
  std::string inside;
  if (innermost) {
    for (const Check& check : checks_) {
      if (check.printed) absl::StrAppend(&inside, inside.empty() ? "" : " && ", "inside", check.dimension);
    }
  }
  if (!inside.empty()) out_.Open("if (", inside, ")");
  const Check* bounds = innermost && pragma_.empty() ? BoundsOf(node) : nullptr;
  if (bounds != nullptr) PrintBounds(*bounds, node, path);
  if (!pragma_.empty()) out_.Line(pragma_);
  pragma_.clear();

  // A tile that reaches over the end of its axis has its slots all the same.
  const bool whole_slots = node.tail != Tail::kNone;
  const std::string end = path.End(node);
  OpenLoop& loop = path.Push(node);
  const std::string start = loop.origin.empty() ? "0" : loop.origin;
  const std::string last = whole_slots ? absl::StrCat(loop.origin.empty() ? "" : loop.origin + " + ",
                                                      static_cast<int64_t>(node.extent) * node.step)
                                       : end;
  if (node.axis >= 0 && reach_[node.axis] == Reach::kClamped) {
    loop.value = absl::StrCat("min_long(", loop.name, ", ", facts_.compute.axes[node.axis].extent - 1, ")");
  }
  const std::string head = absl::StrCat(
      "for (long ", loop.name, " = ", start, "; ", loop.name, " < ", last, "; ",
      node.step == 1 ? absl::StrCat("++", loop.name) : absl::StrCat(loop.name, " += ", node.step), ")");
  if (bounds != nullptr) {
    const auto part = [&](const std::string& from, const std::string& to, bool zero) {
      out_.Open("for (long ", loop.name, " = ", from, "; ", loop.name, " < ", to, "; ++", loop.name, ")");
      PrintElement(path, zero, bounds);
      out_.Close();
    };
    part("0", "first", true);
    part("first", "last", false);
    part("last", end, true);
    if (inside.empty()) out_.Close();
  } else {
    out_.Open(head);
    if (innermost) {
      PrintElement(path, false);
    } else {
      PrintNode(n + 1, path);
    }
    out_.Close();
  }
  if (!inside.empty()) {
    out_.Else();
    out_.Open(head);
    PrintElement(path, true);
    out_.Close();
    out_.Close();
  }
  path.Pop();
}

}  // namespace tunefarm::schedules
