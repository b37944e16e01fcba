// Prints the nests that copy a factor into panels or into a padded copy.
#pragma once

#include <string>
#include <vector>

#include "schedules/c_text.h"
#include "schedules/nest_path.h"

namespace tunefarm::schedules {

class CopyPrinter {
 public:
  CopyPrinter(const LoopTree& tree, const ComputeFacts& facts, CText& out)
      : tree_(tree), facts_(facts), out_(out) {}

  // `node` is the outermost loop of the copying nest, or its statement; `path` the loops around it. `source`
  // and `destination` are C expressions for the two buffers. `pragma` is put before the outermost loop,
  // unless empty.
  void Print(int node, NestPath& path, const std::string& source, const std::string& destination,
             const std::string& pragma);

 private:
  // A dimension of the tensor whose index may leave it.
  struct Check {
    int dimension = 0;
    bool low = false, high = false;  // At which end.
    int deepest = -1;                // The innermost loop of the nest that moves the index; -1: none.
    bool printed = false;            // As the variable "inside<dimension>".
  };
  enum class Reach : uint8_t { kUnknown, kInside, kClamped };  // Of an axis's register tile over its end.

  void FindChecks(int node);
  void PrintNode(int n, NestPath& path);
  void PrintLoop(int n, NestPath& path);
  // `known` is a check that need not be made.
  void PrintElement(NestPath& path, bool zero, const Check* known = nullptr);
  // The only check left where the innermost loop is all that moves its index; null otherwise.
  const Check* BoundsOf(const LoopNode& innermost) const;
  // Declares where the part inside begins, `first`, and ends, `last`, in iterations of the innermost loop.
  void PrintBounds(const Check& check, const LoopNode& innermost, NestPath& path);
  CSum Index(int dimension, NestPath& path) const;
  std::string Condition(const Check& check, NestPath& path) const;
  bool Moves(const LoopNode& loop, int dimension) const;

  const LoopTree& tree_;
  const ComputeFacts& facts_;
  CText& out_;
  const LinearAccess* linear_ = nullptr;
  const LoopAccess* write_ = nullptr;
  std::string source_, destination_, pragma_;
  std::vector<Check> checks_;
  std::vector<Reach> reach_;  // Per axis.
};

}  // namespace tunefarm::schedules
