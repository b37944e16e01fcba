#include "runner/executor/guarded_buffer.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "runner/executor/report.h"

namespace tunefarm::executor {
namespace {

constexpr unsigned char kPattern = 0xa5;

std::size_t RoundUp(std::size_t value, std::size_t to) { return (value + to - 1) / to * to; }

}  // namespace

GuardedBuffer::GuardedBuffer(std::size_t bytes, const char* name) : bytes_(bytes) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t body = RoundUp(std::max<std::size_t>(bytes, 64), page);
  void* const mapping =
      mmap(nullptr, body + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) Fail(Fault::kInternal, "the device has no %zu bytes for %s", bytes, name);
  first_ = static_cast<unsigned char*>(mapping) + page;
  last_ = first_ + body;
  if (mprotect(first_, body, PROT_READ | PROT_WRITE) != 0) {
    Fail(Fault::kInternal, "the device has no %zu bytes for %s", bytes, name);
  }
  std::memset(first_, kPattern, body);  // Also brings every page in.
  data_ = last_ - RoundUp(std::max<std::size_t>(bytes, 64), 64);
  NameGuard(mapping, first_, name);
  NameGuard(last_, last_ + page, name);
}

void GuardedBuffer::MakeReadOnly() { mprotect(first_, static_cast<std::size_t>(last_ - first_), PROT_READ); }

bool GuardedBuffer::EdgesIntact() const {
  const auto intact = [](unsigned char byte) { return byte == kPattern; };
  return std::all_of(first_, data_, intact) && std::all_of(data_ + bytes_, last_, intact);
}

}  // namespace tunefarm::executor
