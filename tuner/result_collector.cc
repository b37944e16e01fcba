#include "tuner/result_collector.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"

namespace tunefarm::tuner {
namespace {

// How long a question may be held: the longest that stopping takes.
constexpr uint32_t kMaxWaitMs = 500;
// Results that are handed out and not acknowledged come again at once, so the next question waits this long
// for them to be stored. Storing takes some milliseconds; what is kept longer waits for its kernel to be
// built again.
constexpr absl::Duration kStoreWait = absl::Milliseconds(100);
constexpr absl::Duration kRetry = absl::Seconds(1);
constexpr absl::Duration kDevicesOften = absl::Seconds(1);
constexpr absl::Duration kDevicesSeldom = absl::Seconds(5);

}  // namespace

ResultCollector::ResultCollector(MeasurementClient& client, std::string session_id,
                                 std::function<uint64_t()> counter, OnUpdate on_update, OnDevices on_devices)
    : client_(client),
      session_id_(std::move(session_id)),
      counter_(std::move(counter)),
      on_update_(std::move(on_update)),
      on_devices_(std::move(on_devices)),
      thread_([this] { Run(); }) {}

ResultCollector::~ResultCollector() {
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
  }
  thread_.join();
  if (!answering_) return;
  absl::MutexLock lock(&mu_);
  v1::CollectRequest last = NextQuestion();
  last.set_max_wait_ms(0);
  if (last.acknowledge_size() > 0) client_.Collect(last).status().IgnoreError();
}

v1::CollectRequest ResultCollector::NextQuestion() {
  v1::CollectRequest request;
  request.set_session_id(session_id_);
  request.set_max_wait_ms(kMaxWaitMs);
  for (std::string& id : acknowledged_) {
    handed_out_.erase(id);
    *request.add_acknowledge() = std::move(id);
  }
  acknowledged_.clear();
  return request;
}

void ResultCollector::Acknowledge(std::vector<std::string> work_ids) {
  absl::MutexLock lock(&mu_);
  for (std::string& id : work_ids) acknowledged_.push_back(std::move(id));
}

void ResultCollector::WantDevices(bool want) {
  absl::MutexLock lock(&mu_);
  want_devices_ = want;
}

bool ResultCollector::AskDevices(absl::Time now) {
  {
    absl::MutexLock lock(&mu_);
    if (now - devices_at_ < (want_devices_ ? kDevicesOften : kDevicesSeldom)) return true;
  }
  const absl::StatusOr<v1::ListDevicesResponse> devices = client_.ListDevices();
  if (!devices.ok()) {
    on_update_({.trouble = devices.status()});
    return false;
  }
  devices_at_ = now;
  on_devices_(*devices);
  return true;
}

void ResultCollector::Run() {
  const auto stored = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return stopping_ || acknowledged_.size() >= handed_out_.size();
  };
  for (;;) {
    v1::CollectRequest request;
    {
      absl::MutexLock lock(&mu_);
      mu_.AwaitWithTimeout(absl::Condition(&stored), kStoreWait);
      if (stopping_) return;
      request = NextQuestion();
    }
    Update update;
    update.asked_at = counter_();
    absl::StatusOr<v1::CollectResponse> response = absl::UnavailableError("");
    if (AskDevices(absl::Now())) {
      response = client_.Collect(request);
      if (!response.ok()) on_update_({.trouble = response.status()});
    }
    answering_ = response.ok();
    absl::MutexLock lock(&mu_);
    if (!response.ok()) {  // The acknowledgements did not arrive, or may not have: again.
      for (std::string& id : *request.mutable_acknowledge()) {
        handed_out_.insert(id);
        acknowledged_.push_back(std::move(id));
      }
      mu_.AwaitWithTimeout(absl::Condition(&stopping_), kRetry);
      continue;
    }
    update.pending = response->pending();
    update.waiting_for = response->waiting_for();
    for (v1::WorkResult& result : *response->mutable_results()) {
      if (handed_out_.insert(result.work_id()).second) update.results.push_back(std::move(result));
    }
    mu_.Unlock();
    on_update_(std::move(update));
    mu_.Lock();
  }
}

}  // namespace tunefarm::tuner
