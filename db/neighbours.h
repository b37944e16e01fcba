// Finds the tuned shapes nearest to an untuned one. Pure, in memory; the database feeds it each task that has
// a best.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "db/shape.h"

namespace tunefarm::db {

// What must be equal for a config to be worth carrying over.
struct NeighbourGroup {
  std::string family;
  std::string target_name;
  int32_t threads = 1;
  bool estimated = false;
  friend bool operator==(const NeighbourGroup&, const NeighbourGroup&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const NeighbourGroup& g) {
    return H::combine(std::move(h), g.family, g.target_name, g.threads, g.estimated);
  }
};

struct Neighbour {
  int64_t task = 0;
  std::string workload;
  std::string device_class;
  Shape shape;
};

struct Near {
  const Neighbour* neighbour;  // Valid until the next Add.
  float distance;              // Octaves.
};

// Not thread safe.
class NeighbourIndex {
 public:
  void Add(const NeighbourGroup& group, Neighbour neighbour);
  // Up to `count` within `reach` octaves, nearest first, the earlier added first among equals. An empty
  // `device_class` is any. A scan: some nanoseconds a shape.
  std::vector<Near> Nearest(const NeighbourGroup& group, const Shape& shape, const std::string& device_class,
                            float reach, std::size_t count) const;

 private:
  // The shapes side by side, so that a scan reads memory in order.
  struct Members {
    std::vector<Neighbour> neighbours;
    std::vector<float> octaves;           // As many for each neighbour.
    std::vector<int> epilogues, classes;  // Positions in `names`.
    absl::flat_hash_map<std::string, int> names;
  };
  absl::flat_hash_map<NeighbourGroup, Members> groups_;
};

// Beyond this many octaves a config says little: 6 are, say, four times the rows, columns and depth of a
// matmul.
inline constexpr float kReachOctaves = 6.0f;

// The extra time to expect, as a share, from carrying a config over `distance` octaves when there is no
// evidence: 2^(distance / 8) - 1. A rule of thumb (9 % for one doubling, 68 % at the end of the reach) that
// is meant to overstate.
double RuleOfThumbLoss(float distance);

// From pairs of tuned shapes at known distances: the extra time, as a share, that one's config took on the
// other. The median of the losses per octave, times the distance asked for. `evidence` is not empty; its
// distances are positive.
struct ObservedLoss {
  float distance;
  double loss;
};
double LossFromEvidence(const std::vector<ObservedLoss>& evidence, float distance);

}  // namespace tunefarm::db
