// Prints int8 kernels by bilinear algorithms (schedules/dot_bilinear_rule.h) as C. The ABI is in
// docs/formats.md.
#pragma once

#include <string>
#include <vector>

#include "schedules/c_printer.h"
#include "schedules/c_text.h"
#include "schedules/dot_bilinear_rule.h"
#include "schedules/dot_printing.h"
#include "schedules/workload.h"

namespace tunefarm::schedules {

// What a kernel is printed from; all must outlive the call. `options.dot` holds the micro-kernel, the roles
// and the channel table, whose tiles are single vectors.
struct DotBilinearInput {
  const DotBilinearPlan& plan;
  const DotBilinearShape& shape;
  const LoopTree& tree;
  const ComputeFacts& facts;
  const PrintOptions& options;
};

std::string PrintDotWinograd(const DotBilinearInput& input, const Workload& workload);
std::string PrintDotStrassen(const DotBilinearInput& input);

// What is the same for all algorithms: the products, and the order of everything.
class DotBilinearPrinter {
 public:
  explicit DotBilinearPrinter(const DotBilinearInput& input);
  virtual ~DotBilinearPrinter() = default;
  std::string Print();

 protected:
  // Functions of the transforms.
  virtual void PrintTransforms() = 0;
  // Transforms the weights of the channel `co` and the term `term`, which may not exist: those of set i go to
  // set[i * next].
  virtual void PrintWeights() = 0;
  // For each tile of the block, `tile`, transforms the input to where TileAt() begins, a point every
  // tile_stride; and the sums of pairs to pairs[tile * results].
  virtual void PrintInputs() = 0;
  // For each tile of the block and vector of channels from co to end, transforms the products.
  virtual void PrintOutputs() = 0;

  // x0, x1, ... from `from`, then the statements, then `to` for each of y0, y1, ... `$` is the variable's
  // number.
  void Transform(const char* type, int inputs, const std::string& from,
                 const std::vector<std::string>& statements, const std::string& to);
  // `patch`, for PrintInputs().
  void DeclarePatch();
  // "const sums bias = load_channels(...);" and so on; gives what requantize() takes behind the sum.
  std::string LoadParameters();
  const Requantize& requantize() const { return *facts_.compute.requantize; }
  int64_t fields() const { return static_cast<int64_t>(options_.dot->channels.fields.size()); }

  const DotBilinearPlan& plan_;
  const DotBilinearForm& form_;
  const DotKernel& kernel_;
  const DotBilinearShape& s_;
  const ComputeFacts& facts_;
  const PrintOptions& options_;
  const int lanes_;
  std::vector<int> set_of_;  // Of a point; empty: each has its own.
  CText c_;

 private:
  std::vector<int64_t> RowCounts() const;
  std::vector<int64_t> VectorCounts() const;
  void PrintMultiply(int64_t rows, int64_t vectors);
  void PrintGroup(int64_t rows, int64_t vectors, int64_t group);
  void PrintPrepare();
  void PrintStarts();
  void PrintRangeCheck();
  void PrintRun();
  void PrintOrder();
  void PrintProducts();
  void PrintRowTiles(int64_t vectors);

  const LoopTree& tree_;
  DotPrinter dot_;
};

}  // namespace tunefarm::schedules
