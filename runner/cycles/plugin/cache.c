#include "runner/cycles/plugin/cache.h"

#include <stdlib.h>
#include <string.h>

static bool is_power_of_two(uint64_t value) { return value != 0 && (value & (value - 1)) == 0; }

static unsigned shift_of(uint64_t power_of_two) { return (unsigned)__builtin_ctzll(power_of_two); }

// A number that ends at `stop`; moves behind it.
static bool take_number(const char** at, char stop, uint64_t* value) {
  char* end;
  if (**at < '0' || **at > '9') return false;
  *value = strtoull(*at, &end, 0);
  if (*end != stop) return false;
  *at = stop == '\0' ? end : end + 1;
  return true;
}

static bool take_ranges(const char* at, struct cache* c) {
  while (*at != '\0') {
    if (c->range_count == kMaxRanges) return false;
    uint64_t begin, end;
    if (!take_number(&at, '-', &begin)) return false;
    const char stop = strchr(at, '+') != NULL ? '+' : '\0';
    if (!take_number(&at, stop, &end) || end <= begin) return false;
    c->ranges[c->range_count].begin = begin;
    c->ranges[c->range_count].end = end;
    ++c->range_count;
  }
  return true;
}

bool hierarchy_add(struct hierarchy* h, const char* text) {
  if (h->count == kMaxCaches) return false;
  struct cache* c = &h->caches[h->count];
  memset(c, 0, sizeof *c);
  const char* at = strchr(text, ':');
  if (at == NULL || at == text || at - text >= kMaxCacheName) return false;
  memcpy(c->name, text, (size_t)(at - text));
  const char serves = at[1];
  if (serves == '\0' || strchr("idu", serves) == NULL || at[2] != ':') return false;
  c->fetches = serves != 'd';
  c->data = serves != 'i';
  at += 3;
  uint64_t level, bytes, line, sector, ways;
  const bool ranges = strchr(at, '-') != NULL;
  if (!take_number(&at, ':', &level) || !take_number(&at, ':', &bytes) || !take_number(&at, ':', &line) ||
      !take_number(&at, ':', &sector) || !take_number(&at, ranges ? ':' : '\0', &ways)) {
    return false;
  }
  if (ranges && !take_ranges(at, c)) return false;
  if (sector == 0) sector = line;
  if (level < 1 || level > 2 || !is_power_of_two(line) || !is_power_of_two(sector) || line < 4 ||
      line > 256 || sector < 4 || sector > line || bytes == 0 || bytes % line != 0) {
    return false;
  }
  const uint64_t lines = bytes / line;
  if (ways == 0) ways = lines;
  if (ways > lines || lines % ways != 0 || !is_power_of_two(lines / ways) || lines > 1u << 20) return false;
  c->level = (unsigned)level;
  c->line_shift = shift_of(line);
  c->sector_shift = shift_of(sector);
  c->ways = (uint32_t)ways;
  c->sets = (uint32_t)(lines / ways);
  c->lines = calloc(lines, sizeof *c->lines);
  if (c->lines == NULL) return false;
  c->recent = c->lines;
  ++h->count;
  return true;
}

static bool holds(const struct cache* c, uint64_t address) {
  if (c->range_count == 0) return true;
  for (unsigned r = 0; r < c->range_count; ++r) {
    if (address >= c->ranges[r].begin && address < c->ranges[r].end) return true;
  }
  return false;
}

static bool serves(const struct cache* c, enum access_kind kind) {
  return kind == kFetch ? c->fetches : c->data;
}

// One sector. True: it was there.
static bool touch(struct cache* c, uint64_t address) {
  const uint64_t tag = address >> c->line_shift;
  const uint64_t bit =
      UINT64_C(1) << ((address >> c->sector_shift) & ((1u << (c->line_shift - c->sector_shift)) - 1));
  struct cache_line* line = c->recent;
  if (line->used == 0 || line->tag != tag) {
    struct cache_line* const set = c->lines + (tag & (c->sets - 1)) * c->ways;
    struct cache_line* oldest = set;
    line = NULL;
    for (uint32_t w = 0; w < c->ways; ++w) {
      if (set[w].tag == tag && set[w].used != 0) {
        line = &set[w];
        break;
      }
      if (set[w].used < oldest->used) oldest = &set[w];
    }
    if (line == NULL) {
      line = oldest;
      line->tag = tag;
      line->sectors = 0;
    }
    line->used = ++c->clock;
    c->recent = line;
  }
  if (line->sectors & bit) return true;
  line->sectors |= bit;
  return false;
}

// One sector that level 1 missed, or a whole access that it does not hold. True: no cache of level 2 saw it.
static bool access_second(struct hierarchy* h, enum access_kind kind, uint64_t address, uint64_t end) {
  bool unseen = true;
  for (unsigned i = 0; i < h->count; ++i) {
    struct cache* c = &h->caches[i];
    if (c->level != 2 || !serves(c, kind) || !holds(c, address)) continue;
    unseen = false;
    const uint64_t step = UINT64_C(1) << c->sector_shift;
    for (uint64_t at = address & ~(step - 1); at < end; at += step) {
      if (!touch(c, at)) ++c->misses[kind];
    }
  }
  return unseen;
}

bool hierarchy_access(struct hierarchy* h, enum access_kind kind, uint64_t address, uint32_t bytes) {
  const uint64_t end = address + bytes;
  bool first_level = false;
  bool hit = true;
  for (unsigned i = 0; i < h->count; ++i) {
    struct cache* c = &h->caches[i];
    if (c->level != 1 || !serves(c, kind) || !holds(c, address)) continue;
    first_level = true;
    const uint64_t step = UINT64_C(1) << c->sector_shift;
    for (uint64_t at = address & ~(step - 1); at < end; at += step) {
      if (touch(c, at)) continue;
      hit = false;
      ++c->misses[kind];
      access_second(h, kind, at, at + step);
    }
  }
  return first_level ? hit : access_second(h, kind, address, end);
}

bool hierarchy_serves(const struct hierarchy* h, enum access_kind kind) {
  for (unsigned i = 0; i < h->count; ++i) {
    if (serves(&h->caches[i], kind)) return true;
  }
  return false;
}

void hierarchy_forget_counts(struct hierarchy* h) {
  for (unsigned i = 0; i < h->count; ++i) memset(h->caches[i].misses, 0, sizeof h->caches[i].misses);
}

void hierarchy_free(struct hierarchy* h) {
  for (unsigned i = 0; i < h->count; ++i) free(h->caches[i].lines);
  h->count = 0;
}
