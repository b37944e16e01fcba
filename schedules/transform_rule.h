// What the rules of minimal filtering share: their matrix products are schedules of the tiling rule, at each
// of some points, between transforms of images.
#pragma once

#include <cstdint>

#include "schedules/compute_facts.h"
#include "schedules/config_space.h"
#include "schedules/loop_tree.h"
#include "schedules/tiling_space.h"
#include "schedules/transform_buffers.h"

namespace tunefarm::schedules {

// The products' schedule, from the tiling rule's knobs lanes, vectors, rows, inner, unroll and tail_rows.
TilingPlan ResolveProducts(const TilingRule& rule, const ConfigSpace& space, const Config& config);
bool UsesForProducts(const Knob& knob);  // One of those.

// Makes the buffers of a product's tree those of all its points, so many of tiles and products and so many
// copies of the weights, in terms of the convolution's tensors.
void RepeatBuffers(LoopTree& tree, const ComputeFacts& facts, int64_t points, int64_t weights);

// A convolution's images among the buffers of its product's tree, behind those.
struct ImageBuffers {
  int given, wanted;  // The arguments.
  int input, output;  // What transforms read and write: these, or converted ones in the workspace.
  int64_t in_channels = 1, out_channels = 1;  // From pixel to pixel where converted, else 1.
  bool converted() const { return input != given; }
};
// `ci` and `co` are axes of the convolution, or -1.
ImageBuffers AddImages(LoopTree& tree, const ComputeFacts& facts, const ConvertedImages& converted, int ci,
                       int co);

}  // namespace tunefarm::schedules
