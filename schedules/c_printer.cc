#include "schedules/c_printer.h"

#include <optional>
#include <vector>

#include "schedules/c_preamble.h"
#include "schedules/c_text.h"
#include "schedules/copy_printer.h"
#include "schedules/dot_printing.h"
#include "schedules/dot_tile_printer.h"
#include "schedules/nest_path.h"
#include "schedules/tile_printer.h"

namespace tunefarm::schedules {
namespace {

class Printer {
 public:
  Printer(const LoopTree& tree, const ComputeFacts& facts, const PrintOptions& options)
      : tree_(tree), facts_(facts), options_(options) {
    if (options.dot != nullptr) dot_.emplace(tree, facts, *options.dot, out_);
    // The tile's three nests are the last children of the innermost loop around the tile.
    for (int n = tree.run_begin; n < static_cast<int>(tree.nodes.size()); ++n) {
      if (!tree.nodes[n].is_loop && tree.nodes[n].statement == StatementKind::kInit) {
        tile_ = n;
        while (tile_ > tree.run_begin && tree.nodes[tile_].parent == tile_ - 1 &&
               IsTileLoop(tree.nodes[tile_ - 1]))
          --tile_;
      }
    }
  }

  std::string Print() {
    Preamble();
    if (tree_.run_begin > 0 && options_.part.empty()) Prepare();
    Run();
    return out_.Take();
  }

 private:
  static bool IsTileLoop(const LoopNode& node) {
    return node.is_loop && (node.kind == LoopKind::kUnrolled || node.kind == LoopKind::kVectorized);
  }

  void Preamble() {
    if (options_.part.empty() && !dot_.has_value()) {
      PrintPreamble(options_.title, options_.config, tree_.vector_lanes, facts_.compute, out_);
      if (HasPartsOfVectors()) PrintParts(tree_.vector_lanes, out_);
      if (LoadsEverySecond()) PrintEverySecond(tree_.vector_lanes, out_);
      if (tree_.clipped_taps)
        out_.Line("static inline long max_long(long a, long b) { return a > b ? a : b; }");
    } else if (options_.part.empty()) {
      out_.Line("// ", options_.title);
      if (!options_.config.empty()) out_.Line("// ", options_.config);
      out_.Line("static inline long min_long(long a, long b) { return a < b ? a : b; }");
      dot_->Preamble();
    }
    for (const LoopNode& node : tree_.nodes) parallel_ = parallel_ || node.kind == LoopKind::kParallel;
    parallel_ = parallel_ && options_.threads > 1;
    if (parallel_) out_.Line("extern int omp_get_thread_num(void);");
  }

  // Vectors end with an axis, or with a row that is read without its padding.
  bool HasPartsOfVectors() const {
    return tree_.vector_lanes > 1 && std::ranges::any_of(tree_.nodes, [&](const LoopNode& node) {
             return node.is_loop && node.kind == LoopKind::kVectorized &&
                    (node.tail == Tail::kGuard || tree_.clipped_taps);
           });
  }

  // The tile reads vectors of elements that stand two apart: along the width of nchw, with stride 2.
  bool LoadsEverySecond() const {
    for (const LoopNode& node : tree_.nodes) {
      if (node.is_loop || node.statement != StatementKind::kMultiplyAdd || node.parent < 0) continue;
      const LoopNode& lanes = tree_.nodes[node.parent];
      if (lanes.kind != LoopKind::kVectorized) continue;
      for (int f = 0; f < 2; ++f) {
        if (tree_.accesses[node.first_access + f].strides[lanes.depth] == 2) return true;
      }
    }
    return false;
  }

  const char* TypeOf(int buffer) const { return dot_.has_value() ? dot_->TypeOf(buffer) : "float"; }

  const std::string& TensorName(int tensor) const { return facts_.compute.tensors[tensor].name; }

  // A copy's C name, declared where its area is known.
  std::string PointerOf(int b) const {
    const LoopBuffer& buffer = tree_.buffers[b];
    if (buffer.scope == BufferScope::kArgument) return TensorName(buffer.tensor);
    if (dot_.has_value() && b == options_.dot->pair_sums.buffer) return DotPrinter::PairSumsName();
    if (b == tree_.edge_buffer) return absl::StrCat("edges_", TensorName(buffer.tensor));
    return absl::StrCat(buffer.padded_copy ? "padded_" : "packed_", TensorName(buffer.tensor));
  }

