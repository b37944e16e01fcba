/* Under a program whose cycles are estimated (bench/counted_program.h): entry, output and end, on bare
   Cortex-M cores by semihosting and on Linux by the C library. */
#include <stdint.h>

int counted_main(void);
void counted_print(const char* text);

#ifdef __linux__

#include <string.h>
#include <unistd.h>

void counted_print(const char* text) {
  if (write(STDOUT_FILENO, text, strlen(text)) < 0) _exit(2);
}

int main(void) { return counted_main(); }

#else

/* Arm's semihosting: operations, and the reasons of SYS_EXIT for a good end and a bad one. */
enum { kSysWrite0 = 0x04, kSysExit = 0x18 };
enum { kApplicationExit = 0x20026, kRunTimeError = 0x20023 };

extern uint32_t counted_stack_top;

static void Semihost(uint32_t operation, uint32_t argument) {
  register uint32_t r0 __asm__("r0") = operation;
  register uint32_t r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt #0xab" : "+r"(r0) : "r"(r1) : "memory");
}

void counted_print(const char* text) { Semihost(kSysWrite0, (uintptr_t)text); }

static void Start(void) {
  /* The floating-point unit and Helium (CPACR), and low-overhead loops (CCR.LOB; ignored where there are
   * none). */
  *(volatile uint32_t*)0xe000ed88 |= 0xf00000;
#if __ARM_ARCH >= 8
  *(volatile uint32_t*)0xe000ed14 |= 0x80000;
#endif
  __asm__ volatile("dsb\n isb" ::: "memory");
  const int failed = counted_main();
  Semihost(kSysExit, failed ? kRunTimeError : kApplicationExit);
  for (;;) {
  }
}

static void Fault(void) {
  counted_print("the program faulted\n");
  Semihost(kSysExit, kRunTimeError);
  for (;;) {
  }
}

/* The stack, reset, and the exceptions that a program may raise; memory is as QEMU loaded it. */
__attribute__((section(".vectors"), used)) static const void* const vectors[16] = {
    &counted_stack_top, (void*)Start, (void*)Fault, (void*)Fault, (void*)Fault, (void*)Fault, (void*)Fault,
};

#endif
