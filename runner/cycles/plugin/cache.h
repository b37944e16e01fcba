// A simulated cache hierarchy: least recently used, read and write allocate, lines filled sector by sector.
// Plain C, because it runs inside QEMU. One thread.
#ifndef TUNEFARM_RUNNER_CYCLES_PLUGIN_CACHE_H_
#define TUNEFARM_RUNNER_CYCLES_PLUGIN_CACHE_H_

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { kMaxCaches = 6, kMaxRanges = 4, kMaxCacheName = 32 };

enum access_kind { kFetch, kLoad, kStore, kAccessKinds };

struct cache_line {
  uint64_t tag;      // Address divided by the line's bytes.
  uint64_t used;     // Of the cache's clock, at the last access; 0: empty.
  uint64_t sectors;  // A bit for each that is filled.
};

struct cache {
  char name[kMaxCacheName];
  bool fetches, data;
  unsigned level;  // 1 or 2.
  unsigned line_shift, sector_shift;
  uint32_t ways, sets;
  unsigned range_count;  // 0: every address.
  struct {
    uint64_t begin, end;
  } ranges[kMaxRanges];
  struct cache_line* lines;   // sets x ways.
  struct cache_line* recent;  // Used last; never null.
  uint64_t clock;
  uint64_t misses[kAccessKinds];
};

struct hierarchy {
  struct cache caches[kMaxCaches];
  unsigned count;
};

// Adds the cache "NAME:i|d|u:LEVEL:BYTES:LINE:SECTOR:WAYS[:BEGIN-END[+BEGIN-END...]]"; numbers as in C, WAYS
// 0 is fully associative. False when the text or the geometry is not sound, or there are too many.
bool hierarchy_add(struct hierarchy* h, const char* text);
// One access, on every sector that [address, address + bytes) touches. True when level 1 had it all (or
// nothing holds these addresses): the same access again, with nothing of its kind in between, changes
// nothing.
bool hierarchy_access(struct hierarchy* h, enum access_kind kind, uint64_t address, uint32_t bytes);
bool hierarchy_serves(const struct hierarchy* h, enum access_kind kind);
void hierarchy_forget_counts(struct hierarchy* h);
void hierarchy_free(struct hierarchy* h);

#ifdef __cplusplus
}
#endif

#endif  // TUNEFARM_RUNNER_CYCLES_PLUGIN_CACHE_H_
