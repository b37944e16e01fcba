// Prints what lets a register tile read a padded tensor directly: where the tile's window crosses an edge, it
// is copied with zeros outside, at the tensor's own strides, so that the same code reads either.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schedules/c_text.h"
#include "schedules/nest_path.h"
#include "schedules/tile_cells.h"

namespace tunefarm::schedules {

// Elements from the first to the last that the window of a tile can touch, at the tensor's strides. `covered`
// gives what a tile covers of an axis.
template <typename Covered>
int64_t WindowElements(const LinearAccess& access, const Covered& covered) {
  int64_t elements = 1;
  for (std::size_t d = 0; d < access.access.index.size(); ++d) {
    for (const AffineTerm& term : access.access.index[d].terms) {
      elements += access.tensor_strides[d] * term.coefficient * (covered(term.axis) - 1);
    }
  }
  return elements;
}

// Whether a copy of the window at the tensor's strides holds each element once: no side but the outermost is
// longer than the tensor's, so that no row runs into the next. `shape` is the tensor's.
template <typename Covered>
bool WindowFits(const LinearAccess& access, const std::vector<int64_t>& shape, const Covered& covered) {
  for (std::size_t d = 1; d < shape.size(); ++d) {
    int64_t span = 1;
    for (const AffineTerm& term : access.access.index[d].terms)
      span += term.coefficient * (covered(term.axis) - 1);
    if (span > shape[d]) return false;
  }
  return true;
}

struct EdgeCopy {
  std::string name;           // Of its memory, in C.
  std::string outside = "0";  // What an element outside of the tensor is.
  bool always = false;        // Not at edges alone.
};

// Points `pointer`, which already points to the tile's first element in the tensor, into the copy where the
// window of the variant of the tile that is being printed crosses an edge of the tensor.
void PrintEdgeWindow(const ComputeFacts& facts, const LinearAccess& access, const TileCells& tile,
                     NestPath& path, const std::string& pointer, const EdgeCopy& copy, CText& out);

}  // namespace tunefarm::schedules
