// Traces by hand.
#include "runner/cycles/plugin/cache.h"

#include "tests/catch.h"

namespace {

struct Simulated : hierarchy {
  explicit Simulated(std::initializer_list<const char*> caches_text) : hierarchy{} {
    for (const char* text : caches_text) REQUIRE(hierarchy_add(this, text));
  }
  ~Simulated() { hierarchy_free(this); }
  Simulated(const Simulated&) = delete;
  Simulated& operator=(const Simulated&) = delete;
  bool Load(uint64_t address, uint32_t bytes = 4) { return hierarchy_access(this, kLoad, address, bytes); }
};

TEST_CASE("CacheReplacesTheLineUsedLongestAgo") {
  Simulated h({"d:d:1:64:16:0:0"});  // Four lines of 16 bytes, fully associative.
  for (const uint64_t line : {0, 1, 2, 3}) CHECK_FALSE(h.Load(line * 16));
  CHECK(h.Load(0));             // Now 1 is the oldest.
  CHECK_FALSE(h.Load(4 * 16));  // Replaces 1.
  CHECK(h.Load(0));
  CHECK(h.Load(2 * 16));
  CHECK_FALSE(h.Load(1 * 16));  // Replaces 3.
  CHECK_FALSE(h.Load(3 * 16));
  CHECK(h.caches[0].misses[kLoad] == 7);
}

TEST_CASE("CacheSweepBeyondItsSizeAlwaysMisses") {
  Simulated h({"d:d:1:1024:32:0:0"});
  for (int sweep = 0; sweep < 2; ++sweep) {
    for (uint64_t at = 0; at < 1024 + 32; at += 32) h.Load(at);
  }
  CHECK(h.caches[0].misses[kLoad] == 2 * 33);  // One line too many throws everything out in turn.
}

TEST_CASE("CacheSetsAreChosenByAddress") {
  Simulated h({"d:d:1:128:16:0:2"});  // Two ways, four sets: lines 64 bytes apart share one.
  CHECK_FALSE(h.Load(0));
  CHECK_FALSE(h.Load(64));
  CHECK_FALSE(h.Load(16));  // Another set.
  CHECK(h.Load(0));
  CHECK_FALSE(h.Load(128));  // Replaces 64.
  CHECK_FALSE(h.Load(64));
  CHECK(h.Load(16));
}

TEST_CASE("CacheSectorsFillOneByOne") {
  Simulated h({"flash_data:d:1:256:32:8:0"});  // The data side of an STM32L4's accelerator.
  CHECK_FALSE(h.Load(0));
  CHECK(h.Load(4));
  CHECK_FALSE(h.Load(8));
  CHECK_FALSE(h.Load(24));
  CHECK(h.Load(12));
  CHECK(h.caches[0].misses[kLoad] == 3);
  for (uint64_t line = 1; line <= 8; ++line) h.Load(line * 32);  // Line 0 is gone, with all its sectors.
  CHECK_FALSE(h.Load(4));
}

TEST_CASE("CacheAccessThatCrossesLinesCountsBoth") {
  Simulated h({"d:d:1:64:16:0:0"});
  CHECK_FALSE(h.Load(14, 4));
  CHECK(h.caches[0].misses[kLoad] == 2);
  CHECK(h.Load(16));
}

TEST_CASE("CacheHoldsOnlyItsRanges") {
  Simulated h({"d:d:1:64:16:0:0:0x1000-0x2000+0x8000-0x9000"});
  CHECK(h.Load(0));  // No cache, no miss.
  CHECK_FALSE(h.Load(0x1000));
  CHECK_FALSE(h.Load(0x8ff0));
  CHECK(h.Load(0x9000));
  CHECK(h.caches[0].misses[kLoad] == 2);
}

TEST_CASE("CacheKindsAreCountedApart") {
  Simulated h({"i:i:1:64:16:0:0", "d:d:1:64:16:0:0"});
  CHECK_FALSE(hierarchy_access(&h, kFetch, 0, 64));
  CHECK_FALSE(hierarchy_access(&h, kStore, 0, 4));
  CHECK(h.Load(0));  // Stores allocate.
  CHECK(hierarchy_access(&h, kFetch, 0, 64));
  CHECK(h.caches[0].misses[kFetch] == 4);
  CHECK(h.caches[1].misses[kFetch] == 0);
  CHECK(h.caches[1].misses[kStore] == 1);
  CHECK(h.caches[1].misses[kLoad] == 0);
  hierarchy_forget_counts(&h);
  CHECK(h.caches[1].misses[kStore] == 0);
  CHECK(h.Load(0));  // Counts are forgotten, contents are not.
}

TEST_CASE("CacheOfLevelTwoSeesWhatLevelOneMissed") {
  Simulated h({"l1i:i:1:32:16:0:0", "l1d:d:1:32:16:0:0", "l2:u:2:1024:32:0:4"});
  h.Load(0);                            // Misses both.
  h.Load(16);                           // The other half of level 2's line.
  h.Load(0);                            // Hits level 1.
  h.Load(64), h.Load(96), h.Load(0);    // Level 1 has lost line 0, level 2 has not.
  hierarchy_access(&h, kFetch, 0, 16);  // Shared: the fetch finds it there.
  CHECK(h.caches[1].misses[kLoad] == 5);
  CHECK(h.caches[2].misses[kLoad] == 3);
  CHECK(h.caches[0].misses[kFetch] == 1);
  CHECK(h.caches[2].misses[kFetch] == 0);
}

TEST_CASE("CacheGeometryThatMakesNoSenseIsRefused") {
  hierarchy h{};
  for (const char* text : {"", "d", "d:x:1:64:16:0:0", "d:d:3:64:16:0:0", "d:d:1:64:12:0:0",
                           "d:d:1:64:16:32:0", "d:d:1:100:16:0:0", "d:d:1:96:16:0:2", "d:d:1:64:16:0:3",
                           "d:d:1:64:16:0:0:5-5", "d:d:1:64:16:0", "d:d:1:64:16:0:0x"}) {
    INFO(text);
    CHECK_FALSE(hierarchy_add(&h, text));
  }
  CHECK(h.count == 0);
  hierarchy_free(&h);
}

}  // namespace
