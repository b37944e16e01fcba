// Sends the work of one job to whoever measures, in order, again and again until it is accepted.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "base/status.h"
#include "tuner/measurement_client.h"

namespace tunefarm::tuner {

// Worth another try later: nobody answers, the queue is full, an artifact was evicted between two calls.
bool IsPassing(const absl::Status& status);

struct OutgoingWork {
  v1::SubmittedWork work;
  std::vector<Artifact> artifacts;  // Everything it refers to.
};

// A thread. Thread safe.
class WorkSender {
 public:
  // Called from the sender's thread: OK when the work is accepted; an error when it never will be, as the
  // request itself is refused. Being unreachable or full is not an error but a wait.
  using Done = std::function<void(const std::string& work_id, const absl::Status&)>;

  // `envelope` has the session, user and priority. The client must outlive the sender.
  WorkSender(MeasurementClient& client, v1::SubmitRequest envelope, Done done);
  ~WorkSender();  // Ends after the call in progress.

  void Send(OutgoingWork work);

  // Why nothing can be sent just now; OK when it can.
  absl::Status trouble() const;

 private:
  void Run();

  MeasurementClient& client_;
  const v1::SubmitRequest envelope_;
  const Done done_;
  mutable absl::Mutex mu_;
  std::deque<OutgoingWork> queue_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status trouble_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;
};

}  // namespace tunefarm::tuner
