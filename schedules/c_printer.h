// Prints a loop tree as one C11 translation unit with GNU vector extensions (gcc and clang, any
// architecture). The ABI is in docs/formats.md. Deterministic: the same tree gives the same text.
#pragma once

#include <string>

#include "schedules/compute_facts.h"
#include "schedules/loop_tree.h"

namespace tunefarm::schedules {

struct DotPrinting;  // schedules/dot_printing.h

struct PrintOptions {
  std::string title;                 // First line of the opening comment: workload and target.
  std::string config;                // Second line.
  int threads = 1;                   // Of the parallel loops.
  const DotPrinting* dot = nullptr;  // Of int8 kernels.
  // The output's cache lines are asked for before a tile's sums are computed.
  bool fetch_output = false;
  // Not empty: the tree is a part of a larger kernel. Only its run is printed, as a static function of this
  // name without a preamble.
  std::string part;
};

std::string PrintC(const LoopTree& tree, const ComputeFacts& facts, const PrintOptions& options);

}  // namespace tunefarm::schedules
