// A QEMU plugin that counts the translated blocks executed between two addresses and simulates caches
// meanwhile. What it writes: runner/cycles/region.h. Its options, each name=value:
//   out=FILE          where sections are appended
//   begin=ADDRESS     executing this starts a region, or starts it again
//   end=ADDRESS       executing this ends it
//   cacheN=TEXT       a cache (cache.h), N from 0
// Caches start empty with QEMU, see only what runs inside regions, and keep what they hold from one region to
// the next: the second of two equal calls finds them warm. Only the first processor is looked at.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner/cycles/plugin/cache.h"
#include "runner/cycles/plugin/qemu_api.h"

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

// Blocks are found by their code, not by their translation: QEMU translates some anew, and memory may hold
// another kernel later.
struct block {
  uint64_t address, end;
  uint64_t executions, taken;
  uint32_t count;       // Of instructions.
  uint32_t code_bytes;  // end - address.
  uint8_t* code;        // Then the sizes of the instructions, `count` bytes.
  struct block* next;   // In its bucket.
};

enum { kBuckets = 1 << 14 };

static struct {
  char* out;
  uint64_t begin, end;
  bool thumb;
  bool repeats_are_free;  // Nothing but fetches moves the caches that fetches hit.
  struct hierarchy caches;
  struct block* buckets[kBuckets];

  bool counting;
  struct block* last;
  bool last_hit;  // Fetching `last` missed nothing.
  uint64_t loads, stores;
} state;

static uint8_t* sizes_of(const struct block* b) { return b->code + b->code_bytes; }

static void begin_region(void) {
  for (size_t i = 0; i < kBuckets; ++i) {
    for (struct block* b = state.buckets[i]; b != NULL; b = b->next) b->executions = b->taken = 0;
  }
  hierarchy_forget_counts(&state.caches);
  state.loads = state.stores = 0;
  state.last = NULL;
  state.counting = true;
}

static int compare_blocks(const void* left, const void* right) {
  const struct block* a = *(struct block* const*)left;
  const struct block* b = *(struct block* const*)right;
  if (a->address != b->address) return a->address < b->address ? -1 : 1;
  if (a->code_bytes != b->code_bytes) return a->code_bytes < b->code_bytes ? -1 : 1;
  return memcmp(a->code, b->code, a->code_bytes);
}

static void write_region(FILE* file) {
  size_t count = 0;
  uint64_t instructions = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    for (struct block* b = state.buckets[i]; b != NULL; b = b->next) {
      count += b->executions != 0;
      instructions += b->executions * b->count;
    }
  }
  struct block** const sorted = malloc((count + 1) * sizeof *sorted);
  if (sorted == NULL) abort();
  count = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    for (struct block* b = state.buckets[i]; b != NULL; b = b->next) {
      if (b->executions != 0) sorted[count++] = b;
    }
  }
  qsort(sorted, count, sizeof *sorted, compare_blocks);
  fprintf(file, "region %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", instructions, state.loads, state.stores);
  for (unsigned i = 0; i < state.caches.count; ++i) {
    const struct cache* c = &state.caches.caches[i];
    fprintf(file, "cache %s %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", c->name, c->misses[kFetch],
            c->misses[kLoad], c->misses[kStore]);
  }
  for (size_t i = 0; i < count; ++i) {
    const struct block* b = sorted[i];
    fprintf(file, "block %" PRIx64 " %" PRIu64 " %" PRIu64 " ", b->address, b->executions, b->taken);
    for (uint32_t k = 0; k < b->count; ++k) fputc('0' + sizes_of(b)[k], file);
    fputc(' ', file);
    for (uint32_t k = 0; k < b->code_bytes; ++k) fprintf(file, "%02x", b->code[k]);
    fputc('\n', file);
  }
  fputs("end\n", file);
  free(sorted);
}

static void end_region(void) {
  state.counting = false;
  if (state.last != NULL) state.last->taken += state.last->end != state.end;
  FILE* const file = fopen(state.out, "a");
  if (file == NULL) {
    fprintf(stderr, "tunefarm-cycles: cannot append to %s\n", state.out);
    exit(1);
  }
  write_region(file);
  if (fclose(file) != 0) {
    fprintf(stderr, "tunefarm-cycles: cannot write %s\n", state.out);
    exit(1);
  }
}

static void on_block(unsigned vcpu, void* data) {
  struct block* const b = data;
  if (vcpu != 0) return;
  if (b->address == state.begin) {
    begin_region();
  } else if (!state.counting) {
    return;
  } else if (b->address == state.end) {
    end_region();
    return;
  }
  struct block* const last = state.last;
  ++b->executions;
  if (last != NULL) last->taken += last->end != b->address;
  state.last = b;
  if (last == b && state.last_hit && state.repeats_are_free) return;
  state.last_hit = hierarchy_access(&state.caches, kFetch, b->address, b->code_bytes);
}

