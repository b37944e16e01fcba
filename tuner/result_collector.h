// Fetches the results of one job as they complete, and tells what devices there are.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/status.h"
#include "tuner/measurement_client.h"

namespace tunefarm::tuner {

// A thread. Thread safe.
class ResultCollector {
 public:
  struct Update {
    std::vector<v1::WorkResult>
        results;            // Each is handed out once, and kept by the other side until acknowledged.
    uint32_t pending = 0;   // Work of the job that the other side still has to do.
    uint64_t asked_at = 0;  // The value of the counter (below) when the other side was asked.
    std::string waiting_for;
    absl::Status trouble;  // Not OK: nobody answered; the rest is empty.
  };
  using OnUpdate = std::function<void(Update)>;
  using OnDevices = std::function<void(const v1::ListDevicesResponse&)>;

  // The functions are called from the collector's thread. `counter` is read before each question: by
  // comparing it, the owner knows which of its submissions an answer can know of.
  ResultCollector(MeasurementClient& client, std::string session_id, std::function<uint64_t()> counter,
                  OnUpdate on_update, OnDevices on_devices);
  // Ends after the call in progress, within about half a second, having passed on the last acknowledgements
  // if it can.
  ~ResultCollector();

  // The results are safely stored.
  void Acknowledge(std::vector<std::string> work_ids);
  // Asks more often what devices there are, while the job needs one to begin.
  void WantDevices(bool want);

 private:
  void Run();
  bool AskDevices(absl::Time now);
  v1::CollectRequest NextQuestion() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  MeasurementClient& client_;
  const std::string session_id_;
  const std::function<uint64_t()> counter_;
  const OnUpdate on_update_;
  const OnDevices on_devices_;
  absl::Time devices_at_ = absl::InfinitePast();  // Of the collector's thread.
  bool answering_ = false;                        // Likewise: the last question had an answer.
  absl::Mutex mu_;
  std::vector<std::string> acknowledged_ ABSL_GUARDED_BY(mu_);
  std::set<std::string> handed_out_ ABSL_GUARDED_BY(mu_);  // And not yet acknowledged.
  bool want_devices_ ABSL_GUARDED_BY(mu_) = true;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace tunefarm::tuner
