#include "runner/executor/loaded_kernel.h"

#include <dlfcn.h>

#include "runner/executor/report.h"

namespace tunefarm::executor {

LoadedKernel::LoadedKernel(const char* path, std::uint64_t packed_bytes) {
  void* const library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) Fail(Fault::kLoad, "the kernel does not load: %s", dlerror());
  run_ = reinterpret_cast<decltype(run_)>(dlsym(library, "tunefarm_run"));
  if (run_ == nullptr) Fail(Fault::kLoad, "the kernel does not export tunefarm_run");
  prepare_ = reinterpret_cast<decltype(prepare_)>(dlsym(library, "tunefarm_prepare"));
  if (packed_bytes > 0)
    packed_ = std::make_unique<GuardedBuffer>(packed_bytes, "crossed the edge of the packed constants");
}

void LoadedKernel::Prepare(const void* const* constants) {
  if (prepare_ != nullptr) prepare_(constants, packed_ ? packed_->data() : nullptr);
  if (packed_ == nullptr) return;
  if (!packed_->EdgesIntact())
    Fail(Fault::kWrongResult, "tunefarm_prepare wrote outside the packed constants");
  packed_->MakeReadOnly();
}

}  // namespace tunefarm::executor
