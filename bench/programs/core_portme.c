/* See core_portme.h. Compiled with CoreMark's sources, whose main is renamed to coremark_main. */
#include "core_portme.h"

#include "coremark.h"

int coremark_main(void);
int counted_main(void);
void counted_print(const char* text);

/* Of the performance run; the fourth is the number of iterations, the fifth asks for all algorithms. */
volatile ee_s32 seed1_volatile = 0;
volatile ee_s32 seed2_volatile = 0;
volatile ee_s32 seed3_volatile = 0x66;
volatile ee_s32 seed4_volatile = TUNEFARM_ITERATIONS;
volatile ee_s32 seed5_volatile = 0;

ee_u32 default_num_contexts = 1;

/* The estimator's marks. */
__attribute__((noinline)) void start_time(void) { __asm__ volatile("" ::: "memory"); }
__attribute__((noinline)) void stop_time(void) { __asm__ volatile("" ::: "memory"); }

/* There is no clock: what CoreMark says of time and validity is not printed. */
CORE_TICKS get_time(void) { return 10; }
secs_ret time_in_secs(CORE_TICKS ticks) { return ticks; }
int ee_printf(const char* format, ...) { return format == NULL; }

void portable_init(core_portable* p, int* argc, char* argv[]) {
  (void)argc;
  (void)argv;
  p->portable_id = 1;
}

static void Print(const char* name, ee_u16 crc) {
  char digits[6] = {' ', 0, 0, 0, 0, 0};
  for (int i = 0; i < 4; ++i) digits[1 + i] = "0123456789abcdef"[crc >> (12 - 4 * i) & 15];
  counted_print(name);
  counted_print(digits);
}

/* A line for each run: what bench/coremark_check.h compares. */
void portable_fini(core_portable* p) {
  const core_results* results = (const core_results*)((const char*)p - offsetof(core_results, port));
  ee_u16 seed = 0;
  seed = crc16(results->seed1, seed);
  seed = crc16(results->seed2, seed);
  seed = crc16(results->seed3, seed);
  seed = crc16((ee_s16)results->size, seed);
  p->portable_id = 0;
  Print("seedcrc", seed);
  Print(" crclist", results->crclist);
  Print(" crcmatrix", results->crcmatrix);
  Print(" crcstate", results->crcstate);
  counted_print("\n");
}

int counted_main(void) {
  const int first = coremark_main();
  return first != 0 ? first : coremark_main();
}
