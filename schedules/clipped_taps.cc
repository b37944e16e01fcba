#include "schedules/clipped_taps.h"

#include <algorithm>

namespace tunefarm::schedules {
namespace {

// Calls visit(place) for each tile whose window crosses an edge; the tiles in between, which do not, are
// skipped.
template <typename Visit>
void ForEachCrossing(const EdgeDimension& dimension, const ClippedTile& t, const Visit& visit) {
  const int64_t tiles = (t.extent + t.tile - 1) / t.tile;
  const auto place = [&](int64_t number) {
    TilePlace result{number * t.tile, std::min(t.tile, t.extent - number * t.tile)};
    if (t.tail == Tail::kShift && t.extent >= t.tile) {
      result.begin = std::min(result.begin, t.extent - t.tile);
      result.size = t.tile;
    }
    return result;
  };
  const auto crosses = [&](const TilePlace& p) {
    return !dimension.Inside(p.begin, 0) || !dimension.Inside(p.begin + p.size - 1, t.taps - 1);
  };
  int64_t first_inside = 0;
  while (first_inside < tiles && crosses(place(first_inside))) visit(place(first_inside++));
  int64_t last = tiles;  // One past the last tile inside.
  while (last > first_inside && crosses(place(last - 1))) --last;
  for (; last < tiles; ++last) visit(place(last));
}

}  // namespace

std::optional<std::vector<EdgeDimension>> EdgeDimensionsOf(const ComputeFacts& facts) {
  std::vector<EdgeDimension> dimensions;
  for (std::size_t d = 0; d < facts.lhs.access.index.size(); ++d) {
    const AffineIndex& index = facts.lhs.access.index[d];
    EdgeDimension dimension;
    dimension.constant = index.constant;
    dimension.size = facts.compute.tensors[facts.lhs.access.tensor].shape[d];
    dimension.stride = facts.lhs.tensor_strides[d];
    int64_t lowest = index.constant, highest = index.constant;
    int spatial = 0, taps = 0;
    for (const AffineTerm& term : index.terms) {
      const int64_t reach = term.coefficient * (facts.compute.axes[term.axis].extent - 1);
      (reach < 0 ? lowest : highest) += reach;
      if (term.axis < facts.spatial_axes) {
        ++spatial;
        dimension.spatial = term.axis;
        dimension.step = term.coefficient;
      } else {
        ++taps;
        dimension.tap = term.axis;
        dimension.tap_step = term.coefficient;
      }
    }
    if (lowest >= 0 && highest < dimension.size) continue;
    if (spatial > 1 || taps > 1 || dimension.step < 0 || dimension.tap_step < 0) return std::nullopt;
    for (const EdgeDimension& other : dimensions) {
      if ((spatial > 0 && other.spatial == dimension.spatial) || (taps > 0 && other.tap == dimension.tap))
        return std::nullopt;
    }
    dimensions.push_back(dimension);
  }
  return dimensions;
}

std::vector<TilePlace> CrossingTiles(const EdgeDimension& dimension, const ClippedTile& tile) {
  std::vector<TilePlace> places;
  ForEachCrossing(dimension, tile, [&](const TilePlace& place) {
    if (places.empty() || places.back().begin != place.begin) places.push_back(place);
  });
  return places;
}

int CountCrossingTiles(const EdgeDimension& dimension, const ClippedTile& tile) {
  int count = 0;
  ForEachCrossing(dimension, tile, [&](const TilePlace&) { ++count; });
  return count;
}

}  // namespace tunefarm::schedules