  // "float* restrict padded_input = (float*)workspace + 16": what precedes it in its area, in elements.
  std::string Declaration(int b, const char* area) const {
    const LoopBuffer& buffer = tree_.buffers[b];
    return absl::StrCat(TypeOf(b), "* restrict ", PointerOf(b), " = (",
                        buffer.scope == BufferScope::kConstant ? "const " : "", TypeOf(b), "*)", area, " + ",
                        buffer.offset_bytes / buffer.element_bytes);
  }

  std::string Describe(const LoopBuffer& buffer) const {
    return absl::StrCat(buffer.padded_copy ? "Copy " : "Pack ", TensorName(buffer.tensor),
                        buffer.padded_copy ? " with its padding" : " in the order in which it is read", ": ",
                        buffer.bytes, " bytes.");
  }

  void Prepare() {
    out_.Blank();
    out_.Open("void tunefarm_prepare(const void* const* constants, void* packed)");
    for (int n = 0; n < tree_.run_begin; n = tree_.nodes[n].end) {
      const LoopNode& statement = tree_.nodes[tree_.nodes[n].end - 1];
      const int from = tree_.accesses[statement.first_access].buffer;
      const int to = tree_.accesses[statement.first_access + 1].buffer;
      out_.Line("// ", Describe(tree_.buffers[to]));
      out_.Open();
      out_.Line("const ", TypeOf(from), "* restrict from = constants[", tree_.buffers[from].tensor, "];");
      out_.Line(TypeOf(to), "* restrict to = (", TypeOf(to), "*)packed + ",
                tree_.buffers[to].offset_bytes / tree_.buffers[to].element_bytes, ";");
      NestPath path(tree_, facts_);
      if (dot_.has_value()) {
        dot_->PackWeights(n, "from", "to");
      } else {
        CopyPrinter(tree_, facts_, out_).Print(n, path, "from", "to", "");
      }
      out_.Close();
    }
    if (dot_.has_value()) {
      const LoopBuffer& table = tree_.buffers[options_.dot->channels.buffer];
      out_.Line("// What each channel adds, and how it is scaled: ", table.bytes, " bytes.");
      out_.Line("int32_t* restrict to = (int32_t*)packed + ", table.offset_bytes / table.element_bytes, ";");
      dot_->PackChannels("to");
    }
    out_.Close();
  }

  void Run() {
    if (dot_.has_value() && options_.dot->kernel->quick()) dot_->GeneralRun();
    out_.Blank();
    out_.Open(options_.part.empty() ? "void tunefarm_run" : "static void " + options_.part,
              "(void* const* arguments, const void* packed, void* workspace)");
    const int output = facts_.output.access.tensor;
    std::vector<bool> used(tree_.buffers.size(), false);
    for (std::size_t n = tree_.run_begin; n < tree_.nodes.size(); ++n) {
      const LoopNode& node = tree_.nodes[n];
      for (int a = 0; !node.is_loop && a < node.num_accesses; ++a)
        used[tree_.accesses[node.first_access + a].buffer] = true;
    }
    for (std::size_t b = 0; b < tree_.buffers.size(); ++b) {
      const LoopBuffer& buffer = tree_.buffers[b];
      if (buffer.scope == BufferScope::kArgument && used[b]) {
        out_.Line(buffer.tensor == output ? "" : "const ", TypeOf(static_cast<int>(b)), "* restrict ",
                  PointerOf(static_cast<int>(b)), " = arguments[", buffer.tensor, "];");
      } else if (buffer.scope == BufferScope::kConstant) {
        out_.Line("const ", Declaration(static_cast<int>(b), "packed"), ";");
      } else if (buffer.scope == BufferScope::kWorkspace && !PerThread(static_cast<int>(b))) {
        out_.Line(Declaration(static_cast<int>(b), "workspace"), ";");
      }
    }
    if (tree_.packed_bytes == 0) out_.Line("(void)packed;");
    if (tree_.workspace_bytes == 0) out_.Line("(void)workspace;");
    NestPath path(tree_, facts_);
    if (dot_.has_value() && !parallel_) dot_->RoundDown();
    Children(tree_.run_begin, static_cast<int>(tree_.nodes.size()), path);
    if (dot_.has_value() && !parallel_) dot_->RoundBack();
    if (dot_.has_value()) dot_->CallGeneralRun(PointerOf(options_.dot->channels.buffer));
    out_.Close();
  }

