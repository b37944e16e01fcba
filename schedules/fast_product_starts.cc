// Configs of fast products that the search measures first.
#include <algorithm>
#include <limits>
#include <optional>

#include "base/divide.h"
#include "schedules/fast_product_layout.h"

namespace tunefarm::schedules {
namespace {

constexpr int64_t kTermsOfPanel = 288;       // Of two vectors of 8 lanes, half of a first-level cache.
constexpr int64_t kPackedBytes = 256 << 10;  // Of rows: half of a second-level cache of 512 KB.
// Blocks of their own still beat a shared one while threads take so much longer than with even blocks, and so
// much where there are few columns.
constexpr int64_t kEvenPercent = 110, kUnevenPercent = 140, kFewColumns = 256;

const std::vector<int64_t>& NumbersOf(const std::vector<Knob>& knobs, const char* name) {
  return std::ranges::find(knobs, name, &Knob::name)->numbers;  // Of this rule's own.
}

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
    const int64_t row_bytes = factors_.term_count * static_cast<int64_t>(sizeof(float));
    const bool many_terms = kMiddleBlock * row_bytes > kPackedBytes;
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
  Start fitted = start;
  fitted.rows = static_cast<int>(std::min<int64_t>(start.rows, NumbersOf(knobs, "fast_rows").back()));
  fitted.vectors =
      static_cast<int>(std::min<int64_t>(start.vectors, CeilDivide(factors_.lanes.extent, LanesOf(target_))));
  if (threads_ > 1) fitted = SharedOut(knobs, fitted);
  set("fast_rows", fitted.rows);
  set("fast_vectors", fitted.vectors);
  set("fast_terms", fitted.terms == 0 ? factors_.term_count : fitted.terms);
  set("pack_block", fitted.block);
  set("pairs", fitted.pairs);
  set("strassen", fitted.levels);
  set("fast_broadcast", fitted.folded ? 1 : 0);
  set("fast_prefetch", fitted.fetches ? 1 : 0);
  set("share", fitted.in_block ? 1 : 0);
}

// Blocks of their own where threads get about as much each, by a row more or less in the tile. In a block
// that they share, each reads what the other has packed from the other's cache, which costs the more the
// fewer columns it is multiplied by.
FastProductRule::Start FastProductRule::SharedOut(const std::vector<Knob>& knobs, const Start& start) const {
  const bool rows_blocked = !factors_.rows.access->constant;
  const ProductFactor& blocked = rows_blocked ? factors_.rows : factors_.lanes;
  const ProductFactor& other = rows_blocked ? factors_.lanes : factors_.rows;
  const std::vector<int64_t>& rows = NumbersOf(knobs, "fast_rows");
  const int64_t smallest = std::min(start.block / 2, CeilDivide(blocked.extent, threads_));
  std::optional<Start> own;
  int64_t busiest = 0;  // What the thread with most to do has.
  for (const int more : {0, 1, -1}) {
    Start tried = start;
    tried.rows += rows_blocked ? more : 0;
    if (std::ranges::find(rows, tried.rows) == rows.end()) continue;
    for (const int64_t block : NumbersOf(knobs, "pack_block")) {
      if (block == 0 || block < smallest || block > 2 * start.block) continue;
      tried.block = block;
      const FastProductPlan plan = PlanOf(tried, true);
      if (Refusal(plan) != nullptr) continue;
      const FastProductLayout layout = LayOut(*facts_, factors_, plan, threads_);
      const int64_t most = CeilDivide(layout.blocks, threads_) * layout.block;
      if (own.has_value() && most >= busiest) continue;
      busiest = most;
      own = tried;
    }
  }
  if (own.has_value()) {
    const int64_t percent = int64_t{100} * threads_ * busiest / blocked.extent;
    if (percent <= kEvenPercent || (other.extent <= kFewColumns && percent <= kUnevenPercent)) return *own;
  }
  Start in_block = start;
  in_block.in_block = true;
  in_block.terms = 0;
  in_block.block = kLargeBlock;
  return in_block;
}

}  // namespace tunefarm::schedules
