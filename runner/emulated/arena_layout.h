// The memory that runner and emulated harness share, one file mapped by both. Plain C: the harness is
// cross-compiled on its own. Offsets are from the start of the file; the harness maps it at kArenaAddress, so
// that a kernel sees the same addresses every time and simulated caches behave the same.
#ifndef TUNEFARM_RUNNER_EMULATED_ARENA_LAYOUT_H_
#define TUNEFARM_RUNNER_EMULATED_ARENA_LAYOUT_H_

#include <stdint.h>

enum {
  kArenaArguments = 16,
  kArenaPage = 4096,
  kArenaText = 256,
};

// The harness's region marker is linked to this address; the region ends 4 bytes behind (cycles/estimator.h:
// begin and end).
#define TUNEFARM_MARKER_ADDRESS 0x1000000
#define TUNEFARM_ARENA_ADDRESS 0x60000000  // Above the stack that qemu-arm sets up at 0x40000000.

enum arena_phase {
  kArenaStart = 0,
  kArenaLoad = 3,  // As v1::Phase.
  kArenaCheck = 4,
  kArenaTime = 6,
  kArenaDone = 100,
};

// Pages of its own with inaccessible ones before and one behind; the content ends, rounded up to 64 bytes,
// where they end.
struct arena_buffer {
  uint64_t pages;        // Offset of its first page.
  uint64_t page_bytes;   // Of its pages.
  uint64_t guard_bytes;  // Of the inaccessible ones before.
  uint64_t data;         // Offset of the content.
  uint64_t bytes;
  uint32_t constant;  // Passed to tunefarm_prepare.
  uint32_t read_only;
};

struct arena_header {
  uint64_t total_bytes;
  uint32_t argument_count;
  uint32_t unused;
  struct arena_buffer arguments[kArenaArguments];
  struct arena_buffer packed, workspace, stack;
  // Offset of as many bytes as the output has: its first contents, exchanged with it after the first call.
  uint64_t spare_output;

  // Written by the harness.
  uint32_t phase;
  uint32_t signal;
  uint64_t address;       // Of the fault, as the kernel sees it; 0: none.
  char text[kArenaText];  // Why it did not load.
};

#endif  // TUNEFARM_RUNNER_EMULATED_ARENA_LAYOUT_H_
