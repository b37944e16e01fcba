// Configs that the tiling rule's search measures first, beside the default.
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/divide.h"
#include "schedules/knobs.h"
#include "schedules/tiling_space.h"

namespace tunefarm::schedules {

// Where the second factor is packed while the kernel runs and is larger than the second-level cache, as
// caches behind that may be slow: a block of its terms at a time, which stays there (Goto and van de Geijn,
// "Anatomy of high-performance matrix multiplication", 2008).
std::optional<Config> TilingRule::StartWithBlocksOfTerms(const std::vector<Knob>& knobs,
                                                         const Config& preferred) const {
  constexpr int64_t kTermsOfBlock = 256;
  const AxisRoles& roles = roles_[0];
  if (threads_ > 1 || facts_->rhs.constant || !roles.taps.empty() || roles.k < 0 || knob_[kRows] < 0 ||
      knob_[kBlockK] < 0 || knob_[kRhs] < 0 || Extent(roles.k) <= kTermsOfBlock ||
      Extent(roles.k) * Extent(roles.vector) * static_cast<int64_t>(sizeof(float)) <= target_.l2_bytes) {
    return std::nullopt;
  }
  Config config = preferred;
  if (target_.vector_registers >= 32) {  // A narrow panel, which fewer bytes a cycle are read of.
    config.choice[knob_[kVectors]] = Nearest(knobs[knob_[kVectors]], 3);
    config.choice[knob_[kRows]] = Nearest(knobs[knob_[kRows]], 8);
  }
  config.choice[knob_[kBlockK]] = Nearest(knobs[knob_[kBlockK]], kTermsOfBlock);
  config.choice[knob_[kInner]] = Named(knobs[knob_[kInner]], {"vector"});
  config.choice[knob_[kRhs]] = Named(knobs[knob_[kRhs]], {"panel_inner"});
  return config;
}

// Tiles of twelve sums, where registers are more. Of short sums: a core that looks a few hundred instructions
// ahead begins the next tile while the last one's sums are stored. And of vectors half as wide, where these
// leave fewer lanes empty: some cores start twice as many of them.
std::vector<Config> TilingRule::StartsOfSmallTiles(const std::vector<Knob>& knobs,
                                                   const Config& preferred) const {
  constexpr int64_t kMostTerms = 64;
  struct Tile {
    int64_t lanes, vectors, rows;
  };
  const AxisRoles& roles = roles_[0];
  std::vector<Config> starts;
  if (target_.vector_registers < 32 || target_.architecture != "x86_64" || roles.k < 0 || roles.blocks ||
      knob_[kRows] < 0) {
    return starts;
  }
  std::vector<Tile> tiles;
  const int64_t lanes = target_.lanes(sizeof(float)), half = lanes / 2, columns = Extent(roles.vector);
  if (facts_->compute.terms() <= kMostTerms) tiles = {{lanes, 1, 12}, {lanes, 3, 4}};
  if (10 * RoundUp(columns, lanes) >= 11 * RoundUp(columns, half)) {
    const int64_t vectors = columns <= half ? 1 : 3;
    tiles.push_back({half, vectors, 12 / vectors});
  }
  for (const Tile& tile : tiles) {
    if (tile.rows > Extent(roles.rows)) continue;
    Config config = preferred;
    config.choice[knob_[kLanes]] = Nearest(knobs[knob_[kLanes]], tile.lanes);
    config.choice[knob_[kVectors]] = Nearest(knobs[knob_[kVectors]], tile.vectors);
    config.choice[knob_[kRows]] = Nearest(knobs[knob_[kRows]], tile.rows);
    if (config.choice != preferred.choice && Refusal(Resolve(knobs, config)) == nullptr)
      starts.push_back(std::move(config));
  }
  return starts;
}

}  // namespace tunefarm::schedules
