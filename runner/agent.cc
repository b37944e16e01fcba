#include "runner/agent.h"

#include <algorithm>
#include <random>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "proto/rpc.h"
#include "spdlog/spdlog.h"

namespace tunefarm {
namespace {

// A call without long poll is answered in milliseconds; a tracker that takes longer is down for us.
constexpr absl::Duration kCallDeadline = absl::Seconds(10);

// Megabytes over a thin link; the daemon resends what a device does not get.
constexpr absl::Duration kFetchDeadline = absl::Minutes(2);

// Kernels are kilobytes, expected outputs megabytes; more than this is not ours.
constexpr std::size_t kMaxArtifact = std::size_t{1} << 30;

// The tracker says when it wants the next call. Not more often than this, whatever it says.
constexpr absl::Duration kShortestInterval = absl::Milliseconds(10);

std::uint64_t RandomBits() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

}  // namespace

ArtifactCache::Fetch FetchOver(const std::shared_ptr<grpc::Channel>& channel) {
  return [channel](const std::string& digest) -> absl::StatusOr<std::string> {
    const std::unique_ptr<v1::Artifacts::Stub> stub = v1::Artifacts::NewStub(channel);
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + kFetchDeadline));
    v1::GetRequest request;
    request.set_digest(digest);
    const auto stream = stub->Get(&context, request);
    std::string content;
    v1::GetChunk chunk;
    while (stream->Read(&chunk)) {
      content += chunk.data();
      if (content.size() > kMaxArtifact) context.TryCancel();
    }
    const grpc::Status status = stream->Finish();
    if (!status.ok()) return WithContext(FromGrpc(status), absl::StrCat("fetching artifact ", digest));
    return content;
  };
}

Agent::Agent(const std::shared_ptr<grpc::Channel>& channel, Device& device, ArtifactCache& artifacts,
             AgentOptions options, std::function<void()> on_registered)
    : stub_(v1::Worker::NewStub(channel)),
      device_(device),
      options_(options),
      on_registered_(std::move(on_registered)),
      incarnation_(absl::StrFormat("%016x%016x", RandomBits(), RandomBits())),
      jitter_(RandomBits()),
      slot_(device, artifacts, [this] {
        absl::MutexLock lock(&mu_);
        news_ = true;
      }) {}

void Agent::Drain() {
  draining_.store(true, std::memory_order_relaxed);
  absl::MutexLock lock(&mu_);
  news_ = true;
  if (pending_ != nullptr) pending_->TryCancel();
}

void Agent::WaitForNews(absl::Duration timeout) {
  absl::MutexLock lock(&mu_);
  mu_.AwaitWithTimeout(absl::Condition(&news_), timeout);
  news_ = false;
}

v1::SynchronizeRequest Agent::Request() {
  if (in_hand_.has_value() && !in_hand_->result.has_value()) {
    in_hand_->result = slot_.Take();
    if (in_hand_->result.has_value() && in_hand_->abandoned) in_hand_.reset();
  }
  v1::SynchronizeRequest request;
  request.set_protocol_version(kWorkerProtocolVersion);
  *request.mutable_device() = device_.Facts();
  request.set_incarnation(incarnation_);
  request.set_sequence(++sequence_);
  request.set_draining(draining());
  if (!in_hand_.has_value()) {
    request.mutable_idle();
    // The first call is answered at once: it registers.
    request.set_max_wait_ms(draining() || !registered_
                                ? 0
                                : static_cast<std::uint32_t>(absl::ToInt64Milliseconds(options_.long_poll)));
  } else if (in_hand_->result.has_value()) {
    *request.mutable_completed()->mutable_lease() = in_hand_->lease;
    *request.mutable_completed()->mutable_measurement() = *in_hand_->result;
  } else {
    *request.mutable_executing()->mutable_lease() = in_hand_->lease;
    request.mutable_executing()->set_phase(slot_.phase());
  }
  return request;
}

void Agent::Abandon() {
  if (!in_hand_.has_value() || in_hand_->abandoned) return;
  in_hand_->abandoned = true;
  slot_.Cancel();
}

