// Loads a kernel's shared object into a static program: an emulated core's time is for kernels, and a dynamic
// loader would take more of it than most of them. Plain C: part of the harness.
#ifndef TUNEFARM_RUNNER_EMULATED_KERNEL_LOADER_H_
#define TUNEFARM_RUNNER_EMULATED_KERNEL_LOADER_H_

#include <elf.h>
#include <link.h>
#include <stdint.h>

// Every kernel is loaded to this address, so that simulated caches behave the same.
#define TUNEFARM_KERNEL_ADDRESS 0x20000000

struct loaded_kernel {
  const ElfW(Sym) * symbols;
  uint64_t symbol_count;
  const char* names;
};

// Maps the file and binds what it calls: memcpy, memmove, memset and memcmp, and raise for divisions by zero.
// NULL: done; else why it cannot be, in a static buffer.
const char* load_kernel(const char* path, struct loaded_kernel* kernel);

// NULL: the kernel does not define it.
void* kernel_symbol(const struct loaded_kernel* kernel, const char* name);

#endif  // TUNEFARM_RUNNER_EMULATED_KERNEL_LOADER_H_
