// How the sums of a fast product's tiles become its output, as C: scaled back, with the epilogue.
#pragma once

#include <cstdint>
#include <string>

#include "schedules/c_text.h"
#include "schedules/fast_product_packing.h"

namespace tunefarm::schedules {

// Refers to what must outlive it. What it prints stands in the loops of a kernel, and reads `first_row`,
// `first_lane`, and `block` where sums are in blocks.
class FastProductStore {
 public:
  FastProductStore(const FastProductKernel& kernel, CText& out) : kernel_(kernel), out_(out) {}

  // The functions that the others call.
  void Helpers() const;
  // Fetches the cache lines of the output and of what is added to it, which are far away where they are
  // large: in time for the end of the steps.
  void Fetch() const;
  // Stores the tiles of a group, whose sums are at `sums`, or the only one, whose sums are in registers; by
  // the scales `group_row_scales` and `group_lane_scales`.
  void Group() const;

 private:
  std::string TensorName(const LinearAccess& access) const;
  std::string InTile(const LinearAccess& access) const;
  int64_t BlockStride(const LinearAccess& access) const;
  bool InBlocks(const LinearAccess& access) const;
  void Vector(const std::string& sum, const std::string& row_scale, const std::string& lane_scale,
              bool whole) const;
  void Tile() const;

  const FastProductKernel& kernel_;
  CText& out_;
};

}  // namespace tunefarm::schedules
