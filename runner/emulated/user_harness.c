// Runs one kernel under QEMU's user mode: ARENA_FD KERNEL.so. Compiled by the runner for the emulated core,
// with kernel_loader.c and, for 32-bit Arm, boards/runtime/memory.c.
//
// It calls the kernel twice over the same inputs, each call a region for the counting plugin: the first finds
// the caches cold, the second warm. The runner fills the arena before and judges the outputs after; this side
// only loads and calls.
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "arena_layout.h"
#include "kernel_loader.h"

static struct arena_header* header;

static char* at(uint64_t offset) { return (char*)header + offset; }

static void finish(void) { _exit(70); }

static void fail(const char* text) {
  strncpy(header->text, text, kArenaText - 1);
  finish();
}

static void on_signal(int number, siginfo_t* info, void* context) {
  (void)context;
  header->signal = (uint32_t)number;
  header->address = info->si_code > 0 ? (uint64_t)(uintptr_t)info->si_addr : 0;
  finish();
}

// On a stack of their own: the kernel's may be used up.
static void catch_signals(void) {
  static char stack[1 << 16];
  const stack_t alternative = {.ss_sp = stack, .ss_size = sizeof stack};
  sigaltstack(&alternative, NULL);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  static const int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS};
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; ++i) sigaction(numbers[i], &action, NULL);
}

static void protect(const struct arena_buffer* buffer) {
  if (buffer->page_bytes == 0) return;
  mprotect(at(buffer->pages) - buffer->guard_bytes, buffer->guard_bytes, PROT_NONE);
  mprotect(at(buffer->pages) + buffer->page_bytes, kArenaPage, PROT_NONE);
  if (buffer->read_only) mprotect(at(buffer->pages), buffer->page_bytes, PROT_READ);
}

static void exchange(char* a, char* b, uint64_t bytes) {
  for (uint64_t i = 0; i < bytes; ++i) {
    const char kept = a[i];
    a[i] = b[i];
    b[i] = kept;
  }
}

// Calls run(arguments, packed, workspace) on the stack that ends at `stack`. The region is what the call at
// the marker calls, with that instruction and on 32-bit Arm one before it, for the region's end to be 4 bytes
// behind its begin on both.
void call_on(void* run, void* arguments, void* packed, void* workspace, void* stack);
#if defined(__aarch64__)
__asm__(
    ".text\n.global call_on\ncall_on:\n"
    " stp x29, x30, [sp, #-32]!\n str x19, [sp, #16]\n mov x19, sp\n mov sp, x4\n"
    " mov x9, x0\n mov x0, x1\n mov x1, x2\n mov x2, x3\n b tunefarm_marker\n"
    "call_returned:\n"
    " mov sp, x19\n ldr x19, [sp, #16]\n ldp x29, x30, [sp], #32\n ret\n"
    ".section .tunefarm_marker, \"ax\"\n.global tunefarm_marker\ntunefarm_marker:\n blr x9\n b "
    "call_returned\n.text\n");
#elif defined(__thumb__)
__asm__(
    ".syntax unified\n.thumb\n.text\n.global call_on\n.thumb_func\ncall_on:\n"
    " push {r4, r5, r6, lr}\n ldr r4, [sp, #16]\n mov r5, sp\n mov sp, r4\n"
    " mov r4, r0\n mov r0, r1\n mov r1, r2\n ldr r6, =tunefarm_marker\n bx r6\n"
    ".thumb_func\ncall_returned:\n"
    " mov sp, r5\n pop {r4, r5, r6, pc}\n .ltorg\n"
    ".section .tunefarm_marker, \"ax\"\n.global tunefarm_marker\n.thumb_func\ntunefarm_marker:\n"
    " mov r2, r3\n blx r4\n ldr r6, =call_returned\n bx r6\n .ltorg\n.text\n");
#else
#error "kernels for 32-bit Arm are Thumb code: the toolchain's flags need -mthumb"
#endif

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const int fd = atoi(argv[1]);
  uint64_t total = 0;
  if (pread(fd, &total, sizeof total, 0) != (ssize_t)sizeof total) return 3;
  header = mmap((void*)TUNEFARM_ARENA_ADDRESS, total, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
  if (header == MAP_FAILED) return 4;
  close(fd);
  catch_signals();
  header->phase = kArenaLoad;

  void* arguments[kArenaArguments];
  const void* constants[kArenaArguments];
  for (uint32_t i = 0; i < header->argument_count; ++i) {
    const struct arena_buffer* buffer = &header->arguments[i];
    arguments[i] = at(buffer->data);
    constants[i] = buffer->constant ? at(buffer->data) : NULL;
    protect(buffer);
  }
  protect(&header->packed);
  protect(&header->workspace);
  protect(&header->stack);
  void* const packed = header->packed.bytes != 0 ? at(header->packed.data) : NULL;
  void* const workspace = header->workspace.bytes != 0 ? at(header->workspace.data) : NULL;
  void* const stack = at(header->stack.pages) + header->stack.page_bytes;

  struct loaded_kernel kernel;
  const char* const trouble = load_kernel(argv[2], &kernel);
  if (trouble != NULL) fail(trouble);
  void* const run = kernel_symbol(&kernel, "tunefarm_run");
  if (run == NULL) fail("it does not export tunefarm_run");
  void (*prepare)(const void* const*, void*);
  *(void**)&prepare = kernel_symbol(&kernel, "tunefarm_prepare");
  if (prepare != NULL) prepare(constants, packed);
  if (packed != NULL) mprotect(at(header->packed.pages), header->packed.page_bytes, PROT_READ);

  const struct arena_buffer* output = &header->arguments[header->argument_count - 1];
  header->phase = kArenaCheck;
  call_on(run, arguments, packed, workspace, stack);
  exchange(at(output->data), at(header->spare_output), output->bytes);
  header->phase = kArenaTime;
  call_on(run, arguments, packed, workspace, stack);
  header->phase = kArenaDone;
  _exit(0);
}
