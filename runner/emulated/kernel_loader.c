#define _GNU_SOURCE
#include "kernel_loader.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

// Relocations of shared objects. Those of Arm keep their addend in place, those of AArch64 beside it.
#if defined(__aarch64__)
enum { kMachine = EM_AARCH64, kRelocations = SHT_RELA };
enum {
  kRelative = R_AARCH64_RELATIVE,
  kGlobal = R_AARCH64_GLOB_DAT,
  kSlot = R_AARCH64_JUMP_SLOT,
  kAddress = R_AARCH64_ABS64,
};
typedef ElfW(Rela) relocation;
static uintptr_t addend(const relocation* r, const uintptr_t* place) {
  (void)place;
  return (uintptr_t)r->r_addend;
}
#define RELOCATION_TYPE ELF64_R_TYPE
#define RELOCATION_SYMBOL ELF64_R_SYM
#elif defined(__arm__)
enum { kMachine = EM_ARM, kRelocations = SHT_REL };
enum {
  kRelative = R_ARM_RELATIVE,
  kGlobal = R_ARM_GLOB_DAT,
  kSlot = R_ARM_JUMP_SLOT,
  kAddress = R_ARM_ABS32
};
typedef ElfW(Rel) relocation;
static uintptr_t addend(const relocation* r, const uintptr_t* place) {
  const unsigned type = ELF32_R_TYPE(r->r_info);
  return type == kRelative || type == kAddress ? *place : 0;
}
#define RELOCATION_TYPE ELF32_R_TYPE
#define RELOCATION_SYMBOL ELF32_R_SYM
#endif

enum { kPage = 4096, kTextBytes = 256 };

static const struct {
  const char* name;
  void* address;
} kLibrary[] = {{"memcpy", memcpy},
                {"memmove", memmove},
                {"memset", memset},
                {"memcmp", memcmp},
                {"raise", raise}};  // Division by zero, where the core has no instruction for division.

static char text[kTextBytes];

static char* const base = (char*)TUNEFARM_KERNEL_ADDRESS;

static bool inside(uint64_t offset, uint64_t bytes, uint64_t size) {
  return offset <= size && bytes <= size - offset;
}

// Of a symbol that a relocation names; false with `text` written: nobody has it.
static bool find_symbol(const struct loaded_kernel* kernel, uint64_t index, uintptr_t* address) {
  if (index >= kernel->symbol_count) {
    strcpy(text, "a relocation names no symbol");
    return false;
  }
  const ElfW(Sym)* const symbol = &kernel->symbols[index];
  const char* const name = kernel->names + symbol->st_name;
  if (symbol->st_shndx != SHN_UNDEF) {
    *address = (uintptr_t)base + symbol->st_value;
    return true;
  }
  for (size_t i = 0; i < sizeof kLibrary / sizeof kLibrary[0]; ++i) {
    if (strcmp(name, kLibrary[i].name) != 0) continue;
    *address = (uintptr_t)kLibrary[i].address;
    return true;
  }
  *address = 0;
  if (ELF64_ST_BIND(symbol->st_info) == STB_WEAK) return true;
  snprintf(text, sizeof text, "it calls %s, and an emulated core has only memcpy, memmove, memset and memcmp",
           name);
  return false;
}

static bool relocate(const struct loaded_kernel* kernel, const relocation* r, uint64_t memory) {
  if (!inside(r->r_offset, sizeof(uintptr_t), memory)) {
    strcpy(text, "a relocation lies outside of it");
    return false;
  }
  uintptr_t* const place = (uintptr_t*)(base + r->r_offset);
  uintptr_t value = addend(r, place);
  switch (RELOCATION_TYPE(r->r_info)) {
    case kRelative:
      value += (uintptr_t)base;
      break;
    case kGlobal:
    case kSlot:
    case kAddress: {
      uintptr_t address;
      if (!find_symbol(kernel, RELOCATION_SYMBOL(r->r_info), &address)) return false;
      value += address;
      break;
    }
    default:
      snprintf(text, sizeof text, "it has a relocation of type %u, which an emulated core does not know",
               (unsigned)RELOCATION_TYPE(r->r_info));
      return false;
  }
  *place = value;
  return true;
}

static int protection(const ElfW(Phdr) * segment) {
  return (segment->p_flags & PF_R ? PROT_READ : 0) | (segment->p_flags & PF_W ? PROT_WRITE : 0) |
         (segment->p_flags & PF_X ? PROT_EXEC : 0);
}

