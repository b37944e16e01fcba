// The compilers' own headers of SIMD intrinsics, parsed once. immintrin.h and arm_neon.h declare thousands of
// functions: reading one takes a compiler 0.2 s, several times what it needs for a kernel.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "base/file.h"

namespace tunefarm::tuner {

// Thread safe. Destruction removes them.
class PrecompiledHeaders {
 public:
  // The header to put before `source` by -include, for a call of `compiler` with these flags; the object is
  // the same with and without it. Empty: the source includes none that is worth it, or none could be made.
  // The first call for a combination takes as long as a slow compilation, and 25 MB in $TMPDIR.
  std::string For(const std::string& compiler, const std::vector<std::string>& flags,
                  const std::string& source);

 private:
  std::string Make(const std::string& compiler, const std::vector<std::string>& flags,
                   const std::string& text) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  absl::Mutex mu_;
  std::optional<TempDir> folder_ ABSL_GUARDED_BY(mu_);            // When there is something in it.
  std::map<std::string, std::string> made_ ABSL_GUARDED_BY(mu_);  // Paths by what they were made of.
};

}  // namespace tunefarm::tuner
