#include "tuner/builder_pool.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_join.h"
#include "base/digest.h"
#include "tuner/footprint.h"

namespace tunefarm::tuner {
namespace {

v1::Failure InstantiateFailure(const absl::Status& status) {
  v1::Failure failure;
  failure.set_kind(v1::FAILURE_KIND_INSTANTIATE);
  failure.set_phase(v1::PHASE_BUILD);
  failure.set_message(std::string(status.message()));
  return failure;
}

}  // namespace

absl::StatusOr<Kernel> BuildKernel(const schedules::Task& task, const schedules::Config& config,
                                   ArtifactCache* cache, const CompilerOptions& options) {
  Kernel kernel;
  const absl::StatusOr<schedules::KernelSource> source = task.Generate(config);
  if (!source.ok()) {
    kernel.failure = InstantiateFailure(source.status());
    return kernel;
  }
  if (const absl::Status fits = CheckFootprint(FootprintOf(task.compute(), *source), task.target());
      !fits.ok()) {
    kernel.failure.set_kind(v1::FAILURE_KIND_OUT_OF_MEMORY);
    kernel.failure.set_phase(v1::PHASE_BUILD);
    kernel.failure.set_message(std::string(fits.message()));
    return kernel;
  }
  kernel.packed_bytes = source->packed_bytes;
  kernel.workspace_bytes = source->workspace_bytes;
  kernel.error_growth = source->error_growth;
  TUNEFARM_ASSIGN_OR_RETURN(const std::string version, CompilerVersion(task.target().compiler));
  const std::string flags = absl::StrJoin(CompilerFlags(task.target(), *source), " ");
  kernel.toolchain = absl::StrCat(version, " ", flags);
  const std::string key =
      Sha256Hex(absl::StrCat("kernel\n", task.target().compiler, "\n", kernel.toolchain, "\n", source->c));
  std::optional<std::string> object;
  if (cache != nullptr) object = cache->Get(key);
  if (!object.has_value()) {
    TUNEFARM_ASSIGN_OR_RETURN(CompileResult result, Compile(*source, task.target(), options));
    if (result.failure.kind() != v1::FAILURE_KIND_UNSPECIFIED) {
      kernel.failure = std::move(result.failure);
      return kernel;
    }
    object = std::move(result.object);
    if (cache != nullptr) {
      cache->Put(key, *object);
      kernel.cache_trouble = std::string(cache->degraded().message());
    }
  }
  kernel.digest = Sha256Hex(*object);
  kernel.object = std::make_shared<const std::string>(*std::move(object));
  return kernel;
}

BuilderPool::BuilderPool(int threads, int nice) {
  for (int i = 0; i < std::max(threads, 1); ++i) threads_.emplace_back([this, nice] { Run(nice); });
}

BuilderPool::~BuilderPool() {
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
  }
  for (std::thread& thread : threads_) thread.join();
}

void BuilderPool::Submit(const std::string& owner, Build build, Done done) {
  absl::MutexLock lock(&mu_);
  auto queue = std::find_if(queues_.begin(), queues_.end(), [&](const Queue& q) { return q.owner == owner; });
  if (queue == queues_.end()) queue = queues_.insert(queues_.end(), Queue{owner, {}, 0});
  queue->items.push_back({std::move(build), std::move(done)});
}

void BuilderPool::Drop(const std::string& owner) {
  absl::MutexLock lock(&mu_);
  for (Queue& queue : queues_) {
    if (queue.owner == owner) queue.items.clear();
  }
  const auto idle = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return std::none_of(queues_.begin(), queues_.end(), [&](const Queue& q) {
      return q.owner == owner && (q.building > 0 || !q.items.empty());
    });
  };
  mu_.Await(absl::Condition(&idle));
}

void BuilderPool::Run(int nice) {
  const auto thread = static_cast<id_t>(syscall(SYS_gettid));
  setpriority(PRIO_PROCESS, thread, getpriority(PRIO_PROCESS, thread) + nice);  // Children inherit it.
  const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return stopping_ ||
           std::any_of(queues_.begin(), queues_.end(), [](const Queue& q) { return !q.items.empty(); });
  };
  absl::MutexLock lock(&mu_);
  for (;;) {
    mu_.Await(absl::Condition(&ready));
    if (stopping_) return;
    const auto queue =
        std::find_if(queues_.begin(), queues_.end(), [](const Queue& q) { return !q.items.empty(); });
    Item item = std::move(queue->items.front());
    queue->items.pop_front();
    ++queue->building;
    queues_.splice(queues_.end(), queues_,
                   queue);  // Its next turn comes after everybody else's. The iterator stays valid.
    mu_.Unlock();
    item.done(item.build());
    item = {};  // What the callbacks captured may belong to the owner: released before Drop() returns.
    mu_.Lock();
    --queue->building;
    if (queue->building == 0 && queue->items.empty()) queues_.erase(queue);
  }
}

}  // namespace tunefarm::tuner