// Places the segments, all writable for now. Returns the size of the memory they take; 0: `text` says why
// not.
static uint64_t place_segments(const char* file, uint64_t bytes, const ElfW(Phdr) * segments,
                               unsigned count) {
  uint64_t memory = 0;
  for (unsigned i = 0; i < count; ++i) {
    if (segments[i].p_type != PT_LOAD) continue;
    const uint64_t end = (uint64_t)segments[i].p_vaddr + segments[i].p_memsz;
    if (!inside(segments[i].p_offset, segments[i].p_filesz, bytes) ||
        segments[i].p_filesz > segments[i].p_memsz || end > (1u << 28)) {
      strcpy(text, "a segment is larger than its file or 256 MiB");
      return 0;
    }
    if (end > memory) memory = end;
  }
  memory = (memory + kPage - 1) / kPage * kPage;
  if (memory == 0 || mmap(base, memory, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != base) {
    strcpy(text, "there is no memory for it");
    return 0;
  }
  for (unsigned i = 0; i < count; ++i) {
    if (segments[i].p_type == PT_LOAD)
      memcpy(base + segments[i].p_vaddr, file + segments[i].p_offset, segments[i].p_filesz);
  }
  return memory;
}

static bool bind_symbols(const char* file, uint64_t bytes, const ElfW(Ehdr) * head, uint64_t memory,
                         struct loaded_kernel* kernel) {
  if (!inside(head->e_shoff, (uint64_t)head->e_shnum * sizeof(ElfW(Shdr)), bytes)) {
    strcpy(text, "its sections are cut off");
    return false;
  }
  const ElfW(Shdr)* const sections = (const ElfW(Shdr)*)(file + head->e_shoff);
  for (unsigned i = 0; i < head->e_shnum; ++i) {
    const ElfW(Shdr)* const section = &sections[i];
    if (section->sh_type == SHT_INIT_ARRAY) {
      strcpy(text, "it has constructors, and an emulated core runs none");
      return false;
    }
    if (section->sh_type != SHT_DYNSYM) continue;
    if (section->sh_link >= head->e_shnum || !inside(section->sh_addr, section->sh_size, memory) ||
        !inside(sections[section->sh_link].sh_addr, sections[section->sh_link].sh_size, memory)) {
      strcpy(text, "its symbols are cut off");
      return false;
    }
    kernel->symbols = (const ElfW(Sym)*)(base + section->sh_addr);
    kernel->symbol_count = section->sh_size / sizeof(ElfW(Sym));
    kernel->names = base + sections[section->sh_link].sh_addr;
  }
  for (unsigned i = 0; i < head->e_shnum; ++i) {
    if (sections[i].sh_type != kRelocations || (sections[i].sh_flags & SHF_ALLOC) == 0) continue;
    if (!inside(sections[i].sh_addr, sections[i].sh_size, memory)) {
      strcpy(text, "its relocations are cut off");
      return false;
    }
    const relocation* const r = (const relocation*)(base + sections[i].sh_addr);
    for (uint64_t k = 0; k < sections[i].sh_size / sizeof *r; ++k) {
      if (!relocate(kernel, &r[k], memory)) return false;
    }
  }
  return true;
}

static bool load(const char* file, uint64_t bytes, struct loaded_kernel* kernel) {
  const ElfW(Ehdr)* const head = (const ElfW(Ehdr)*)file;
  const int word_class = sizeof(void*) == 8 ? ELFCLASS64 : ELFCLASS32;
  if (bytes < sizeof *head || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 ||
      head->e_ident[EI_CLASS] != word_class || head->e_machine != kMachine || head->e_type != ET_DYN) {
    strcpy(text, "it is not a shared object for this core");
    return false;
  }
  if (!inside(head->e_phoff, (uint64_t)head->e_phnum * sizeof(ElfW(Phdr)), bytes)) {
    strcpy(text, "its segments are cut off");
    return false;
  }
  const ElfW(Phdr)* const segments = (const ElfW(Phdr)*)(file + head->e_phoff);
  const uint64_t memory = place_segments(file, bytes, segments, head->e_phnum);
  if (memory == 0 || !bind_symbols(file, bytes, head, memory, kernel)) return false;
  for (unsigned i = 0; i < head->e_phnum; ++i) {
    if (segments[i].p_type != PT_LOAD) continue;
    const uint64_t start = segments[i].p_vaddr / kPage * kPage;
    mprotect(base + start, segments[i].p_vaddr + segments[i].p_memsz - start, protection(&segments[i]));
  }
  return true;
}

const char* load_kernel(const char* path, struct loaded_kernel* kernel) {
  memset(kernel, 0, sizeof *kernel);
  const int fd = open(path, O_RDONLY);
  struct stat status;
  if (fd < 0 || fstat(fd, &status) != 0 || status.st_size == 0) return "it cannot be read";
  const uint64_t bytes = (uint64_t)status.st_size;
  char* const file = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
  close(fd);
  if (file == MAP_FAILED) return "it cannot be read";
  const bool good = load(file, bytes, kernel);
  munmap(file, bytes);
  return good ? NULL : text;
}

void* kernel_symbol(const struct loaded_kernel* kernel, const char* name) {
  for (uint64_t i = 0; i < kernel->symbol_count; ++i) {
    const ElfW(Sym)* const symbol = &kernel->symbols[i];
    if (symbol->st_shndx != SHN_UNDEF && strcmp(kernel->names + symbol->st_name, name) == 0)
      return base + symbol->st_value;
  }
  return NULL;
}
