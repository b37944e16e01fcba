#include "cost_model/features.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "cost_model/instruction_cycles.h"
#include "cost_model/loop_facts.h"

namespace tunefarm::cost_model {
namespace {

using schedules::AxisKind;
using schedules::ComputeDefinition;
using schedules::LoopAccess;
using schedules::LoopBuffer;
using schedules::LoopNode;
using schedules::LoopTree;
using schedules::StatementKind;
using schedules::Tail;
using schedules::Target;

// Loops of the main statement that are described one by one, from the innermost; those of extent 1 do not
// count. The deepest nests of ours have 12 such loops, the outermost of which are in the products below
// anyhow.
constexpr int kLoopSlots = 10;
constexpr int kAccumulatorBytes = 4;  // Floats, or the sums of int8 products.
// What a core loads from each level in a cycle, in bytes: round figures of current x86 and Arm cores.
// Only ratios matter: they weigh the parts of the estimated time, whose error the model learns.
constexpr double kL2BytesPerCycle = 32;
constexpr double kL3BytesPerCycle = 12;
constexpr double kMemoryBytesPerCycle = 4;
// What of the transfers between caches x86-64 cores wait for: they fetch ahead and go on meanwhile, from
// caches that are larger than a level's target says. Of 795 random configs of five products, measured on a
// Zen 5 core for two targets, the estimate orders pairs with 0.83; with 1 in place of a tenth with 0.61, with
// 0 with 0.80.
constexpr double kWaitedForX86 = 0.1;

float Log(double x) { return static_cast<float>(std::log2(1 + std::max(0.0, x))); }

// Writes the numbers one after the other, or just collects their names.
class Writer {
 public:
  explicit Writer(float* out) : out_(out) {}
  explicit Writer(std::vector<std::string>* names) : names_(names) {}
  bool naming() const { return names_ != nullptr; }

  void Put(const char* name, double value) {
    if (naming()) {
      names_->emplace_back(prefix_ + name);
    } else {
      *out_++ = static_cast<float>(value);
    }
  }
  void SetPrefix(const char* group, int index = -1) {
    if (naming()) prefix_ = index < 0 ? std::string(group) : absl::StrCat(group, index, ".");
  }

