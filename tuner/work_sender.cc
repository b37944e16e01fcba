#include "tuner/work_sender.h"

#include <algorithm>
#include <utility>

namespace tunefarm::tuner {
namespace {

// A tracker restarts in a second; a farm of daemons must not all knock at once each tenth of it.
constexpr absl::Duration kFirstRetry = absl::Milliseconds(200);
constexpr absl::Duration kLastRetry = absl::Seconds(5);

}  // namespace

bool IsPassing(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsResourceExhausted(status) || absl::IsFailedPrecondition(status) ||
         absl::IsCancelled(status) || absl::IsAborted(status);
}

WorkSender::WorkSender(MeasurementClient& client, v1::SubmitRequest envelope, Done done)
    : client_(client), envelope_(std::move(envelope)), done_(std::move(done)), thread_([this] { Run(); }) {}

WorkSender::~WorkSender() {
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
  }
  thread_.join();
}

void WorkSender::Send(OutgoingWork work) {
  absl::MutexLock lock(&mu_);
  queue_.push_back(std::move(work));
}

absl::Status WorkSender::trouble() const {
  absl::MutexLock lock(&mu_);
  return trouble_;
}

void WorkSender::Run() {
  const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return stopping_ || !queue_.empty(); };
  absl::Duration retry = kFirstRetry;
  for (;;) {
    OutgoingWork next;
    {
      absl::MutexLock lock(&mu_);
      mu_.Await(absl::Condition(&ready));
      if (stopping_) return;
      next = std::move(queue_.front());
      queue_.pop_front();
    }
    v1::SubmitRequest request = envelope_;
    *request.add_work() = next.work;
    const absl::Status status = client_.Submit(request, next.artifacts);
    const bool again = !status.ok() && IsPassing(status);
    {
      absl::MutexLock lock(&mu_);
      trouble_ = again ? status : absl::OkStatus();
      if (again) {
        queue_.push_front(std::move(next));
        mu_.AwaitWithTimeout(absl::Condition(&stopping_), retry);
        retry = std::min(2 * retry, kLastRetry);
        continue;
      }
    }
    retry = kFirstRetry;
    done_(next.work.item().work_id(), status);
  }
}

}  // namespace tunefarm::tuner
