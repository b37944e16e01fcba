/* What the runner and the on-device runtime tell each other, in the device's memory. C and C++, 32-bit
 * little-endian. */
#ifndef TUNEFARM_RUNNER_BOARDS_RUNTIME_CONTROL_H_
#define TUNEFARM_RUNNER_BOARDS_RUNTIME_CONTROL_H_

#include <stdint.h>

#ifdef __cplusplus
namespace tunefarm::device {
#endif

enum {
  kMaxArguments = 16,
  kMaxBuffers = kMaxArguments + 2, /* And packed constants, and workspace. */
  kMaxSamples = 64,
  kMpuRegions = 4,
  kGuardBytes = 64 /* Before the first buffer and after each; keeps buffers aligned to 64. */
};

/* One at a time: the runner writes the control block, starts the runtime at tunefarm_entry, and finds it at
   tunefarm_done or, after a fault, at tunefarm_fault. */
enum Command {
  kFill = 1,    /* Inputs and constants from the seed, guards, the stack's paint. */
  kPrepare = 2, /* tunefarm_prepare of the kernel. */
  kRun = 3,     /* One call, between the marks of the estimator; then the guards are checked. The runner has
                   filled the output with what a kernel must overwrite. */
  kTime = 4     /* `samples` samples of `calls` calls. */
};

enum BufferRole { kInput = 1, kConstant = 2, kOutput = 3, kPacked = 4, kWorkspace = 5 };
enum ElementType { kFloat32 = 1, kInt8 = 2, kUint8 = 3, kInt32 = 4, kBytes = 5 };
enum Timer { kNoTimer = 0, kDwtTimer = 1, kSysTickTimer = 2 };

/* What the runtime found, in ControlBlock.verdict. */
enum Verdict {
  kFine = 0,
  kOverrun = 1,      /* `overrun_buffer` was written beside. */
  kInputWritten = 2, /* `overrun_buffer` is an input or constant, and has changed. */
  kStackOverrun = 3,
  kNoTimerFound = 4,
  kBadCommand = 5
};

struct Buffer {
  uint32_t address;
  uint32_t bytes; /* Without the guard behind. */
  uint32_t role;
  uint32_t type;
  uint32_t elements;
  int32_t low, high; /* Of integers; both 0: all of int8. */
  uint32_t checksum; /* Of inputs and constants, as filled. */
};

struct MpuRegion {
  uint32_t base, limit; /* RBAR and RASR, or RBAR and RLAR of Armv8-M. */
};

struct Fault {
  uint32_t exception; /* 3 hard, 4 memory, 5 bus, 6 usage, 7 secure; 0: none. */
  uint32_t cfsr, hfsr, mmfar, bfar;
  uint32_t psp;
  uint32_t has_frame; /* pc and lr could be read. */
  uint32_t pc, lr;
};

struct ControlBlock {
  uint32_t command;
  uint32_t verdict;
  uint32_t overrun_buffer;
  uint32_t stack_low, stack_high; /* The kernel's; guarded below. */
  uint32_t stack_used;
  uint32_t prepare, run; /* The kernel's functions; prepare 0: it packs nothing. */
  uint32_t seed_low, seed_high;
  uint32_t buffers;
  struct Buffer buffer[kMaxBuffers]; /* The arguments in their order, then packed, then workspace. */
  uint32_t arguments;                /* How many of the buffers. */
  uint32_t mpu_regions;              /* 0: leave the memory protection unit alone. */
  struct MpuRegion mpu[kMpuRegions];
  uint32_t timer;
  uint32_t samples, calls;
  uint32_t cycles[kMaxSamples]; /* Of `calls` calls each. */
  struct Fault fault;
};

#ifdef __cplusplus
static_assert(sizeof(Buffer) == 32);
static_assert(sizeof(ControlBlock) ==
              4 * (11 + 1 + 1 + 3 + kMaxSamples + 9) + 32 * kMaxBuffers + 8 * kMpuRegions);
}  // namespace tunefarm::device
#endif

#endif
