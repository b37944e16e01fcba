#include "runner/timing/reference_kernel.h"

#include <cstdint>

namespace tunefarm {
namespace {

// 16 KiB: within the first-level cache of every core that runs Linux. A larger buffer would read the state
// that the measured kernel left the caches in.
constexpr std::size_t kFloats = 4096;

// Passes over the buffer, and steps of arithmetic: each about 0.05 ms on a 3.7 GHz core. Longer would cost
// more of the budget than it gives, shorter would be lost in the noise of single interrupts.
constexpr int kPasses = 120;
constexpr int kSteps = 20000;

typedef float Vector __attribute__((vector_size(16)));

}  // namespace

ReferenceKernel::ReferenceKernel() : buffer_(kFloats, 1.0f) {}

void ReferenceKernel::Warm() { Pass(2, 100); }
void ReferenceKernel::Crowd() { Pass(kPasses, kSteps); }

__attribute__((noinline)) void ReferenceKernel::Pass(int passes, int steps) {
  Vector chains[8];
  for (int i = 0; i < 8; ++i) {
    const float start = 1.0f + 0.125f * static_cast<float>(i);
    chains[i] = Vector{start, start, start, start};
  }
  const Vector scale = {0.999f, 0.998f, 0.997f, 0.996f};
  const Vector shift = {0.01f, 0.02f, 0.03f, 0.04f};
  for (int step = 0; step < steps; ++step) {
    for (Vector& chain : chains)
      chain = chain * scale + shift;  // Converges to shift / (1 - scale): stays normal.
  }
  float* const data = buffer_.data();
  for (int pass = 0; pass < passes; ++pass) {
    for (std::size_t i = 0; i < kFloats; i += 4) {
      Vector value;
      __builtin_memcpy(&value, data + i, sizeof value);
      value = value * scale + shift;
      __builtin_memcpy(data + i, &value, sizeof value);
    }
  }
  Vector sum = chains[0];
  for (int i = 1; i < 8; ++i) sum += chains[i];
  sink_ = sum[0] + sum[1] + sum[2] + sum[3] + data[kFloats / 2];
}

__attribute__((noinline)) void ReferenceKernel::Clock() {
  std::uint64_t value = 1;
  for (int i = 0; i < static_cast<int>(kClockCycles) / 100; ++i) {
#if defined(__x86_64__)
    asm volatile(".rept 100\n\tadd %1, %0\n\t.endr" : "+r"(value) : "r"(std::uint64_t{3}) : "cc");
#elif defined(__aarch64__)
    asm volatile(".rept 100\n\tadd %0, %0, %1\n\t.endr" : "+r"(value) : "r"(std::uint64_t{3}));
#else
    for (int k = 0; k < 100; ++k) {
      value += 3;
      asm volatile("" : "+r"(value));
    }
#endif
  }
}

}  // namespace tunefarm
