// Products with few columns, as inner products: a written template. The tiling rule's outer product has
// vectors along the columns; where there are only some, most lanes are empty, and where the tile has few
// results, its sums wait for one another. Here vectors lie along the reduction:
//
//   columns of rhs -> panel[column][k], with zeros where the last vector, which moves inwards, repeats
//   for each tile of rows x columns:
//     sums[row][column][chain] += lhs[row][k ...] * panel[column][k ...]     (a vector of terms)
//     output = epilogue(the sum over lanes and chains)
#pragma once

#include <cstdint>
#include <vector>

#include "schedules/compute_facts.h"
#include "schedules/config_space.h"
#include "schedules/loop_tree.h"
#include "schedules/target.h"

namespace tunefarm::schedules {

// The decisions of a config.
struct InnerProductPlan {
  int lanes = 4;
  int rows = 1, columns = 1;  // The register tile; the last one of an axis moves inwards.
  int chains = 1;             // Independent sums of a result, which hide the latency of additions.
};

// What the axes of the computation are to the rule; -1: there is none.
struct InnerProductAxes {
  int row = -1, column = -1, k = -1;
  std::vector<int> batch;  // Of both factors, outermost first.
};

// Immutable; refers to `facts`, which must outlive it.
class InnerProductRule {
 public:
  // A single reduction along which lhs is contiguous, few columns or few results, and enough terms for it to
  // pay.
  static bool Serves(const ComputeFacts& facts, const Target& target);
  InnerProductRule(const ComputeFacts& facts, const Target& target, int threads);

  // "algorithm" (0: outer products by the tiling rule, 1: these), "columns" and "chains".
  std::vector<Knob> Knobs() const;
  // The knobs that Resolve looks at: those above, lanes and rows; the others have no meaning.
  static bool Uses(const Knob& knob);
  InnerProductPlan Resolve(const ConfigSpace& space, const Config& config) const;
  const char* Refusal(const InnerProductPlan& plan) const;  // Null when the plan can be built.

  // Sets the knobs to the cheapest plan by a rough count of cycles where that is cheaper than outer products.
  void Prefer(const std::vector<Knob>& knobs, Config& config) const;

  // How many times the tolerance of direct summation a result may use.
  static double ErrorGrowth(const InnerProductPlan& /*plan*/) { return 1; }

  LoopTree Lower(const InnerProductPlan& plan) const;
  // The whole kernel as C. The ABI is in docs/formats.md.
  std::string Print(const InnerProductPlan& plan, const std::string& title, const std::string& config) const;

 private:
  int64_t Extent(int axis) const { return axis < 0 ? 1 : facts_->compute.axes[axis].extent; }
  int64_t Steps(int lanes) const { return (Extent(axes_.k) + lanes - 1) / lanes; }
  int64_t Batches(const LinearAccess& access) const;  // Of which the access has elements of its own.
  // Columns are read where they are.
  bool ReadsColumns(int lanes) const {
    return facts_->rhs.stride[axes_.k] == 1 && Extent(axes_.k) % lanes == 0;
  }
  int64_t PanelElements(int lanes) const;
  bool Shares() const;  // Among threads.
  double Cycles(const InnerProductPlan& plan) const;
  double OuterProductCycles() const;

  const ComputeFacts* facts_;
  Target target_;
  int threads_;
  InnerProductAxes axes_;
};

}  // namespace tunefarm::schedules
