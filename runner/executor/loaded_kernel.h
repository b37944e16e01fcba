// One kernel in this process: its two functions (docs/formats.md, "Kernel ABI") and its packed constants.
#pragma once

#include <cstdint>
#include <memory>

#include "runner/executor/guarded_buffer.h"

namespace tunefarm::executor {

class LoadedKernel {
 public:
  // Loads the shared object and finds its functions. Ends the process with a load fault when that fails.
  LoadedKernel(const char* path, std::uint64_t packed_bytes);

  // `constants`: a pointer per argument, null where it is not a constant. Afterwards the packed bytes are
  // read-only.
  void Prepare(const void* const* constants);
  void Run(void* const* arguments, void* workspace) const {
    run_(arguments, packed_ ? packed_->data() : nullptr, workspace);
  }
  bool EdgesIntact() const { return packed_ == nullptr || packed_->EdgesIntact(); }

 private:
  void (*run_)(void* const*, const void*, void*) = nullptr;
  void (*prepare_)(const void* const*, void*) = nullptr;
  std::unique_ptr<GuardedBuffer> packed_;
};

}  // namespace tunefarm::executor
