// What is special about printing int8 kernels: prints the pieces that c_printer.cc puts into the nest.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "schedules/c_text.h"
#include "schedules/dot_kernel.h"
#include "schedules/dot_pair_sums.h"
#include "schedules/dot_space.h"
#include "schedules/dot_taps.h"
#include "schedules/nest_path.h"

namespace tunefarm::schedules {

// The channels' bias, multipliers and shifts (ChannelFields), packed behind the weights: for each tile of
// `tile` channels its biases, then its multipliers, and so on. With short cuts (DotScaling) one more word
// tells whether there are channels that they do not hold for, and a byte for each multiplier whether it is of
// such a one.
struct ChannelTable {
  int buffer = -1;  // Of LoopTree::buffers.
  std::vector<const char*> fields;
  int64_t elements = 0;   // Without those.
  int64_t tile = 1;       // Channels.
  std::vector<int> axes;  // That a channel depends on, outermost first; the last is the tiled one, or none.
  std::vector<int64_t> size;  // Per axis, in channels; the tiled one rounded up to whole tiles.
};

struct DotPrinting {
  const DotKernel* kernel = nullptr;
  DotRoles roles;
  TapPlan taps;  // Of planar micro-kernels: a row of the window.
  ChannelTable channels;
  PairSums pair_sums;  // Of paired micro-kernels;
  bool folds = false;  // these read half of the weights from memory for each row, to save registers.
};

// The table for a tree that was lowered from a plan, whose buffer is added to the tree.
ChannelTable AddChannelTable(LoopTree& tree, const ComputeFacts& facts, const DotRoles& roles,
                             const DotPlan& plan);

// The taps of a row of the window for all outputs of the plan's register tile, for planar micro-kernels. The
// weights' buffer in the tree is made to hold their words.
TapPlan LayOutTaps(LoopTree& tree, const ComputeFacts& facts, const DotRoles& roles, const DotPlan& plan);

class DotPrinter {
 public:
  DotPrinter(const LoopTree& tree, const ComputeFacts& facts, const DotPrinting& dot, CText& out)
      : tree_(tree), facts_(facts), dot_(dot), out_(out) {}

  // Typedefs and functions.
  void Preamble();
  // "int16_t": the element of a buffer.
  const char* TypeOf(int buffer) const;

  // The kernel by plain loops over the arguments, of the channels that requantisation's short cuts do not
  // hold for; and its call, which goes behind the kernel.
  void GeneralRun();
  void CallGeneralRun(const std::string& table);
  // Around what calls requantize(), in each thread.
  void RoundDown();
  void RoundBack();
  // Weights into panels: `node` is the outermost loop of the nest, or its statement.
  void PackWeights(int node, const std::string& source, const std::string& destination);
  // The channel table; constants[] is in scope.
  void PackChannels(const std::string& destination);
  // The input into its padded copy, and the sums of its pairs.
  void CopyInput(int node, NestPath& path, const std::string& source, const std::string& destination,
                 const std::string& pragma);
  static const char* PairSumsName() { return "pair_sums"; }  // In C.

 private:
  void PackShortCut(const std::string& multiplier, const std::string& shift);
  void PackWindows(const std::string& source, const std::string& destination);
  void PrintSlots();  // slot[], of windows' channels.
  void PackTaps(const std::string& source, const std::string& destination);
  void CopyPlanes(int node, const CSum& from, const std::string& source, int64_t start, int64_t count,
                  int64_t channels);
  int64_t PlaneStride(int node) const;

  const LoopTree& tree_;
  const ComputeFacts& facts_;
  const DotPrinting& dot_;
  CText& out_;
};

}  // namespace tunefarm::schedules