 private:
  float* out_ = nullptr;
  std::vector<std::string>* names_ = nullptr;
  std::string prefix_;
};

// An access of the main statement, with what follows from it.
struct MainAccess {
  LoopAccess access;
  LoopBuffer buffer;
  Footprints footprints{};
};

struct Summary {
  LoopPath main;  // Of the multiply-add that runs most.
  MainAccess lhs, rhs;
  Tile tile;
  double compiler_unroll = 1;
  double multiply_adds = 0;  // Elements, over all statements.
  double main_share = 1;
  double thread_share = 1;  // Of the main statement.
  int statements = 0;
  double stores = 0, inits = 0;  // Elements.
  double packed_elements = 0;    // While the kernel runs.
  double pack_instructions = 0;
  double pack_strided = 0;        // Elements read with a stride along the innermost loop.
  std::array<double, 4> tails{};  // Loops by Tail.
};

// Iterations of the loops around the tile that the compiler writes out.
double CompilerUnroll(const LoopPath& path) {
  double unroll = 1;
  for (int d = 0; d < path.depth; ++d)
    unroll *= std::min<double>(path.loops[d]->unroll, std::max(1, path.loops[d]->extent));
  return unroll;
}

int InnermostStride(const LoopAccess& access, const LoopPath& path) {
  for (int d = path.depth - 1; d >= 0; --d) {
    if (path.loops[d]->extent > 1) return std::abs(access.strides[d]);
  }
  return 0;
}

Summary Summarise(const LoopTree& tree, int threads) {
  Summary s;
  double most = -1;
  for (int i = tree.run_begin; i < static_cast<int>(tree.nodes.size()); ++i) {
    const LoopNode& node = tree.nodes[i];
    if (node.is_loop) {
      s.tails[static_cast<int>(node.tail)] += 1;
      continue;
    }
    ++s.statements;
    const LoopPath path = PathOf(tree, node);
    const LoopAccess* accesses = tree.accesses.data() + node.first_access;
    switch (node.statement) {
      case StatementKind::kPack:
        s.packed_elements += path.iterations;
        s.pack_instructions += path.iterations / path.lanes;
        if (node.num_accesses > 0 && InnermostStride(accesses[0], path) > 1)
          s.pack_strided += path.iterations;
        break;
      case StatementKind::kInit:
        s.inits += path.iterations;
        break;
      case StatementKind::kStore:
        s.stores += path.iterations;
        break;
      case StatementKind::kMultiplyAdd:
      case StatementKind::kApply:
        s.multiply_adds += path.iterations;
        if (path.iterations > most && node.num_accesses >= 2) {
          most = path.iterations;
          s.main = path;
          const Operands operands = OperandsOf(tree, node);
          s.lhs.access = operands.lhs;
          s.rhs.access = operands.rhs;
          s.tile = TileOf(path, operands);
        }
        break;
    }
  }
  if (most > 0) {
    s.main_share = most / s.multiply_adds;
    for (MainAccess* access : {&s.lhs, &s.rhs}) {
      access->buffer = tree.buffers[access->access.buffer];
      access->footprints = FootprintsOf(access->access, s.main, access->buffer.element_bytes);
    }
    s.compiler_unroll = CompilerUnroll(s.main);
    s.thread_share = LargestShare(s.main, threads);
  }
  return s;
}

void PutTask(const ComputeDefinition& compute, const Target& target, Writer& w) {
  w.SetPrefix("task.");
  double spatial = 1, reduction = 1;
  int spatial_axes = 0, reduction_axes = 0;
  if (!w.naming()) {
    for (const schedules::Axis& axis : compute.axes) {
      (axis.kind == AxisKind::kSpatial ? spatial : reduction) *= static_cast<double>(axis.extent);
      ++(axis.kind == AxisKind::kSpatial ? spatial_axes : reduction_axes);
    }
  }
  double bytes = 0;
  for (const schedules::Tensor& tensor : compute.tensors) {
    double elements = 1;
    for (int64_t extent : tensor.shape) elements *= static_cast<double>(extent);
    bytes += elements * static_cast<double>(schedules::BytesOf(tensor.dtype));
  }
  w.Put("spatial", Log(spatial));
  w.Put("reduction", Log(reduction));
  w.Put("spatial_axes", spatial_axes);
  w.Put("reduction_axes", reduction_axes);
  w.Put("bytes", Log(bytes));
  w.Put("intensity", Log(compute.flop / std::max(1.0, bytes)));
  w.Put("epilogue", static_cast<double>(compute.epilogue.size()));
  w.SetPrefix("target.");
  w.Put("vector_bytes", target.vector_bytes);
  w.Put("vector_registers", target.vector_registers);
  w.Put("fma_per_cycle", target.fma_per_cycle);
  w.Put("l1", Log(static_cast<double>(target.l1d_bytes)));
  w.Put("l2", Log(static_cast<double>(target.l2_bytes)));
  w.Put("l3", Log(static_cast<double>(target.l3_bytes)));
}

void PutNest(const LoopTree& tree, const Summary& s, double useful, const Target& target, Writer& w) {
  w.SetPrefix("nest.");
  const double in_flight = std::max(1.0, static_cast<double>(target.fma_latency * target.fma_per_cycle));
  w.Put("accumulators", tree.accumulators);
  w.Put("register_share", tree.accumulators / std::max(1.0, static_cast<double>(target.vector_registers)));
  w.Put("chains_share", std::min(1.0, tree.accumulators / in_flight));
  w.Put("lanes", s.main.lanes);
  w.Put("group", s.main.group);
  w.Put("lane_share",
        s.main.lanes * kAccumulatorBytes / std::max(1.0, static_cast<double>(target.vector_bytes)));
  w.Put("waste", s.multiply_adds / useful);
  w.Put("main_share", s.main_share);
  w.Put("statements", s.statements);
  w.Put("thread_share", s.thread_share);
  w.Put("nodes", static_cast<double>(tree.nodes.size()));
  w.Put("packed_bytes", Log(static_cast<double>(tree.packed_bytes)));
  w.Put("workspace_bytes", Log(static_cast<double>(tree.workspace_bytes)));
  w.Put("stores", Log(1024 * s.stores / useful));
  w.Put("inits", Log(1024 * s.inits / useful));
  w.Put("packs", Log(1024 * s.packed_elements / useful));
  w.Put("packs_strided", s.packed_elements > 0 ? s.pack_strided / s.packed_elements : 0);
  w.Put("pack_lanes", s.pack_instructions > 0 ? s.packed_elements / s.pack_instructions : 0);
  w.Put("guards", s.tails[static_cast<int>(Tail::kGuard)]);
  w.Put("shifts", s.tails[static_cast<int>(Tail::kShift)]);
  w.Put("pads", s.tails[static_cast<int>(Tail::kPad)]);
  w.SetPrefix("tile.");
  w.Put("multiply_adds", s.tile.multiply_adds);
  w.Put("levels", s.tile.levels);
  w.Put("unroll", s.compiler_unroll);
  w.Put("body", s.compiler_unroll * s.tile.multiply_adds);
  w.Put("lhs_loads", s.tile.lhs_loads);
  w.Put("rhs_loads", s.tile.rhs_loads);
  w.Put("loads_per_multiply_add", (s.tile.lhs_loads + s.tile.rhs_loads) / s.tile.multiply_adds);
}

double AtLeastOne(double x) { return std::max(1.0, x); }

// Estimated cycles, by resource, and the traffic that goes into them.
void PutTraffic(const LoopTree& tree, const Summary& s, double useful, const Target& target, Writer& w) {
  const std::vector<Footprints> footprints = {s.lhs.footprints, s.rhs.footprints};
  // A level that the target has not is as large as the one before: what does not fit there misses here too.
  const double l1 = AtLeastOne(static_cast<double>(target.l1d_bytes));
  const double l2 = std::max(l1, static_cast<double>(target.l2_bytes));
  const double caches[] = {l1, l2, std::max(l2, static_cast<double>(target.l3_bytes))};
  const double speeds[] = {kL2BytesPerCycle, kL3BytesPerCycle, kMemoryBytesPerCycle};
  double memory_cycles = 0;
  for (int i = 0; i < 3; ++i) {
    w.SetPrefix("cache", i + 1);
    const int level = w.naming() ? 0 : FittingLevel(footprints, s.main, caches[i]);
    const double lhs = w.naming() ? 0 : Traffic(s.lhs.access, s.main, s.lhs.footprints, level);
    const double rhs = w.naming() ? 0 : Traffic(s.rhs.access, s.main, s.rhs.footprints, level);
    w.Put("level", s.main.depth - level);
    w.Put("used", (s.lhs.footprints[level] + s.rhs.footprints[level]) / caches[i]);
    w.Put("lhs_traffic", Log(1024 * lhs / useful));
    w.Put("rhs_traffic", Log(1024 * rhs / useful));
    memory_cycles += (lhs + rhs) / speeds[i];
  }
  const InstructionCycles cycles = CountInstructionCycles(tree, target);
  w.SetPrefix("estimate.");
  w.Put("multiply", Log(1024 * cycles.multiply / useful));
  w.Put("load", Log(1024 * cycles.load / useful));
  w.Put("gathered", Log(1024 * cycles.gathered / useful));
  w.Put("copy", Log(1024 * cycles.copy / useful));
  w.Put("loop", Log(1024 * cycles.loop / useful));
  w.Put("memory", Log(1024 * memory_cycles / useful));
  const double waited = target.architecture == "x86_64" ? kWaitedForX86 : 1;
  w.Put("total", Log(1024 * s.thread_share * (cycles.total() + waited * memory_cycles) / useful));
}

void PutOperand(const MainAccess& operand, const LoopPath& path, Writer& w) {
  w.Put("scope", static_cast<double>(operand.buffer.scope));
  w.Put("padded_copy", operand.buffer.padded_copy);
  w.Put("element_bytes", operand.buffer.element_bytes);
  w.Put("bytes", Log(static_cast<double>(operand.buffer.bytes)));
  w.Put("innermost_stride", Log(w.naming() ? 0 : InnermostStride(operand.access, path)));
}

void PutLoops(const Summary& s, const ComputeDefinition& compute, Writer& w) {
  int d = s.main.depth - 1;
  for (int slot = 0; slot < kLoopSlots; ++slot, --d) {
    while (d >= 0 && s.main.loops[d]->extent == 1) --d;
    const LoopNode* loop = d >= 0 ? s.main.loops[d] : nullptr;
    w.SetPrefix("loop", slot);
    w.Put("extent", loop != nullptr ? Log(loop->extent) : 0);
    w.Put("kind", loop != nullptr ? 1 + static_cast<int>(loop->kind) : 0);
    w.Put(
        "reduction",
        loop != nullptr && loop->axis >= 0 && compute.axes[loop->axis].kind == AxisKind::kReduction ? 1 : 0);
    w.Put("lhs_stride", loop != nullptr ? Log(std::abs(static_cast<double>(s.lhs.access.strides[d]))) : 0);
    w.Put("rhs_stride", loop != nullptr ? Log(std::abs(static_cast<double>(s.rhs.access.strides[d]))) : 0);
    w.Put("lhs_footprint", loop != nullptr ? Log(s.lhs.footprints[d]) : 0);
    w.Put("rhs_footprint", loop != nullptr ? Log(s.rhs.footprints[d]) : 0);
  }
}

void Write(const LoopTree& tree, const ComputeDefinition& compute, const Target& target, int threads,
           Writer& w) {
  const Summary s = Summarise(tree, threads);
  const double useful = std::max(1.0, compute.flop / 2);
  PutTask(compute, target, w);
  PutNest(tree, s, useful, target, w);
  PutTraffic(tree, s, useful, target, w);
  w.SetPrefix("lhs.");
  PutOperand(s.lhs, s.main, w);
  w.SetPrefix("rhs.");
  PutOperand(s.rhs, s.main, w);
  PutLoops(s, compute, w);
}

}  // namespace

const std::vector<std::string>& FeatureNames() {
  static const std::vector<std::string>* const names = [] {
    auto* result = new std::vector<std::string>;
    Writer writer(result);
    Write(LoopTree{}, ComputeDefinition{}, Target{}, 1, writer);
    return result;
  }();
  return *names;
}

int NumFeatures() {
  static const int count = static_cast<int>(FeatureNames().size());
  return count;
}

void ExtractFeatures(const LoopTree& tree, const ComputeDefinition& compute, const Target& target,
                     int threads, float* out) {
  Writer writer(out);
  Write(tree, compute, target, threads, writer);
}

std::vector<float> ExtractRows(const schedules::Task& task, const std::vector<schedules::Config>& configs) {
  const int width = NumFeatures();
  std::vector<float> rows(configs.size() * width, 0.0f);
  for (std::size_t i = 0; i < configs.size(); ++i) {
    const absl::StatusOr<LoopTree> tree = task.Lower(configs[i]);
    if (tree.ok()) {
      ExtractFeatures(*tree, task.loop_compute(), task.target(), task.threads(), rows.data() + i * width);
    }
  }
  return rows;
}

}  // namespace tunefarm::cost_model
