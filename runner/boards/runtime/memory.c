/* What compilers make calls to, without a C library. Words where both sides allow it: most copies of a kernel
   are rows of tensors, and those are aligned. */
#include <stddef.h>
#include <stdint.h>

typedef uint32_t __attribute__((may_alias)) Word;

/* From the first byte on, so `to` may lie before `from` in one buffer. */
static inline void CopyUp(uint8_t* t, const uint8_t* f, size_t bytes) {
  if ((((uintptr_t)t | (uintptr_t)f) & 3) == 0) {
    for (; bytes >= 16; bytes -= 16, t += 16, f += 16) {
      uint32_t a = ((const Word*)f)[0], b = ((const Word*)f)[1], c = ((const Word*)f)[2],
               d = ((const Word*)f)[3];
      ((Word*)t)[0] = a;
      ((Word*)t)[1] = b;
      ((Word*)t)[2] = c;
      ((Word*)t)[3] = d;
    }
    for (; bytes >= 4; bytes -= 4, t += 4, f += 4) *(Word*)t = *(const Word*)f;
  }
  while (bytes-- > 0) *t++ = *f++;
}

void* memcpy(void* restrict to, const void* restrict from, size_t bytes) {
  CopyUp(to, from, bytes);
  return to;
}

void* memmove(void* to, const void* from, size_t bytes) {
  if ((uintptr_t)to - (uintptr_t)from >= bytes) {
    CopyUp(to, from, bytes);
    return to;
  }
  uint8_t* t = (uint8_t*)to + bytes;
  const uint8_t* f = (const uint8_t*)from + bytes;
  while (bytes-- > 0) *--t = *--f;
  return to;
}

void* memset(void* to, int value, size_t bytes) {
  uint8_t* t = to;
  for (; bytes > 0 && ((uintptr_t)t & 3) != 0; --bytes) *t++ = (uint8_t)value;
  const uint32_t word = 0x01010101u * (uint8_t)value;
  for (; bytes >= 16; bytes -= 16, t += 16) {
    ((Word*)t)[0] = word;
    ((Word*)t)[1] = word;
    ((Word*)t)[2] = word;
    ((Word*)t)[3] = word;
  }
  for (; bytes >= 4; bytes -= 4, t += 4) *(Word*)t = word;
  while (bytes-- > 0) *t++ = (uint8_t)value;
  return to;
}

int memcmp(const void* a, const void* b, size_t bytes) {
  const uint8_t *x = a, *y = b;
  for (; bytes > 0; --bytes, ++x, ++y) {
    if (*x != *y) return *x - *y;
  }
  return 0;
}
