// The runner's side of Worker.Synchronize: registers, asks for work, keeps the lease alive while it measures,
// reports, and does not mind when the tracker goes away for a while.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/rng.h"
#include "base/status.h"
#include "runner/artifact_cache.h"
#include "runner/device.h"
#include "runner/work_slot.h"
#include "tunefarm/v1/artifacts.grpc.pb.h"
#include "tunefarm/v1/worker.grpc.pb.h"

namespace tunefarm {

inline constexpr std::uint32_t kWorkerProtocolVersion = 1;

struct AgentOptions {
  absl::Duration long_poll = absl::Seconds(20);
  // Between attempts to reach a tracker that does not answer: doubled each time up to the maximum, and
  // jittered by half, so that a farm does not come back all at once.
  absl::Duration first_retry = absl::Milliseconds(200);
  absl::Duration last_retry = absl::Seconds(10);
};

// Fetches artifacts from the tracker's store. The channel must outlive what it returns.
ArtifactCache::Fetch FetchOver(const std::shared_ptr<grpc::Channel>& channel);

// Work that the agent holds a lease for.
struct WorkInHand {
  v1::LeaseToken lease;
  std::optional<v1::Measurement> result;  // Reported until the tracker has answered.
  bool abandoned = false;                 // Its result is thrown away.
};

class Agent {
 public:
  // `on_registered` is called once, after the first answer of the tracker. Device and artifacts must outlive
  // the agent.
  Agent(const std::shared_ptr<grpc::Channel>& channel, Device& device, ArtifactCache& artifacts,
        AgentOptions options, std::function<void()> on_registered);

  // Runs until it was drained. Errors only when going on is pointless: the tracker speaks another protocol
  // version, or refuses this runner.
  absl::Status Run();

  // Finish what is in hand, report it, leave. From any thread, but not from a signal handler.
  void Drain();

 private:
  v1::SynchronizeRequest Request();
  void Handle(const v1::SynchronizeRequest& request, const v1::SynchronizeResponse& response);
  void Abandon();
  // Waits until there is something to say or `timeout` has passed.
  void WaitForNews(absl::Duration timeout);
  bool draining() const { return draining_.load(std::memory_order_relaxed); }

  std::unique_ptr<v1::Worker::Stub> stub_;
  Device& device_;
  const AgentOptions options_;
  const std::function<void()> on_registered_;
  const std::string incarnation_;
  std::uint64_t sequence_ = 0;
  bool registered_ = false;
  Rng jitter_;
  std::optional<WorkInHand> in_hand_;
  absl::Duration next_call_ = absl::ZeroDuration();

  absl::Mutex mu_;
  bool news_ ABSL_GUARDED_BY(mu_) = false;                       // Work has ended, or draining began.
  grpc::ClientContext* pending_ ABSL_GUARDED_BY(mu_) = nullptr;  // A long poll that Drain may cut short.
  std::atomic<bool> draining_{false};
  WorkSlot slot_;  // Last: its thread calls back into the above.
};

}  // namespace tunefarm
