#include "cli/event_stream.h"

#include <utility>

#include "absl/time/clock.h"

namespace tunefarm::cli {
namespace {

// Between two attempts to reach a daemon that went away: its restart takes about that long.
constexpr absl::Duration kRetryInterval = absl::Milliseconds(250);

bool DaemonIsAway(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE ||
         status.error_code() == grpc::StatusCode::CANCELLED;
}

}  // namespace

EventStream::EventStream(TunerClient* client, std::string job_id, uint64_t after_sequence,
                         absl::Duration patience)
    : client_(client),
      job_id_(std::move(job_id)),
      patience_(patience),
      after_sequence_(after_sequence),
      thread_([this] { Read(); }) {}

EventStream::~EventStream() {
  {
    absl::MutexLock lock(&mu_);
    stop_ = true;
    if (call_ != nullptr) call_->TryCancel();
  }
  thread_.join();
}

void EventStream::Read() {
  absl::Time last_contact = absl::Now();
  bool job_ended = false;  // As of all that came, over any number of calls.
  for (;;) {
    auto call = std::make_shared<grpc::ClientContext>();
    {
      absl::MutexLock lock(&mu_);
      if (stop_) return;
      call_ = call;
    }
    v1::WatchJobRequest request;
    request.set_job_id(job_id_);
    request.set_after_sequence(after_sequence_);
    const auto reader = client_->stub().WatchJob(call.get(), request);
    v1::JobEvent event;
    while (reader->Read(&event)) {
      last_contact = absl::Now();
      if (event.sequence() > 0) after_sequence_ = event.sequence();
      // A stored event behind an end is of a job that was resumed; a live one (sequence 0) was overtaken by
      // the end.
      if (job_ended && event.sequence() == 0) continue;
      job_ended = event.has_done();
      absl::MutexLock lock(&mu_);
      queue_.push_back(std::move(event));
    }
    const grpc::Status status = reader->Finish();
    absl::MutexLock lock(&mu_);
    if (stop_) return;
    // A daemon that is told to stop ends its streams in order, too: without the job's last event, the job
    // goes on.
    const bool again = DaemonIsAway(status) || (status.ok() && !job_ended);
    if (!again || absl::Now() - last_contact > patience_) {
      ended_ = status.ok() && !job_ended ? absl::UnavailableError(absl::StrCat(
                                               "the tunefarmd at ", client_->address(),
                                               " ended the events of ", job_id_, " before the job was done"))
                                         : FromGrpc(status);
      return;
    }
    mu_.AwaitWithTimeout(absl::Condition(&stop_), kRetryInterval);
    if (stop_) return;
  }
}

std::optional<v1::JobEvent> EventStream::Next(absl::Duration timeout) {
  absl::MutexLock lock(&mu_);
  const auto something = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return !queue_.empty() || ended_.has_value();
  };
  mu_.AwaitWithTimeout(absl::Condition(&something), timeout);
  if (queue_.empty()) return std::nullopt;
  v1::JobEvent event = std::move(queue_.front());
  queue_.pop_front();
  return event;
}

std::optional<absl::Status> EventStream::ended() {
  absl::MutexLock lock(&mu_);
  return queue_.empty() ? ended_ : std::nullopt;
}

}  // namespace tunefarm::cli
