#include "absl/strings/str_cat.h"
#include "schedules/loop_tree.h"

namespace tunefarm::schedules {
namespace {

const char* NameOf(StatementKind kind) {
  switch (kind) {
    case StatementKind::kPack:
      return "pack";
    case StatementKind::kInit:
      return "init";
    case StatementKind::kMultiplyAdd:
      return "multiply_add";
    case StatementKind::kStore:
      return "store";
    case StatementKind::kApply:
      return "apply";
  }
  return "";
}

std::string NameOf(const LoopBuffer& buffer, const ComputeDefinition& compute, bool edges = false) {
  if (buffer.scope == BufferScope::kRegister) return "accumulators";
  const std::string& tensor = compute.tensors[buffer.tensor].name;
  if (buffer.scope == BufferScope::kArgument) return tensor;
  if (edges) return absl::StrCat("edges_", tensor);
  const char* form = buffer.padded_copy ? "padded_" : "packed_";
  return absl::StrCat(form, tensor, buffer.scope == BufferScope::kConstant ? " (prepared)" : "");
}

std::string Annotations(const LoopNode& node) {
  std::string text;
  if (node.kind == LoopKind::kUnrolled) text = " unrolled";
  if (node.kind == LoopKind::kVectorized) text = " vectorized";
  if (node.kind == LoopKind::kParallel) text = " parallel";
  if (node.kind == LoopKind::kDotGroup) text = " in one instruction";
  if (node.unroll > 1) absl::StrAppend(&text, " unroll by ", static_cast<int>(node.unroll));
  if (node.tail == Tail::kGuard) absl::StrAppend(&text, " (tail: guard)");
  if (node.tail == Tail::kShift) absl::StrAppend(&text, " (tail: shift)");
  if (node.tail == Tail::kPad) absl::StrAppend(&text, " (tail: pad)");
  return text;
}

}  // namespace

std::string DumpLoopTree(const LoopTree& tree, const ComputeDefinition& compute) {
  std::string text;
  for (std::size_t b = 0; b < tree.buffers.size(); ++b) {
    const LoopBuffer& buffer = tree.buffers[b];
    if (buffer.scope == BufferScope::kConstant || buffer.scope == BufferScope::kWorkspace) {
      absl::StrAppend(&text, NameOf(buffer, compute, static_cast<int>(b) == tree.edge_buffer), ": ",
                      buffer.bytes, " bytes", buffer.scope == BufferScope::kWorkspace ? " of workspace" : "",
                      "\n");
    }
  }
  for (std::size_t n = 0; n < tree.nodes.size(); ++n) {
    if (static_cast<int>(n) == tree.run_begin) text += "run:\n";
    if (n == 0 && tree.run_begin > 0) text += "prepare:\n";
    const LoopNode& node = tree.nodes[n];
    text.append(2 + 2 * static_cast<std::size_t>(node.depth), ' ');
    if (node.is_loop) {
      const std::string name = node.axis >= 0 ? compute.axes[node.axis].name
                                              : absl::StrCat("dimension ", static_cast<int>(node.dimension));
      absl::StrAppend(&text, "for ", name, " in ", node.extent,
                      node.step > 1 ? absl::StrCat(" tiles of ", node.step) : "", Annotations(node), "\n");
      continue;
    }
    absl::StrAppend(&text, NameOf(node.statement), ":");
    for (int a = 0; a < node.num_accesses; ++a) {
      const LoopAccess& access = tree.accesses[node.first_access + a];
      absl::StrAppend(&text, access.write ? " -> " : " ", NameOf(tree.buffers[access.buffer], compute));
    }
    text += "\n";
  }
  return text;
}

}  // namespace tunefarm::schedules