  // The loop node that copies into the buffer stands inside a parallel loop.
  bool PerThread(int buffer) const {
    if (!parallel_) return false;
    if (buffer == tree_.edge_buffer) return true;
    if (dot_.has_value() && buffer == options_.dot->pair_sums.buffer) buffer = options_.dot->pair_sums.copy;
    for (std::size_t n = tree_.run_begin; n < tree_.nodes.size(); ++n) {
      const LoopNode& node = tree_.nodes[n];
      if (node.is_loop || node.statement != StatementKind::kPack) continue;
      if (tree_.accesses[node.first_access + 1].buffer != buffer) continue;
      for (int up = node.parent; up >= 0; up = tree_.nodes[up].parent) {
        if (tree_.nodes[up].kind == LoopKind::kParallel) return true;
      }
    }
    return false;
  }

  void Children(int begin, int end, NestPath& path) {
    for (int n = begin; n < end; n = tree_.nodes[n].end) {
      if (n == tile_) {
        const auto pointer_of = [this](int buffer) { return PointerOf(buffer); };
        if (dot_.has_value())
          return DotTilePrinter(tree_, facts_, *options_.dot, out_, pointer_of).Print(n, path);
        return TilePrinter(tree_, facts_, options_.fetch_output, out_, pointer_of).Print(n, path);
      }
      const LoopNode& last = tree_.nodes[tree_.nodes[n].end - 1];
      if (last.statement == StatementKind::kPack) {
        Copy(n, path);
      } else {
        Loop(n, path);
      }
    }
  }

  void Copy(int n, NestPath& path) {
    const LoopNode& statement = tree_.nodes[tree_.nodes[n].end - 1];
    const int from = tree_.accesses[statement.first_access].buffer;
    const int to = tree_.accesses[statement.first_access + 1].buffer;
    out_.Line("// ", Describe(tree_.buffers[to]));
    out_.Open();
    std::string pragma;
    if (parallel_ && path.size() == 0 && tree_.nodes[n].is_loop) {
      pragma = absl::StrCat("#pragma omp parallel for num_threads(", options_.threads, ")");
    }
    if (dot_.has_value()) {
      dot_->CopyInput(n, path, PointerOf(from), PointerOf(to), pragma);
    } else {
      CopyPrinter(tree_, facts_, out_).Print(n, path, PointerOf(from), PointerOf(to), pragma);
    }
    out_.Close();
  }

  void Loop(int n, NestPath& path) {
    const LoopNode& node = tree_.nodes[n];
    const bool outermost_parallel = parallel_ && node.kind == LoopKind::kParallel && path.size() == 0;
    if (outermost_parallel) {
      int collapsed = 1;
      while (tree_.nodes[n + collapsed].is_loop && tree_.nodes[n + collapsed].kind == LoopKind::kParallel)
        ++collapsed;
      out_.Line("#pragma omp parallel for num_threads(", options_.threads, ")",
                collapsed > 1 ? absl::StrCat(" collapse(", collapsed, ")") : "");
    }
    const std::string end = path.End(node);
    const OpenLoop& loop = path.Push(node);
    out_.Open("for (long ", loop.name, " = ", loop.origin.empty() ? "0" : loop.origin, "; ", loop.name, " < ",
              end, "; ",
              node.step == 1 ? absl::StrCat("++", loop.name) : absl::StrCat(loop.name, " += ", node.step),
              ")");
    const bool in_thread =
        parallel_ && node.kind == LoopKind::kParallel && tree_.nodes[n + 1].kind != LoopKind::kParallel;
    if (in_thread) {
      if (dot_.has_value()) dot_->RoundDown();
      for (std::size_t b = 0; b < tree_.buffers.size(); ++b) {
        const LoopBuffer& buffer = tree_.buffers[b];
        if (buffer.scope != BufferScope::kWorkspace || !PerThread(static_cast<int>(b))) continue;
        out_.Line(Declaration(static_cast<int>(b), "workspace"), " + omp_get_thread_num() * ",
                  (buffer.bytes + 63) / 64 * 64 / buffer.element_bytes, "L;");
      }
    }
    Children(n + 1, node.end, path);
    if (in_thread && dot_.has_value()) dot_->RoundBack();
    out_.Close();
    path.Pop();
  }

  const LoopTree& tree_;
  const ComputeFacts& facts_;
  const PrintOptions& options_;
  CText out_;
  std::optional<DotPrinter> dot_;  // Of int8 kernels.
  int tile_ = -1;
  bool parallel_ = false;
};

}  // namespace

std::string PrintC(const LoopTree& tree, const ComputeFacts& facts, const PrintOptions& options) {
  return Printer(tree, facts, options).Print();
}

}  // namespace tunefarm::schedules
