// Compilers that have started, and read the headers of SIMD intrinsics, before the kernel is there; each
// kernel is translated by a forked copy (base/fork_server.h). A compiler's start takes it 12 ms of processor
// time; reading arm_neon.h, arm_mve.h or immintrin.h 0.1 to 0.2 s, several times what a kernel needs.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "base/fork_server.h"
#include "base/subprocess.h"

namespace tunefarm::tuner {

// Thread safe. Destruction ends them.
class WarmCompilers {
 public:
  // Translates `source` to assembler text (RunResult.out), the same as `compiler flags -S kernel.c` gives.
  // nullopt: there is no such compiler that could be copied, which says nothing about the source. The first
  // call for a combination of compiler, flags and slow headers takes as long as a slow compilation.
  std::optional<RunResult> Translate(const std::string& compiler, const std::vector<std::string>& flags,
                                     const std::vector<int>& cpus, const std::string& source,
                                     absl::Duration timeout);

 private:
  struct Entry {
    std::string key;
    std::optional<TempDir> folder;       // Of what it reads first.
    std::unique_ptr<ForkServer> server;  // Null: it cannot be copied.
  };

  std::shared_ptr<Entry> Find(const std::string& compiler, const std::vector<std::string>& flags,
                              const std::vector<int>& cpus, const std::string& headers);
  void Forget(const std::shared_ptr<Entry>& entry);

  absl::Mutex mu_;
  std::list<std::shared_ptr<Entry>> entries_ ABSL_GUARDED_BY(mu_);  // The one used last first.
};

}  // namespace tunefarm::tuner
