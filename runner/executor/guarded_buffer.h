// Memory for one tensor with a guard page on each side. The tensor ends (rounded up to 64 bytes) where the
// guard begins, so that running over the end faults at once; the few bytes between are filled with a pattern
// and looked at later.
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
