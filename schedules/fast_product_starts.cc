// Configs of fast products that the search measures first.
#include <algorithm>
#include <limits>
#include <optional>

#include "base/divide.h"
#include "schedules/fast_product_layout.h"
#include "schedules/strassen.h"

namespace tunefarm::schedules {
namespace {

constexpr int64_t kTermsOfPanel = 288;       // Of two vectors of 8 lanes, half of a first-level cache.
constexpr int64_t kPackedBytes = 256 << 10;  // Of rows: half of a second-level cache of 512 KB.
// Blocks of their own still beat a shared one while threads take so much longer than with even blocks, and so
// much where there are few columns.
constexpr int64_t kEvenPercent = 110, kUnevenPercent = 140, kFewColumns = 256;

}  // namespace

void FastProductRule::Prefer(const std::vector<Knob>& knobs, Config& config) const {
  // Four rows of two vectors with the sums and operands of their pairs fill 16 registers, eight rows all that
  // pairs can use of 32. Where sums are so few that multiply-adds wait for one another, fewer multiply-adds
  // are worth more: Strassen's products as well.
  if (target_.vector_registers >= 32) {
    SetStart(knobs, {8, 2, 1, 0}, config);
  } else {
    SetStart(knobs, {4, 2, 2, 1, false, true, kLargeBlock}, config);
  }
}

std::vector<Config> FastProductRule::OtherStarts(const std::vector<Knob>& knobs,
                                                 const Config& preferred) const {
  std::vector<Start> starts;
  if (target_.vector_registers >= 32) {
    starts = {{4, 4, 2, 1, true}, {12, 2, 0, 1, false, true, kLargeBlock}};
    if (SpansBlocks()) starts.push_back({8, 3, 0, 0});
  } else {
    // Packed rows take a part of the second-level cache.
    const bool many_terms = kMiddleBlock * factors_.term_count * static_cast<int64_t>(sizeof(float)) > kPackedBytes;
    starts = {{6, 2, 0, 1},
              {4, 2, 2, 0, false, false, many_terms ? kSmallBlock : kMiddleBlock, kTermsOfPanel}};
  }
  std::vector<Config> configs(starts.size(), preferred);
  for (std::size_t i = 0; i < starts.size(); ++i) SetStart(knobs, starts[i], configs[i]);
  return configs;
}

void FastProductRule::SetStart(const std::vector<Knob>& knobs, const Start& start, Config& config) const {
  const auto set = [&](const char* name, int64_t wanted) {
    const auto knob = std::ranges::find(knobs, name, &Knob::name);
    if (knob == knobs.end()) return;
    const std::vector<int64_t>& sizes = knob->numbers;
    // The last one is the largest, or "all".
    const auto size = std::find_if(sizes.begin(), sizes.end() - 1, [&](int64_t n) { return n >= wanted; });
    config.choice[knob - knobs.begin()] = static_cast<uint16_t>(size - sizes.begin());
  };
  const Start shared = threads_ > 1 ? SharedOut(start) : start;
  set("fast_rows", shared.rows);
  set("fast_vectors", VectorsOf(shared));
  set("pairs", shared.pairs);
  set("strassen", shared.levels);
  set("fast_broadcast", shared.folded ? 1 : 0);
  set("fast_prefetch", shared.fetches ? 1 : 0);
  set("fast_terms", shared.terms);
  set("pack_block", shared.block);
  set("share", shared.in_block ? 1 : 0);
}

int FastProductRule::VectorsOf(const Start& start) const {
  return static_cast<int>(
      std::min<int64_t>(start.vectors, CeilDivide(factors_.lanes.extent, LanesOf(target_))));
}

// Blocks of their own where threads get about as much each, by a row more or less in the tile. In a block
// that they share, each reads what the other has packed from the other's cache, which costs the more the
// fewer columns it is multiplied by.
FastProductRule::Start FastProductRule::SharedOut(const Start& start) const {
  const bool rows_blocked = !factors_.rows.access->constant;
  const ProductFactor& blocked = rows_blocked ? factors_.rows : factors_.lanes;
  const ProductFactor& other = rows_blocked ? factors_.lanes : factors_.rows;
  const int splits = StrassenProducts(start.levels).splits;
  const int64_t smallest = std::min(start.block / 2, CeilDivide(blocked.extent, threads_));
  std::optional<Start> own;
  int64_t busiest = 0;  // What the thread with most to do has.
  for (const int more : {0, 1, -1}) {
    Start tried = start;
    tried.rows += rows_blocked ? more : 0;
    FastTile tile;
    tile.rows = tried.rows;
    tile.vectors = VectorsOf(tried);
    tile.pairs = tried.pairs > 0;
    tile.folded = tried.folded;
    if (VectorRegistersOf(tile) > target_.vector_registers) continue;
    const int64_t width = int64_t{splits} * (rows_blocked ? tile.rows : tile.vectors * LanesOf(target_));
    for (const int64_t block : PackBlocks(blocked.extent, threads_)) {
      if (block == 0 || block < smallest || block > 2 * start.block) continue;
      const int64_t of_block = RoundUp(block, width);
      const int64_t blocks = CeilDivide(CeilDivide(blocked.extent, of_block), threads_);
      const int64_t most = std::min(blocks * of_block, RoundUp(blocked.extent, width));
      if (own.has_value() && most >= busiest) continue;
      busiest = most;
      own = tried;
      own->block = block;
    }
  }
  if (own.has_value()) {
    const int64_t percent = int64_t{100} * threads_ * busiest / blocked.extent;
    if (percent <= kEvenPercent || (other.extent <= kFewColumns && percent <= kUnevenPercent)) return *own;
  }
  Start in_block = start;
  in_block.in_block = true;
  in_block.terms = std::numeric_limits<int64_t>::max();
  in_block.block = kLargeBlock;
  return in_block;
}

}  // namespace tunefarm::schedules
