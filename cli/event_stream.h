// The events of a job as they come, over restarts of the daemon.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/status.h"
#include "cli/tuner_client.h"

namespace tunefarm::cli {

// A thread of its own reads WatchJob; when the daemon goes away, it asks again from the last event on, until
// `patience` has passed without a connection.
class EventStream {
 public:
  // `client` must outlive the stream.
  EventStream(TunerClient* client, std::string job_id, uint64_t after_sequence, absl::Duration patience);
  ~EventStream();  // Ends the call.
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;

  // The next event; nullopt after `timeout` without one, and when the stream has ended.
  std::optional<v1::JobEvent> Next(absl::Duration timeout);
  // Absent while the stream runs. OK: the daemon ended it, because the job has ended.
  std::optional<absl::Status> ended();

 private:
  void Read();

  TunerClient* const client_;
  const std::string job_id_;
  const absl::Duration patience_;
  absl::Mutex mu_;
  uint64_t after_sequence_;  // Of the reader thread alone.
  std::deque<v1::JobEvent> queue_ ABSL_GUARDED_BY(mu_);
  std::optional<absl::Status> ended_ ABSL_GUARDED_BY(mu_);
  bool stop_ ABSL_GUARDED_BY(mu_) = false;
  std::shared_ptr<grpc::ClientContext> call_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;
};

}  // namespace tunefarm::cli
