#include "runner/executor/guarded_buffer.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "runner/executor/report.h"

namespace tunefarm::executor {
namespace {

constexpr unsigned char kPattern = 0xa5;
constexpr std::size_t kHugePage = 2 << 20;
constexpr std::size_t kHugeFrom = 64 << 10;  // Tensors of less than that are in normal pages.

std::size_t RoundUp(std::size_t value, std::size_t to) { return (value + to - 1) / to * to; }

bool IsPattern(const unsigned char* from, const unsigned char* to) {
  // Each byte equal to the next, and one the pattern.
  return from == to ||
         (*from == kPattern && std::memcmp(from, from + 1, static_cast<std::size_t>(to - from) - 1) == 0);
}

}  // namespace

GuardedBuffer::GuardedBuffer(std::size_t bytes, const char* name) : bytes_(bytes) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t unit = bytes < kHugeFrom ? page : kHugePage;
  const std::size_t body = RoundUp(std::max<std::size_t>(bytes, 64), unit);
  // The body begins at a multiple of the unit, behind at least a page.
  const std::size_t all = body + unit + page;
  void* const mapping = mmap(nullptr, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) Fail(Fault::kInternal, "the device has no %zu bytes for %s", bytes, name);
  const auto begin = reinterpret_cast<std::uintptr_t>(mapping);
  first_ = static_cast<unsigned char*>(mapping) + (RoundUp(begin + page, unit) - begin);
  last_ = first_ + body;
  if (mprotect(first_, body, PROT_READ | PROT_WRITE) != 0) {
    Fail(Fault::kInternal, "the device has no %zu bytes for %s", bytes, name);
  }
  if (unit == kHugePage) madvise(first_, body, MADV_HUGEPAGE);  // Where there are none, normal ones do.
  std::memset(first_, kPattern, body);                          // Also brings every page in.
  data_ = last_ - RoundUp(std::max<std::size_t>(bytes, 64), 64);
  NameGuard(mapping, first_, name);
  NameGuard(last_, static_cast<unsigned char*>(mapping) + all, name);
}

std::size_t GuardedBuffer::AddressSpace(std::size_t bytes) { return bytes + 3 * kHugePage; }

void GuardedBuffer::MakeReadOnly() { mprotect(first_, static_cast<std::size_t>(last_ - first_), PROT_READ); }

bool GuardedBuffer::EdgesIntact() const {
  return IsPattern(first_, data_) && IsPattern(data_ + bytes_, last_);
}

}  // namespace tunefarm::executor
