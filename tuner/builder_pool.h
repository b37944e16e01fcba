// The builders: a few threads that turn configs into compiled kernels, shared in turn by all jobs.
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "base/status.h"
#include "schedules/schedule_template.h"
#include "tuner/artifact_cache.h"
#include "tuner/compiler.h"

namespace tunefarm::tuner {

// A compiled kernel, or the candidate's failure (INSTANTIATE, COMPILE, LINK, BUILD_TIMEOUT).
struct Kernel {
  std::shared_ptr<const std::string> object;  // The shared object's bytes; null on failure.
  std::string digest;                         // Of `object`; empty on failure.
  std::string toolchain;  // The compiler's version line and all flags, as records keep it.
  uint64_t packed_bytes = 0;
  uint64_t workspace_bytes = 0;
  double error_growth = 1;  // As KernelSource's.
  v1::Failure failure;
  std::string cache_trouble;  // Why it could not be kept in the cache; empty while all is well.

  bool ok() const { return object != nullptr; }
};

// Generates, looks up in the cache (key: the source, the compiler's version and all flags), compiles. An
// error is ours, not the candidate's, and worth another try. Thread safe; `cache` may be null.
absl::StatusOr<Kernel> BuildKernel(const schedules::Task& task, const schedules::Config& config,
                                   ArtifactCache* cache, const CompilerOptions& options);

// Enough to let the search and the network go first on a shared core, not so much that other work starves
// compilers.
inline constexpr int kBuilderNice = 5;

// Thread safe.
class BuilderPool {
 public:
  using Build = std::function<absl::StatusOr<Kernel>()>;
  using Done = std::function<void(absl::StatusOr<Kernel>)>;

  // `threads` builders, at a lower priority than the rest of the process so that a finished kernel is sent to
  // its device before the next one is begun: by so much more nice.
  explicit BuilderPool(int threads, int nice = kBuilderNice);
  ~BuilderPool();  // Finishes what is being built, drops what waits without calling its `done`.

  // Queues a build. Owners take turns, each in the order of its calls. `done` is called from a builder's
  // thread.
  void Submit(const std::string& owner, Build build, Done done);
  // Drops what waits for this owner and returns when nothing of it is being built: no `done` of its is called
  // after. Must not be called from a `done`.
  void Drop(const std::string& owner);

  int threads() const { return static_cast<int>(threads_.size()); }

 private:
  struct Item {
    Build build;
    Done done;
  };
  struct Queue {
    std::string owner;
    std::deque<Item> items;
    int building = 0;
  };
  void Run(int nice);

  absl::Mutex mu_;
  std::list<Queue> queues_ ABSL_GUARDED_BY(mu_);  // The front one's turn is next. Only owners with work.
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<std::thread> threads_;  // Constant after construction.
};

}  // namespace tunefarm::tuner
