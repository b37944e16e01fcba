// The one piece of work that a runner has in hand: fetched and measured on a thread of its own, so that the
// agent can go on talking to the tracker.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "runner/artifact_cache.h"
#include "runner/device.h"

namespace tunefarm {

class WorkSlot {
 public:
  // `on_done` is called on the slot's thread when a piece of work has ended. All must outlive the slot.
  WorkSlot(Device& device, ArtifactCache& artifacts, std::function<void()> on_done);
  // Cancels what runs and waits for it.
  ~WorkSlot();

  // The slot must be free: nothing started, or Take() has returned the last result.
  void Start(const v1::WorkItem& work);
  // Asks the work to end soon; its result still comes, with kind cancelled if it was not done.
  void Cancel();
  // The result, once, when there is one.
  std::optional<v1::Measurement> Take();
  v1::Phase phase() const { return static_cast<v1::Phase>(control_.phase.load(std::memory_order_relaxed)); }

 private:
  void Run();
  v1::Measurement Execute(const v1::WorkItem& work);

  Device& device_;
  ArtifactCache& artifacts_;
  const std::function<void()> on_done_;
  WorkControl control_;
  absl::Mutex mu_;
  std::optional<v1::WorkItem> work_ ABSL_GUARDED_BY(mu_);
  std::optional<v1::Measurement> result_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;  // Last: starts when everything else is there.
};

}  // namespace tunefarm
