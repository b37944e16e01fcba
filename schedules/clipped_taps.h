// Leaving out the taps of a padded convolution that lie outside of its input, instead of copying the input
// with zeros around it. What is known when the kernel is printed costs nothing: a tile at the edge becomes a
// tile of its own, without the multiply-adds that would add zero.
//
//   taps that are written out:  a variant of the register tile for each tile position that crosses an edge
//   taps that are a loop:       the loop begins and ends where the input does (tiles of one element only)
//
// Vectors along a padded axis read what is inside and move it to its lanes, beside zeros.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "schedules/compute_facts.h"
#include "schedules/loop_tree.h"

namespace tunefarm::schedules {

// A dimension of a tensor whose index may leave it: constant + step * spatial + tap_step * tap.
struct EdgeDimension {
  int spatial = -1, tap = -1;  // Axes; -1: the index has none.
  int64_t step = 0, tap_step = 0;
  int64_t constant = 0;
  int64_t size = 0;    // Of the tensor.
  int64_t stride = 1;  // Between neighbours along it, in the tensor's memory.

  bool Inside(int64_t at, int64_t tap_at) const {
    const int64_t index = constant + step * at + tap_step * tap_at;
    return index >= 0 && index < size;
  }
};

// Those of lhs, or nothing when one of them depends on several spatial axes or on several reductions.
std::optional<std::vector<EdgeDimension>> EdgeDimensionsOf(const ComputeFacts& facts);

// A register tile's place along one axis.
struct TilePlace {
  int64_t begin = 0, size = 1;
};

// How a schedule covers one spatial axis and treats one tap.
struct ClippedTile {
  int64_t extent = 1;  // Of the spatial axis.
  int64_t tile = 1;    // Of the register tile along it.
  Tail tail = Tail::kNone;
  int64_t taps = 1;  // Extent of the tap's axis.
};

// The register tiles whose windows cross an edge in the dimension, from the first.
std::vector<TilePlace> CrossingTiles(const EdgeDimension& dimension, const ClippedTile& tile);
// How many; faster.
int CountCrossingTiles(const EdgeDimension& dimension, const ClippedTile& tile);

// More variants of a register tile would not be worth their code.
inline constexpr int kMaxCrossingTiles = 4;       // Along one axis.
inline constexpr int64_t kMaxClippedBody = 1500;  // Multiply-adds in all variants together.

// Why a register tile with so many multiply-adds written out cannot leave its taps out; null when it can.
// Asked about each dimension: its tile, how many of its elements along the spatial axis a vector holds (1
// where vectors lie along another), and whether its tap is written out (or is the only one, or there is
// none).
template <typename TileOf, typename LanesOf, typename IsWrittenOut>
const char* ClipRefusal(const std::vector<EdgeDimension>& dimensions, int64_t written_out,
                        const TileOf& tile_of, const LanesOf& lanes_of, const IsWrittenOut& is_written_out) {
  for (const EdgeDimension& dimension : dimensions) {
    const ClippedTile tile = tile_of(dimension);
    if (lanes_of(dimension) > 1 && (dimension.stride != 1 || dimension.step > 2))
      return "a vector's elements would be read one by one";
    if (!is_written_out(dimension)) {
      if (tile.tile > 1) return "the taps of a tile's elements begin at different places";
      continue;
    }
    const int crossing = CountCrossingTiles(dimension, tile);
    if (crossing > kMaxCrossingTiles) return "too many tiles cross an edge";
    written_out *= crossing + 1;
  }
  return written_out > kMaxClippedBody ? "the variants at the edges would be too long" : nullptr;
}

}  // namespace tunefarm::schedules