static void on_memory(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t address, void* data) {
  (void)data;
  if (!state.counting || vcpu != 0) return;
  const bool store = qemu_plugin_mem_is_store(info);
  if (store) {
    ++state.stores;
  } else {
    ++state.loads;
  }
  hierarchy_access(&state.caches, store ? kStore : kLoad, address, 1u << qemu_plugin_mem_size_shift(info));
}

// QEMU repeats half an instruction's bytes where it reaches the end of a page, so the size is taken from what
// follows, and for the last one from its first bytes.
static uint32_t last_size(const uint8_t* data) { return state.thumb && data[1] < 0xe8 ? 2 : 4; }

static struct block* find_or_add(struct qemu_plugin_tb* tb) {
  const uint64_t address = qemu_plugin_tb_vaddr(tb);
  const uint32_t count = (uint32_t)qemu_plugin_tb_n_insns(tb);
  struct block* b = calloc(1, sizeof *b);
  uint8_t* const code = malloc(count * 5u + 1);
  uint8_t* const sizes = malloc(count + 1u);
  if (b == NULL || code == NULL || sizes == NULL) abort();
  uint32_t bytes = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const struct qemu_plugin_insn* insn = qemu_plugin_tb_get_insn(tb, i);
    const uint8_t* data = qemu_plugin_insn_data(insn);
    const uint32_t size = i + 1 < count
                              ? (uint32_t)(qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, i + 1)) -
                                           qemu_plugin_insn_vaddr(insn))
                              : last_size(data);
    memcpy(code + bytes, data, size);
    sizes[i] = (uint8_t)size;
    bytes += size;
  }
  memcpy(code + bytes, sizes, count);
  free(sizes);
  b->address = address;
  b->end = address + bytes;
  b->count = count;
  b->code_bytes = bytes;
  b->code = code;
  struct block** bucket = &state.buckets[(address >> 1) % kBuckets];
  for (struct block* old = *bucket; old != NULL; old = old->next) {
    if (old->address == address && old->count == count && old->code_bytes == bytes &&
        memcmp(old->code, code, bytes + count) == 0) {
      free(code);
      free(b);
      return old;
    }
  }
  b->next = *bucket;
  *bucket = b;
  return b;
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb* tb) {
  (void)id;
  qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, QEMU_PLUGIN_CB_NO_REGS, find_or_add(tb));
  if (!hierarchy_serves(&state.caches, kLoad)) return;
  for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); ++i) {
    qemu_plugin_register_vcpu_mem_cb(qemu_plugin_tb_get_insn(tb, i), on_memory, QEMU_PLUGIN_CB_NO_REGS,
                                     QEMU_PLUGIN_MEM_RW, NULL);
  }
}

static const char* value_of(const char* option, const char* name) {
  const size_t length = strlen(name);
  return strncmp(option, name, length) == 0 && option[length] == '=' ? option + length + 1 : NULL;
}

static bool take_address(const char* text, uint64_t* address) {
  char* end;
  *address = strtoull(text, &end, 0);
  return *text != '\0' && *end == '\0';
}

static bool take_option(const char* option) {
  const char* value;
  if ((value = value_of(option, "out")) != NULL) return (state.out = strdup(value)) != NULL && *value != '\0';
  if ((value = value_of(option, "begin")) != NULL) return take_address(value, &state.begin);
  if ((value = value_of(option, "end")) != NULL) return take_address(value, &state.end);
  if (strncmp(option, "cache", 5) == 0 && (value = strchr(option, '=')) != NULL) {
    return hierarchy_add(&state.caches, value + 1);
  }
  return false;
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t* info, int argc,
                                           char** argv) {
  for (int i = 0; i < argc; ++i) {
    if (take_option(argv[i])) continue;
    fprintf(stderr, "tunefarm-cycles: bad option %s\n", argv[i]);
    return 1;
  }
  if (state.out == NULL || state.begin == state.end) {
    fprintf(stderr, "tunefarm-cycles: out, begin and end are needed, and two addresses\n");
    return 1;
  }
  state.thumb = strcmp(info->target_name, "arm") == 0;
  if (!state.thumb && strcmp(info->target_name, "aarch64") != 0) {
    fprintf(stderr, "tunefarm-cycles: %s is neither arm nor aarch64\n", info->target_name);
    return 1;
  }
  state.repeats_are_free = true;
  for (unsigned i = 0; i < state.caches.count; ++i) {
    const struct cache* c = &state.caches.caches[i];
    if (c->level == 1 && c->fetches && c->data) state.repeats_are_free = false;
  }
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
  return 0;
}
