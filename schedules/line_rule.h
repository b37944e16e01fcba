// Convolutions whose kernels have four taps or more in a row, by minimal filtering of lines
// (line_transform.h): a written template. A line lies along the dimension with the more taps; the taps across
// it and the channels are summed up, by matrix products that the tiling rule schedules. Of a stride along the
// line as many neighbours are channels of one place, which leaves a stride of 1: four taps of places for
// seven taps with stride 2.
//
//   for each block of output lines:
//     for each input line that it needs: its places, with the padding; their transform
//                                                        -> tiles[point][line][tile][channel]
//     for each point:
//       products[point][line][tile][co] +=
//           tiles[point][line * stride + tap][tile][channel] * weights[point][tap][channel][co]
//     transform the products, epilogue                   -> output
//
// Threads share the blocks, each with buffers of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "schedules/compute_facts.h"
#include "schedules/config_space.h"
#include "schedules/line_transform.h"
#include "schedules/target.h"
#include "schedules/tiling_space.h"
#include "schedules/transform_buffers.h"
#include "schedules/workload.h"

namespace tunefarm::schedules {

// One way to cut the output into tiles and blocks. Elements are float32.
struct LineShape {
  LineForm form;
  ConvertedImages converted;
  bool along_width = true;                   // The lines are rows; otherwise columns.
  int64_t stride = 1, taps = 1;              // Across the lines.
  int64_t along_stride = 1, along_taps = 1;  // Of the convolution.
  int64_t images = 1, lines = 1, tiles = 1;  // Output lines of an image, tiles of a line.
  int64_t block = 1, blocks = 1;             // Lines in a block, blocks in an image. The last moves inwards.
  int64_t channels = 1, pitch = 1;           // Of a place; from place to place, whole vectors.
  int64_t co = 1;                            // Rounded up to whole vectors.
  int64_t input_lines() const { return (block - 1) * stride + taps; }
  int64_t places() const { return tiles * form.outputs + form.taps - 1; }  // Of a line.
  int64_t line_elements() const { return tiles * pitch; }                  // Of an input line at a point.
  // From point to point.
  int64_t tile_stride() const { return OddLines(input_lines() * line_elements()); }
  int64_t product_stride() const { return OddLines(block * tiles * co); }
  // Of the workspace, for one block: a line's places, tiles and products.
  int64_t buffer_elements() const {
    return OddLines(places() * pitch) + form.points * (tile_stride() + product_stride());
  }
};

// The decisions of a config.
struct LinePlan {
  int shape = 0;        // Of LineRule::shape().
  TilingPlan products;  // Of the matrix products.
};

// Immutable. `Serves` says whether the workload is one that it can compute.
class LineRule {
 public:
  static bool Serves(const Workload& workload);
  LineRule(const Workload& workload, const Target& target, int threads);

  // "algorithm" (0: direct, else outputs of a tile), and "lines" of a block (0: all).
  std::vector<Knob> Knobs() const;
  // A good start of each form; knobs that it does not decide stand as in `preferred`.
  std::vector<Config> Starts(const std::vector<Knob>& knobs, const Config& preferred) const;
  // From the tiling rule's knobs lanes, vectors, rows, inner, unroll and tail_rows, and those above.
  LinePlan Resolve(const ConfigSpace& space, const Config& config) const;
  static bool Uses(const Knob& knob);  // The knobs that Resolve looks at; the others have no meaning.

  const char* Refusal(const LinePlan& plan) const;  // Null when the plan can be built.
  // How many times the tolerance of direct summation a result may use.
  double ErrorGrowth(const LinePlan& plan) const { return LineErrorGrowth(shape(plan).form); }
  const LineShape& shape(const LinePlan& plan) const { return cuts_[plan.shape].shape; }
  const ComputeFacts& product_facts(const LinePlan& plan) const { return *cuts_[plan.shape].facts; }
  int64_t workspace_elements(const LinePlan& plan) const {
    return shape(plan).converted.elements() + shape(plan).buffer_elements() * threads_;
  }
  // The loop tree of the matrix product at a point of one block, in terms of product_facts.
  absl::StatusOr<LoopTree> LowerProduct(const LinePlan& plan) const;
  // The whole nest, in terms of the convolution's `facts`.
  absl::StatusOr<LoopTree> Lower(const LinePlan& plan, const ComputeFacts& facts) const;

 private:
  struct Cut {
    LineShape shape;
    std::unique_ptr<ComputeFacts> facts;  // The rule points to them.
    std::unique_ptr<TilingRule> rule;
  };
  Target target_;
  int threads_;
  std::vector<int> outputs_;  // Of the forms.
  std::vector<Cut> cuts_;     // By form and number of lines, as the knobs count.
};

}  // namespace tunefarm::schedules
