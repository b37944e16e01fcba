#include "bench/peers/compiled_kernel.h"

#include <dlfcn.h>

#include "base/file.h"
#include "tuner/compiler.h"

namespace tunefarm::bench {

absl::StatusOr<CompiledKernel> CompileAndLoad(const schedules::KernelSource& source,
                                              const schedules::Target& target) {
  tuner::CompilerOptions options;
  // One kernel, not one of thousands: worth waiting for.
  options.timeout = absl::Seconds(60);
  TUNEFARM_ASSIGN_OR_RETURN(const tuner::CompileResult compiled, tuner::Compile(source, target, options));
  if (compiled.failure.kind() != v1::FAILURE_KIND_UNSPECIFIED) {
    return absl::InternalError(absl::StrCat(compiled.failure.message(), "\n", compiled.failure.detail()));
  }
  TUNEFARM_ASSIGN_OR_RETURN(const TempDir folder, TempDir::Create("tunefarm-bench"));
  const std::string path = folder.path() + "/kernel.so";
  TUNEFARM_RETURN_IF_ERROR(WriteFileAtomic(path, compiled.object, 0755));
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return absl::InternalError(absl::StrCat("loading the kernel: ", dlerror()));
  CompiledKernel kernel;
  kernel.prepare = reinterpret_cast<decltype(kernel.prepare)>(dlsym(library, "tunefarm_prepare"));
  kernel.run = reinterpret_cast<decltype(kernel.run)>(dlsym(library, "tunefarm_run"));
  if (kernel.run == nullptr) return absl::InternalError("the kernel has no tunefarm_run");
  return kernel;
}

}  // namespace tunefarm::bench
