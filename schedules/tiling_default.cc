// The default config of the tiling rule: what is shipped where nothing was tuned.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include "base/divide.h"
#include "schedules/knobs.h"
#include "schedules/sharing.h"
#include "schedules/tiling_space.h"

namespace tunefarm::schedules {
namespace {

constexpr int64_t kFewRows = 128;

// The time of a tile's multiply-adds, in vector multiply-adds at full speed: they are held up by loads
// (one and a half a cycle come through beside multiply-adds) or by the latency of too few accumulators,
// whichever is longer.
double TileCost(int64_t vectors, int64_t rows, bool elementwise, const Target& target) {
  const auto cells = static_cast<double>(vectors * rows);
  if (cells == 0) return 0;
  const double loads =
      elementwise ? cells + static_cast<double>(vectors) : static_cast<double>(vectors + rows);
  const double flow = std::min(1.0, 1.5 * cells / loads / target.fma_per_cycle);
  // A quarter more than latency asks for: no scheduler keeps all of them in flight.
  const double busy = std::min(1.0, cells / (1.25 * target.fma_latency * target.fma_per_cycle));
  return cells / std::min(flow, busy);
}

// Of all tiles that cover so many vectors and rows, the shorter ones at the ends included.
double TilesCost(int64_t all_vectors, int64_t vectors, int64_t all_rows, int64_t rows, bool elementwise,
                 const Target& target) {
  const int64_t full_rows = all_rows / rows, full_vectors = all_vectors / vectors;
  const auto whole_rows = static_cast<double>(full_rows), whole_vectors = static_cast<double>(full_vectors);
  const int64_t rest_rows = all_rows % rows, rest_vectors = all_vectors % vectors;
  return whole_rows * whole_vectors * TileCost(vectors, rows, elementwise, target) +
         whole_rows * TileCost(rest_vectors, rows, elementwise, target) +
         whole_vectors * TileCost(vectors, rest_rows, elementwise, target) +
         TileCost(rest_vectors, rest_rows, elementwise, target);
}

// Blocks of whole tiles along an axis, as threads share them; a block of 0 is all of it.
SharedLoop LoopOfBlocks(int64_t extent, int64_t block, int64_t tile) {
  const int64_t whole = block == 0 ? extent : CeilDivide(block, tile) * tile;
  return {CeilDivide(extent, whole), static_cast<double>(extent) / static_cast<double>(whole)};
}

// What threads read of both factors of a product beyond all of it once, as a share of all. `loops` are those
// around the blocks, the last two over vectors and rows, of which there are so many.
double ReadAgain(std::span<const SharedLoop> loops, double vectors, double rows, int threads) {
  int64_t count = 1;
  for (const SharedLoop& loop : loops) count *= loop.extent;
  const int64_t row_blocks = loops.back().extent, blocks = loops[loops.size() - 2].extent * row_blocks;
  const int64_t share = CeilDivide(count, threads);
  if (share >= blocks) return 0;  // Products of their own.
  const auto part = [](int64_t some, int64_t all) {
    return static_cast<double>(some) / static_cast<double>(all);
  };
  const double read = part(CeilDivide(share, row_blocks), blocks / row_blocks) * vectors +
                      part(std::min(share, row_blocks), row_blocks) * rows;
  return std::max(0.0, part(blocks, share) * read / (vectors + rows) - 1);
}

}  // namespace

bool TilingRule::ClipsPixels(const AxisRoles& roles, int64_t rows, int64_t lanes) const {
  int64_t written_out = rows;
  for (const int tap : roles.taps) written_out *= Extent(tap);
  const auto tile_of = [&](const EdgeDimension& dimension) {
    ClippedTile tile;
    tile.extent = Extent(dimension.spatial);
    tile.taps = Extent(dimension.tap);
    if (dimension.spatial == roles.rows) tile.tile = rows;
    if (dimension.spatial == roles.vector) {
      tile.tile = lanes;
      tile.tail = tile.extent >= lanes ? Tail::kShift : Tail::kGuard;
    }
    return tile;
  };
  return ClipRefusal(
             *edges_, written_out, tile_of,
             [&](const EdgeDimension& dimension) { return dimension.spatial == roles.vector ? lanes : 1; },
             [](const EdgeDimension&) { return true; }) == nullptr;
}

Config TilingRule::PreferredConfig(const std::vector<Knob>& knobs, bool clip_pixels) const {
  // Vectors that would be gathered from a strided input are worse than a store that scatters them; and so is
  // a copy of a padded input, where vectors of weights let taps be left out.
  int vector_axis = 0;
  if (roles_.size() > 1 && facts_->lhs.uses[roles_[0].vector]) {
    const bool channels_fill = Extent(roles_[1].vector) >= target_.lanes(sizeof(float));
    if (facts_->lhs.stride[roles_[0].vector] != 1 ||
        (facts_->lhs.reads_padding && edges_.has_value() && channels_fill && !roles_[0].taps.empty() &&
         !facts_->lhs.uses[roles_[1].vector])) {
      vector_axis = 1;
    }
  }
  const AxisRoles& roles = roles_[vector_axis];
  Config config;
  config.choice.assign(knobs.size(), 0);
  if (knob_[kVector] >= 0) config.choice[knob_[kVector]] = static_cast<uint16_t>(vector_axis);
  const auto set = [&](KnobId id, uint16_t choice) {
    if (knob_[id] >= 0) config.choice[knob_[id]] = choice;
  };
  const auto sizes = [&](KnobId id) {
    return knob_[id] < 0 ? std::vector<int64_t>{1} : knobs[knob_[id]].numbers;
  };

  // The register tile: of those that fit, the one with the most results for its cost.
  const bool taps = !roles.taps.empty();
  const bool elementwise = facts_->lhs.uses[roles.vector] && facts_->rhs.uses[roles.vector];
  const bool depthwise = taps && roles.k < 0;
  // Below about a dozen pixels most windows cross an edge: a padded copy of all is cheaper than one for each.
  const bool small = Extent(roles.rows) < 12;
  // Clipping wants the last tap written out.
  const bool clipped = taps && !depthwise && facts_->lhs.reads_padding && edges_.has_value() &&
                       !facts_->lhs.uses[roles.vector];
  // Vectors of pixels need no copy of their windows where tiles may have a few rows.
  const bool clipped_pixels =
      clip_pixels && depthwise && !elementwise && facts_->lhs.reads_padding && edges_.has_value() &&
      facts_->lhs.stride[roles.vector] <= 2 && sizes(kLanes).back() > 1 &&
      ClipsPixels(roles, std::min<int64_t>(4, Extent(roles.rows)), sizes(kLanes).back());
  const bool square = depthwise && elementwise && !small && Extent(roles.rows2) >= 2;
  // Where activations are blocked, a tile has vectors of several blocks.
  const std::vector<int64_t> all_blocks = roles.blocks ? sizes(kRows2) : std::vector<int64_t>{1};
  double best_score = -1;
  const auto consider = [&](int64_t lanes, int64_t in_block, int64_t blocks, int64_t rows) {
    const int64_t vectors = in_block * blocks, cells = vectors * rows;
    if (cells + vectors + 1 > target_.vector_registers || rows > Extent(roles.rows)) return;
    if (roles.rows < 0 && rows > 1) return;
    // Taps are written out for each row: longer bodies gain nothing. Two rows of two pixels share most of
    // their windows; along a row of pixels four rows of vectors do.
    if (square && (rows > 2 || vectors > 2)) return;
    if (depthwise && !elementwise && (rows > 8 || vectors > 1)) return;
    if (clipped_pixels && !ClipsPixels(roles, rows, lanes)) return;
    if (elementwise && (rows > 8 || (small && vectors > 1))) return;
    // Variants at edges are as long as the tile.
    if (clipped && rows > 8 && vectors > 1) return;
    // Rows that lie a multiple of half a page apart share the sets of the first-level cache, of 8 lines.
    if (rows > 8 && roles.rows >= 0 && facts_->lhs.uses[roles.rows] &&
        facts_->lhs.stride[roles.rows] * static_cast<int64_t>(sizeof(float)) % 2048 == 0) {
      return;
    }
    if ((in_block - 1) * lanes >= Extent(roles.vector)) return;
    const int64_t in_axis = (Extent(roles.vector) + lanes - 1) / lanes;
    double cost = 0;
    if (roles.blocks) {  // As many vectors of each block in a tile.
      const int64_t whole_blocks = (in_axis + in_block - 1) / in_block;
      cost = static_cast<double>(whole_blocks) * TilesCost(in_block * Extent(roles.rows2), vectors,
                                                           Extent(roles.rows), rows, elementwise, target_);
    } else {
      cost = TilesCost(in_axis, vectors, Extent(roles.rows), rows, elementwise, target_);
    }
    const double score = static_cast<double>(Extent(roles.vector) * Extent(roles.rows)) / cost *
                         (1 + 0.003 * static_cast<double>(cells) + 0.001 * static_cast<double>(in_block));
    if (score <= best_score) return;
    best_score = score;
    set(kLanes, Nearest(knobs[knob_[kLanes]], lanes));
    set(kVectors, Nearest(knobs[knob_[kVectors]], in_block));
    if (knob_[kRows] >= 0) set(kRows, Nearest(knobs[knob_[kRows]], rows));
    if (roles.blocks && knob_[kRows2] >= 0) set(kRows2, Nearest(knobs[knob_[kRows2]], blocks));
  };
  for (const int64_t lanes : sizes(kLanes)) {
    for (const int64_t vectors : sizes(kVectors)) {
      for (const int64_t blocks : all_blocks) {
        for (const int64_t rows : sizes(kRows)) consider(lanes, vectors, blocks, rows);
      }
    }
  }
  const auto nearest = [&](KnobId id, int64_t wanted) {
    if (knob_[id] >= 0) set(id, Nearest(knobs[knob_[id]], wanted));
  };
  const auto named = [&](KnobId id, const std::vector<std::string>& wishes) {
    if (knob_[id] >= 0) set(id, Named(knobs[knob_[id]], wishes));
  };
  if (square) nearest(kRows2, 2);
  const bool many_rows = Extent(roles.rows) >= 32;
  // Operands that lie well are read as they are. Scalars do when they follow each other along the reduction;
  // a panel of vectors does when all of it stays in the second-level cache.
  const auto elements = [&](const LinearAccess& access) {
    int64_t count = 1;
    for (std::size_t axis = 0; axis < access.uses.size(); ++axis) {
      const bool batch = std::ranges::find(roles.batch, static_cast<int>(axis)) != roles.batch.end();
      if (access.uses[axis] && !batch) count *= Extent(static_cast<int>(axis));
    }
    return count;
  };
  const auto lies_well = [&](const LinearAccess& access) {
    if (access.uses[roles.vector]) {
      return access.stride[roles.vector] == 1 &&
             elements(access) * static_cast<int64_t>(sizeof(float)) <= target_.l2_bytes;
    }
    return roles.k >= 0 && access.stride[roles.k] == 1;
  };
  const bool lhs_direct = lies_well(facts_->lhs), rhs_direct = lies_well(facts_->rhs);
  // A panel of vectors as deep as the reduction, while half of the second-level cache holds it.
  const int64_t panel = knob_[kVectors] < 0 || knob_[kLanes] < 0
                            ? 1
                            : knobs[knob_[kVectors]].numbers[config.choice[knob_[kVectors]]] *
                                  knobs[knob_[kLanes]].numbers[config.choice[knob_[kLanes]]];
  const int64_t deepest = target_.l2_bytes / 2 / (panel * static_cast<int64_t>(sizeof(float)));
  nearest(kBlockV, 0);
  // Where rows are few, all: panels that come from afar are then read once.
  nearest(kBlockR, taps || Extent(roles.rows) <= kFewRows ? 0 : 96);
  nearest(kBlockR2, 0);
  nearest(kBlockK, many_rows && !(lhs_direct && Extent(roles.k) <= deepest) ? 256 : 0);
  // Threads share out the outermost loop, which must then be spatial.
  named(kOrder, {threads_ > 1 && PaysToShare(*facts_, target_) ? "vkr" : "kvr", "vr"});
  named(kInner, {clipped_pixels ? "vector" : "rows"});
  named(kReduce, {depthwise ? "taps_out" : clipped ? "inner_tap_out" : "taps_k", "inner_tap_out", "taps_k"});
  // A loop's own instructions cost an Intel core of 2023 up to a tenth of a tile of 12 vectors of 8.
  nearest(kUnroll, target_.architecture == "x86_64" && !depthwise ? 4 : 1);
  // Vectors of neighbouring pixels want a copy whose rows are long enough for them.
  const bool vectors_of_pixels = facts_->lhs.uses[roles.vector] && !depthwise;
  named(kLhs, clipped || clipped_pixels ? std::vector<std::string>{"clipped"}
              : depthwise && !elementwise && facts_->lhs.stride[roles.vector] == 1
                  ? std::vector<std::string>{"direct", "copy_inner"}
              : taps && (vectors_of_pixels || (elementwise && small))
                  ? std::vector<std::string>{"direct", "copy_root"}
              : taps                     ? std::vector<std::string>{"direct", "edges", "copy_root"}
              : many_rows && !lhs_direct ? std::vector<std::string>{"panel_inner", "direct"}
                                         : std::vector<std::string>{"direct", "panel_inner"});
  named(kRhs, facts_->rhs.constant || (many_rows && !rhs_direct)
                  ? std::vector<std::string>{"panel_root", "panel_inner"}
                  : std::vector<std::string>{"direct", "panel_inner"});
  named(kTailRows, {"guard"});
  named(kTailVector, {clipped_pixels && Extent(roles.vector) >= panel ? "shift" : "guard"});
  named(kParallel, {PaysToShare(*facts_, target_) ? "yes" : "no"});
  if (depthwise && elementwise) PreferWindows(knobs, config);
  if (threads_ > 1 && !taps && PaysToShare(*facts_, target_)) PreferEvenBlocks(knobs, config);
  return config;
}

// Blocks that threads get about as much of each, and of which they read little that another reads as well; of
// those the nearest to what is best for one thread.
void TilingRule::PreferEvenBlocks(const std::vector<Knob>& knobs, Config& config) const {
  if (knob_[kBlockV] < 0 || knob_[kBlockR] < 0) return;
  const TilingPlan plan = Resolve(knobs, config);
  const AxisRoles& roles = *plan.roles;
  const Config preferred = config;
  const auto distance = [&](KnobId id, std::size_t choice) {
    return std::abs(static_cast<double>(choice) - preferred.choice[knob_[id]]);
  };
  const std::vector<int64_t>&vs = knobs[knob_[kBlockV]].numbers, &rs = knobs[knob_[kBlockR]].numbers;
  // Panels that are packed while the kernel runs are near the thread that packed them alone.
  const LinearAccess& panels = facts_->rhs.uses[roles.vector] ? facts_->rhs : facts_->lhs;
  const double weight = panels.constant ? 1 : 2;
  double best = std::numeric_limits<double>::infinity();
  for (std::size_t v = 0; v < vs.size(); ++v) {
    for (std::size_t r = 0; r < rs.size(); ++r) {
      if (vs[v] == 0 && rs[r] == 0) continue;
      std::vector<SharedLoop> loops;
      loops.reserve(roles.batch.size() + 2);
      for (const int axis : roles.batch) loops.push_back(LoopOfBlocks(Extent(axis), 1, 1));
      const SharedLoop vectors =
                           LoopOfBlocks(Extent(roles.vector), vs[v], int64_t{plan.vectors} * plan.lanes),
                       rows = LoopOfBlocks(Extent(roles.rows), rs[r], plan.rows);
      loops.push_back(vectors);
      loops.push_back(rows);
      // A hundredth for each other size on the way, a fifth for reading all of both factors once more: a line
      // that another core's cache holds comes slowly.
      const double again = ReadAgain(loops, weight * static_cast<double>(Extent(roles.vector)),
                                     static_cast<double>(Extent(roles.rows)), threads_);
      const double cost = BusiestShare(loops, threads_) *
                          (1 + 0.01 * (distance(kBlockV, v) + distance(kBlockR, r)) + 0.2 * again);
      if (cost >= best) continue;
      best = cost;
      config.choice[knob_[kBlockV]] = static_cast<uint16_t>(v);
      config.choice[knob_[kBlockR]] = static_cast<uint16_t>(r);
    }
  }
}

// Windows of a depthwise convolution, by vectors of channels: the tile shares its inputs among its results
// and its weights among all. Taps outside are left out, which needs no copy and saves their multiply-adds.
void TilingRule::PreferWindows(const std::vector<Knob>& knobs, Config& config) const {
  const auto set = [&](KnobId id, int64_t number) {
    if (knob_[id] >= 0) config.choice[knob_[id]] = Nearest(knobs[knob_[id]], number);
  };
  const auto name = [&](KnobId id, const char* value) {
    if (knob_[id] >= 0) config.choice[knob_[id]] = Named(knobs[knob_[id]], {value});
  };
  struct Tile {
    int64_t rows, rows2;
    const char* reduce;
  };
  const int64_t registers = target_.vector_registers;
  const std::array<Tile, 6> tiles = {{{registers >= 32 ? 4 : 2, 2, "taps_out"},
                                      {2, 2, "taps_out"},
                                      {4, 1, "taps_out"},
                                      {7, 1, "inner_tap_out"},
                                      {4, 1, "inner_tap_out"},
                                      {1, 1, "taps_k"}}};
  const AxisRoles& roles = roles_[0];
  int64_t taps = 1;
  for (const int tap : roles.taps) taps *= Extent(tap);
  const Config before = config;
  for (const Tile& tile : tiles) {
    // Whole vectors, as wide as the channels fill.
    for (const int64_t lanes : knobs[knob_[kLanes]].numbers) {
      if (lanes <= Extent(roles.vector)) set(kLanes, lanes);
    }
    set(kVectors, 1);
    set(kRows, tile.rows);
    set(kRows2, tile.rows2);
    name(kReduce, tile.reduce);
    name(kInner, "vector");
    name(kLhs, facts_->lhs.reads_padding ? "clipped" : "direct");
    // As many channels as leave a tile's window and weights in half of the first-level cache.
    int64_t window = 1;
    for (const AffineIndex& index : facts_->lhs.access.index) {
      int64_t span = 1;
      for (const AffineTerm& term : index.terms) {
        const int64_t covered = term.axis >= facts_->spatial_axes ? Extent(term.axis)
                                : term.axis == roles.rows         ? tile.rows
                                : term.axis == roles.rows2        ? tile.rows2
                                                                  : 1;
        span += term.coefficient * (covered - 1);
      }
      window *= span;
    }
    const int64_t channels = target_.l1d_bytes / 2 / (static_cast<int64_t>(sizeof(float)) * (window + taps));
    if (knob_[kBlockV] >= 0) {
      const std::vector<int64_t>& blocks = knobs[knob_[kBlockV]].numbers;
      config.choice[knob_[kBlockV]] = 0;
      for (std::size_t i = 0; i < blocks.size(); ++i) {
        if ((blocks[i] == 0 ? Extent(roles.vector) : blocks[i]) <= channels)
          config.choice[knob_[kBlockV]] = static_cast<uint16_t>(i);
      }
    }
    if (Refusal(Resolve(knobs, config)) == nullptr) {
      if (threads_ > 1 && PaysToShare(*facts_, target_)) PreferEvenWindows(knobs, config);
      return;
    }
    config = before;
  }
}

// Blocks of channels are few and seldom even; blocks of lines are, where threads get too different shares.
void TilingRule::PreferEvenWindows(const std::vector<Knob>& knobs, Config& config) const {
  if (knob_[kBlockR2] < 0) return;
  const TilingPlan plan = Resolve(knobs, config);
  const AxisRoles& roles = *plan.roles;
  const Config preferred = config;
  double best = std::numeric_limits<double>::infinity();
  for (const bool all_channels : {false, true}) {
    for (std::size_t r = 0; r < knobs[knob_[kBlockR2]].numbers.size(); ++r) {
      Config even = preferred;
      if (all_channels && knob_[kBlockV] >= 0)
        even.choice[knob_[kBlockV]] = static_cast<uint16_t>(knobs[knob_[kBlockV]].numbers.size() - 1);
      even.choice[knob_[kBlockR2]] = static_cast<uint16_t>(r);
      const TilingPlan blocks = Resolve(knobs, even);
      if (Refusal(blocks) != nullptr) continue;
      const std::array<SharedLoop, 2> loops = {
          LoopOfBlocks(Extent(roles.vector), blocks.block_v, int64_t{plan.vectors} * plan.lanes),
          LoopOfBlocks(Extent(roles.rows2), blocks.block_r2, plan.rows2)};
      // A hundredth for each other size on the way, and five for channels that leave the first-level cache.
      const double distance =
          std::abs(static_cast<double>(r) - preferred.choice[knob_[kBlockR2]]) + (all_channels ? 5 : 0);
      const double cost = BusiestShare(loops, threads_) * (1 + 0.01 * distance);
      if (cost >= best) continue;
      best = cost;
      config = even;
    }
  }
}

// What is preferred where it is legal, otherwise the nearest to it: less unrolled, then fewer taps written
// out, then smaller copies.
absl::StatusOr<Config> TilingRule::DefaultConfig(const std::vector<Knob>& knobs) const {
  Config preferred = PreferredConfig(knobs, true);
  if (Refusal(Resolve(knobs, preferred)) != nullptr) preferred = PreferredConfig(knobs, false);
  const auto choices = [&](KnobId id, const std::vector<std::string>& wishes) {
    std::vector<uint16_t> found;
    if (knob_[id] < 0) return std::vector<uint16_t>{0};
    found.push_back(preferred.choice[knob_[id]]);
    for (const std::string& wish : wishes) found.push_back(Named(knobs[knob_[id]], {wish}));
    return found;
  };
  for (const uint16_t rows : choices(kBlockR, {"64", "8"})) {
    for (const uint16_t rows2 : choices(kBlockR2, {"8", "1"})) {
      for (const uint16_t lhs : choices(kLhs, {"copy_root", "copy_inner", "panel_inner"})) {
        for (const uint16_t rhs : choices(kRhs, {"direct"})) {
          for (const uint16_t reduce : choices(kReduce, {"inner_tap_out", "taps_k"})) {
            for (const uint16_t unroll : choices(kUnroll, {"2", "1"})) {
              Config config = preferred;
              const auto set = [&](KnobId id, uint16_t choice) {
                if (knob_[id] >= 0) config.choice[knob_[id]] = choice;
              };
              set(kBlockR, rows);
              set(kBlockR2, rows2);
              set(kLhs, lhs);
              set(kRhs, rhs);
              set(kReduce, reduce);
              set(kUnroll, unroll);
              if (Refusal(Resolve(knobs, config)) == nullptr) return config;
            }
          }
        }
      }
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the tiled template finds no legal config: ", Refusal(Resolve(knobs, preferred)),
                   "; the tensors are too large"));
}

absl::StatusOr<ConfigSpace> TilingRule::MakeSpace() const {
  std::vector<Knob> knobs = MakeKnobs();
  TUNEFARM_ASSIGN_OR_RETURN(const Config start, DefaultConfig(knobs));
  std::vector<Config> starts = StartsOfSmallTiles(knobs, start);
  if (const std::optional<Config> blocks = StartWithBlocksOfTerms(knobs, start)) starts.push_back(*blocks);
  return SpaceOf(
      std::move(knobs), start,
      [this](const ConfigSpace& space, const Config& config) {
        return Refusal(Resolve(space.knobs(), config));
      },
      nullptr, std::move(starts));
}

}  // namespace tunefarm::schedules
