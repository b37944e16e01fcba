// Memory for one tensor with a guard page on each side. The tensor ends (rounded up to 64 bytes) where the
// guard begins, so that running over the end faults at once; the few bytes between are filled with a pattern
// and looked at later. Large tensors are in huge pages where the kernel has them: which physical pages of
// 4 KiB a tensor gets is luck, and lines of the level 2 cache that displace each other made the same kernel
// up to a third slower in one process than in the next. What is free of the first huge page is pattern too.
#pragma once

#include <cstddef>

namespace tunefarm::executor {

class GuardedBuffer {
 public:
  // 64-byte aligned, every page present. `name` appears in the fault report ("argument 2") and must live for
  // ever. Ends the process with a report of kind internal when there is no memory.
  GuardedBuffer(std::size_t bytes, const char* name);
  GuardedBuffer(const GuardedBuffer&) = delete;
  GuardedBuffer& operator=(const GuardedBuffer&) = delete;

  // The most that a buffer of that size takes of the address space.
  static std::size_t AddressSpace(std::size_t bytes);

  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  // From now on a write to it faults.
  void MakeReadOnly();
  // True when nothing wrote just outside the tensor.
  bool EdgesIntact() const;

 private:
  // Never unmapped: the process lives for one job.
  unsigned char* first_ = nullptr;  // Of the accessible pages.
  unsigned char* last_ = nullptr;   // One behind the accessible pages.
  unsigned char* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace tunefarm::executor