void Agent::Handle(const v1::SynchronizeRequest& request, const v1::SynchronizeResponse& response) {
  next_call_ = std::max(absl::Milliseconds(response.next_call_in_ms()), kShortestInterval);
  if (request.has_completed()) {
    if (!response.completion_recorded()) {
      spdlog::warn("the result of {} came too late: the lease had ended",
                   request.completed().lease().work_id());
    }
    in_hand_.reset();
  }
  switch (response.desired_case()) {
    case v1::SynchronizeResponse::kExecute: {
      const v1::SynchronizeResponse::Execute& execute = response.execute();
      if (in_hand_.has_value()) {
        const v1::LeaseToken& lease = in_hand_->lease;
        const bool same =
            lease.work_id() == execute.lease().work_id() && lease.fence() == execute.lease().fence();
        // Something else: first the device must be free. The tracker repeats itself when we next call.
        if (!same) Abandon();
        return;
      }
      in_hand_.emplace();
      in_hand_->lease = execute.lease();
      slot_.Start(execute.work());
      return;
    }
    case v1::SynchronizeResponse::kKeepGoing:
      return;
    case v1::SynchronizeResponse::kAbandon:
    case v1::SynchronizeResponse::kBeIdle:
    default:
      // Also when the tracker does not know of what we are doing: it has lost, or ended, the lease.
      if (!request.has_completed()) Abandon();
      return;
  }
}

absl::Status Agent::Run() {
  bool reachable = true;
  absl::Duration retry = options_.first_retry;
  for (;;) {
    // An abandoned piece of work is not ours any more, but the device is busy until it has ended: no call
    // before.
    if (in_hand_.has_value() && in_hand_->abandoned) {
      WaitForNews(absl::Milliseconds(100));
      if (slot_.Take().has_value()) in_hand_.reset();
      continue;
    }
    const v1::SynchronizeRequest request = Request();
    v1::SynchronizeResponse response;
    grpc::ClientContext context;
    context.set_deadline(
        absl::ToChronoTime(absl::Now() + absl::Milliseconds(request.max_wait_ms()) + kCallDeadline));
    if (request.has_idle() && !request.draining()) {
      absl::MutexLock lock(&mu_);
      pending_ = &context;
      if (draining()) context.TryCancel();
    }
    const grpc::Status status = stub_->Synchronize(&context, request, &response);
    {
      absl::MutexLock lock(&mu_);
      pending_ = nullptr;
    }
    if (status.ok()) {
      if (!reachable) spdlog::info("the tracker answers again");
      reachable = true;
      retry = options_.first_retry;
      Handle(request, response);
      const bool first = !registered_;
      if (first) {
        registered_ = true;
        on_registered_();
      }
      if (!in_hand_.has_value() && request.draining()) return absl::OkStatus();
      // Idle: ask again at once, the tracker holds the call. Busy: until there is news or a heartbeat is due.
      if (in_hand_.has_value()) {
        WaitForNews(next_call_);
      } else if (!first && request.has_idle() &&
                 response.desired_case() != v1::SynchronizeResponse::kExecute && !draining()) {
        // A tracker that answers an idle call without holding it says when to come back.
        WaitForNews(std::min(next_call_, options_.long_poll));
      }
      continue;
    }
    if (draining() && !in_hand_.has_value() && !registered_) return absl::OkStatus();
    if (status.error_code() == grpc::StatusCode::CANCELLED && draining()) continue;
    if (status.error_code() == grpc::StatusCode::FAILED_PRECONDITION ||
        status.error_code() == grpc::StatusCode::PERMISSION_DENIED ||
        status.error_code() == grpc::StatusCode::UNAUTHENTICATED ||
        status.error_code() == grpc::StatusCode::UNIMPLEMENTED ||
        status.error_code() == grpc::StatusCode::INVALID_ARGUMENT) {
      return WithContext(FromGrpc(status), "the tracker refuses this runner");
    }
    if (draining() && !in_hand_.has_value()) {
      spdlog::warn("leaving without the tracker's answer: {}", status.error_message());
      return absl::OkStatus();
    }
    if (reachable) spdlog::warn("the tracker does not answer ({}); trying again", status.error_message());
    reachable = false;
    WaitForNews(retry * (0.5 + 0.5 * jitter_.UniformDouble()));
    retry = std::min(2 * retry, options_.last_retry);
  }
}

}  // namespace tunefarm
