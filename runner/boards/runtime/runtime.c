/* The on-device runtime: fills tensors, runs and times kernels, checks what they left. Freestanding. */
#include "control.h"

typedef struct ControlBlock ControlBlock;
typedef void (*Function)(const void* a, const void* b, void* c);

/* Found by its name; first in memory, so that it is in the same place in every image. */
__attribute__((section(".control"), used)) volatile ControlBlock tunefarm_control;

void tunefarm_call(Function function, const void* a, const void* b, void* c, uint32_t stack_top);
void tunefarm_counted_call(Function function, const void* a, const void* b, void* c, uint32_t stack_top);

#define REGISTER(address) (*(volatile uint32_t*)(address))

enum { kGuardWord = 0x5aa5c33c, kPaint = 0xa5a5a5a5 };

/* As base/inputs.h. */
static uint64_t InputBits(uint64_t seed, uint32_t argument, uint32_t index) {
  uint64_t z =
      seed + 0x9e3779b97f4a7c15ull * ((uint64_t)index + 1) + 0xd1b54a32d192ed03ull * ((uint64_t)argument + 1);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

/* The bits of InputFloat, without floating point: an odd number of 25 bits with its sign, times 2^-24. */
static uint32_t FloatBits(uint64_t bits) {
  int32_t value = 2 * (int32_t)(bits >> 40) + 1 - (1 << 24);
  uint32_t sign = value < 0 ? 0x80000000u : 0;
  uint32_t size = value < 0 ? (uint32_t)-value : (uint32_t)value;
  int top = 31 - __builtin_clz(size); /* At most 23: nothing is rounded. */
  return sign | (uint32_t)(127 - 24 + top) << 23 | ((size << (23 - top)) & 0x7fffff);
}

static int32_t Ranged(uint64_t bits, int32_t low, int32_t high) {
  uint64_t values = (uint64_t)((int64_t)high - low) + 1;
  return (int32_t)(low + (int64_t)(((bits >> 32) * values) >> 32));
}

static void FillBuffer(volatile struct Buffer* buffer, uint32_t argument, uint64_t seed) {
  uint32_t elements = buffer->elements, type = buffer->type;
  int32_t low = buffer->low, high = buffer->high;
  void* to = (void*)buffer->address;
  for (uint32_t i = 0; i < elements; ++i) {
    uint64_t bits = InputBits(seed, argument, i);
    if (type == kFloat32) {
      ((uint32_t*)to)[i] = FloatBits(bits);
    } else if (type == kInt32) {
      ((int32_t*)to)[i] = Ranged(bits, low, high);
    } else {
      ((int8_t*)to)[i] = (int8_t)(low == 0 && high == 0 ? (int32_t)(bits >> 56) : Ranged(bits, low, high));
    }
  }
}

static void FillWords(uint32_t address, uint32_t bytes, uint32_t word) {
  uint32_t* to = (uint32_t*)address;
  for (uint32_t i = 0; i < bytes / 4; ++i) to[i] = word;
}

static uint32_t Checksum(uint32_t address, uint32_t bytes) {
  const uint32_t* words = (const uint32_t*)address;
  uint32_t sum = bytes;
  for (uint32_t i = 0; i < bytes / 4; ++i) sum = (sum << 5 | sum >> 27) + words[i];
  return sum;
}

/* Buffers are whole words: what is between their end and the next 64 bytes belongs to the guard. */
static uint32_t GuardBegin(const volatile struct Buffer* buffer) {
  return buffer->address + ((buffer->bytes + 3) & ~3u);
}
static uint32_t GuardEnd(const volatile struct Buffer* buffer) {
  return buffer->address + ((buffer->bytes + 63) & ~63u) + kGuardBytes;
}

static int Intact(uint32_t begin, uint32_t end) {
  for (uint32_t at = begin; at < end; at += 4) {
    if (*(const volatile uint32_t*)at != kGuardWord) return 0;
  }
  return 1;
}

static int Constant(uint32_t role) { return role == kInput || role == kConstant || role == kPacked; }

static void PaintStack(volatile ControlBlock* control) {
  FillWords(control->stack_low - kGuardBytes, kGuardBytes, kGuardWord);
  FillWords(control->stack_low, control->stack_high - control->stack_low, kPaint);
}

/* Guards around zeros: ends that are no whole word are filled too, so that checksums are of known bytes. */
static void Clear(volatile struct Buffer* buffer) {
  FillWords(buffer->address - kGuardBytes, kGuardBytes, kGuardWord);
  FillWords(buffer->address, (buffer->bytes + 3) & ~3u, 0);
  FillWords(GuardBegin(buffer), GuardEnd(buffer) - GuardBegin(buffer), kGuardWord);
}

static void Fill(volatile ControlBlock* control) {
  uint64_t seed = (uint64_t)control->seed_high << 32 | control->seed_low;
  for (uint32_t i = 0; i < control->buffers; ++i) {
    volatile struct Buffer* buffer = &control->buffer[i];
    Clear(buffer);
    if (buffer->role == kInput || buffer->role == kConstant) FillBuffer(buffer, i, seed);
    buffer->checksum = Checksum(buffer->address, (buffer->bytes + 3) & ~3u);
  }
}

static void CheckBuffers(volatile ControlBlock* control) {
  for (uint32_t i = 0; i < control->buffers; ++i) {
    volatile struct Buffer* buffer = &control->buffer[i];
    if (!Intact(buffer->address - kGuardBytes, buffer->address) ||
        !Intact(GuardBegin(buffer), GuardEnd(buffer))) {
      control->verdict = kOverrun;
    } else if (Constant(buffer->role) &&
               buffer->checksum != Checksum(buffer->address, (buffer->bytes + 3) & ~3u)) {
      control->verdict = kInputWritten;
    } else {
      continue;
    }
    control->overrun_buffer = i;
    return;
  }
}

static void CheckStack(volatile ControlBlock* control) {
  if (!Intact(control->stack_low - kGuardBytes, control->stack_low)) control->verdict = kStackOverrun;
  uint32_t at = control->stack_low;
  while (at < control->stack_high && *(const volatile uint32_t*)at == kPaint) at += 4;
  control->stack_used = control->stack_high - at;
}

/* The kernel's arguments: pointers to the buffers of the arguments; those of constants only, where
 * `constants`. */
static void* pointers[kMaxArguments];

static void SetPointers(volatile ControlBlock* control, int constants) {
  for (uint32_t i = 0; i < control->arguments; ++i) {
    volatile struct Buffer* buffer = &control->buffer[i];
    pointers[i] = !constants || buffer->role == kConstant ? (void*)buffer->address : 0;
  }
}

static void Prepare(volatile ControlBlock* control) {
  volatile struct Buffer* packed = &control->buffer[control->arguments];
  PaintStack(control);
  SetPointers(control, 1);
  Clear(packed); /* Each kernel has its own. */
  if (control->prepare != 0) {
    tunefarm_call((Function)control->prepare, pointers, (void*)packed->address, 0, control->stack_high);
  }
  /* It was for prepare to fill; from now on nobody writes it. */
  packed->checksum = Checksum(packed->address, (packed->bytes + 3) & ~3u);
  CheckBuffers(control);
  CheckStack(control);
}

static void Run(volatile ControlBlock* control) {
  volatile struct Buffer* packed = &control->buffer[control->arguments];
  PaintStack(control);
  SetPointers(control, 0);
  tunefarm_counted_call((Function)control->run, pointers, (void*)packed->address,
                        (void*)control->buffer[control->arguments + 1].address, control->stack_high);
  CheckBuffers(control);
  CheckStack(control);
}

/* The core's cycle counter, or the 24-bit timer with its overflows counted. */
static volatile uint32_t systick_overflows;
enum { kSysTickPeriod = 1 << 24 };

void tunefarm_systick(void) { ++systick_overflows; }

static int StartTimer(uint32_t timer) {
  if (timer == kDwtTimer) {
    REGISTER(0xe000edfc) |= 1u << 24;  /* DEMCR.TRCENA */
    REGISTER(0xe0001fb0) = 0xc5acce55; /* DWT_LAR: locked on some Cortex-M7. */
    REGISTER(0xe0001000) |= 1u;        /* DWT_CTRL.CYCCNTENA */
    uint32_t before = REGISTER(0xe0001004);
    for (volatile int i = 0; i < 16; ++i) {
    }
    return REGISTER(0xe0001004) != before;
  }
  if (timer == kSysTickTimer) {
    REGISTER(0xe000e010) = 0;
    REGISTER(0xe000e014) = kSysTickPeriod - 1;
    REGISTER(0xe000e018) = 0;
    systick_overflows = 0;
    REGISTER(0xe000e010) = 7; /* The core's clock, with the interrupt, on. */
    uint32_t before = REGISTER(0xe000e018);
    for (volatile int i = 0; i < 16; ++i) {
    }
    return REGISTER(0xe000e018) != before;
  }
  return 0;
}

static void StopTimer(uint32_t timer) {
  if (timer == kSysTickTimer) REGISTER(0xe000e010) = 0;
}

static uint32_t ReadTimer(uint32_t timer) {
  if (timer == kDwtTimer) return REGISTER(0xe0001004);
  uint32_t overflows, ticks;
  do { /* Until both belong together. */
    overflows = systick_overflows;
    ticks = kSysTickPeriod - 1 - REGISTER(0xe000e018);
  } while (overflows != systick_overflows);
  return overflows * kSysTickPeriod + ticks;
}

static void Nothing(const void* a, const void* b, void* c) {
  (void)a;
  (void)b;
  (void)c;
}

static uint32_t TimeCalls(volatile ControlBlock* control, Function function, uint32_t calls) {
  uint32_t timer = control->timer, stack = control->stack_high;
  void* packed = (void*)control->buffer[control->arguments].address;
  void* workspace = (void*)control->buffer[control->arguments + 1].address;
  uint32_t begin = ReadTimer(timer);
  for (uint32_t call = 0; call < calls; ++call) tunefarm_call(function, pointers, packed, workspace, stack);
  return ReadTimer(timer) - begin;
}

static void Time(volatile ControlBlock* control) {
  if (!StartTimer(control->timer)) {
    control->verdict = kNoTimerFound;
    return;
  }
  PaintStack(control);
  SetPointers(control, 0);
  for (uint32_t i = 0; i < control->samples && i < kMaxSamples; ++i) {
    /* What calling costs is not the kernel's. */
    uint32_t empty = TimeCalls(control, Nothing, control->calls);
    uint32_t all = TimeCalls(control, (Function)control->run, control->calls);
    control->cycles[i] = all > empty ? all - empty : 0;
  }
  StopTimer(control->timer);
  CheckBuffers(control);
  CheckStack(control);
}

/* Memory protection for the kernel's run: everything but the given regions faults. */
static void Protect(volatile ControlBlock* control) {
  REGISTER(0xe000ed94) = 0; /* MPU_CTRL */
  if (control->mpu_regions == 0) return;
#if __ARM_ARCH >= 8
  REGISTER(0xe000edc0) = 0x44; /* MAIR0: attribute 0 is normal memory, not cached. */
#endif
  for (uint32_t i = 0; i < control->mpu_regions && i < kMpuRegions; ++i) {
    REGISTER(0xe000ed98) = i; /* MPU_RNR */
    REGISTER(0xe000ed9c) = control->mpu[i].base;
    REGISTER(0xe000eda0) = control->mpu[i].limit;
  }
  REGISTER(0xe000ed94) = 1;
  __asm__ volatile("dsb\n isb" ::: "memory");
}

void tunefarm_command(void) {
  volatile ControlBlock* control = &tunefarm_control;
  control->verdict = kFine;
  control->fault.exception = 0;
  Protect(control);
  switch (control->command) {
    case kFill:
      Fill(control);
      break;
    case kPrepare:
      Prepare(control);
      break;
    case kRun:
      Run(control);
      break;
    case kTime:
      Time(control);
      break;
    default:
      control->verdict = kBadCommand;
  }
}

/* From the fault handler, on a fresh main stack. */
void tunefarm_note_fault(uint32_t psp, uint32_t exception, uint32_t exception_return) {
  volatile ControlBlock* control = &tunefarm_control;
  volatile struct Fault* fault = &control->fault;
  REGISTER(0xe000ed94) = 0; /* No protection from here on. */
  fault->cfsr = REGISTER(0xe000ed28);
  fault->hfsr = REGISTER(0xe000ed2c);
  fault->mmfar = REGISTER(0xe000ed34);
  fault->bfar = REGISTER(0xe000ed38);
  fault->psp = psp;
  fault->has_frame = 0;
  /* The kernel's frame, unless the fault was in saving it: CFSR's MSTKERR, STKERR and STKOF. */
  if ((exception_return & 4) != 0 && (fault->cfsr & 0x101010) == 0 && psp >= control->stack_low &&
      psp + 32 <= control->stack_high && psp % 4 == 0) {
    const uint32_t* frame = (const uint32_t*)psp;
    fault->has_frame = 1;
    fault->lr = frame[5];
    fault->pc = frame[6];
  }
  fault->exception = exception;
}
