// A queue with a clock that tests move and a record of what it asked the journal to store; and the messages
// of simulated runners and clients, short enough that a test reads as a story.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tracker/queue.h"

namespace tunefarm {

class SimulatedFarm {
 public:
  explicit SimulatedFarm(QueueOptions options = {})
      : options_(options), queue_(std::make_unique<Queue>(options)) {}

  Queue& queue() { return *queue_; }
  absl::Time now = absl::FromUnixSeconds(1'700'000'000);

  // What the journal holds, with everything the queue has said so far.
  const DurableState& stored() {
    for (const Change& change : queue_->TakeChanges()) Apply(change, stored_);
    return stored_;
  }
  // kill -9 and start again.
  void Restart() {
    stored();
    queue_ = std::make_unique<Queue>(options_);
    queue_->Restore(stored_, now);
  }
  void Pass(absl::Duration time) {
    now += time;
    queue_->Advance(now);
  }

  static v1::DeviceFacts Facts(const std::string& id, const std::vector<std::string>& features = {"avx2"}) {
    v1::DeviceFacts facts;
    facts.set_device_id(id);
    facts.set_device_class("bench");
    facts.set_architecture("x86_64");
    facts.set_boot_id("boot-1");
    facts.set_memory_bytes(1 << 30);
    for (const std::string& feature : features) facts.add_isa_features(feature);
    return facts;
  }

  static v1::SubmittedWork Item(const std::string& id, const std::vector<std::string>& features = {}) {
    v1::SubmittedWork work;
    work.mutable_item()->set_work_id(id);
    work.mutable_item()->add_kernel_digests(std::string(64, 'a'));
    for (const std::string& feature : features) work.mutable_requirements()->add_isa_features(feature);
    return work;
  }
  absl::Status Submit(const std::string& session, const std::string& user,
                      std::vector<v1::SubmittedWork> work, int priority = 0) {
    v1::SubmitRequest request;
    request.set_session_id(session);
    request.set_user(user);
    request.set_priority(priority);
    for (auto& item : work) *request.add_work() = std::move(item);
    std::vector<int> accepted;
    return queue_->Submit(request, now, &accepted);
  }
  v1::CollectResponse Collect(const std::string& session, const std::vector<std::string>& acknowledge = {}) {
    v1::CollectRequest request;
    request.set_session_id(session);
    request.set_max_results(1000);
    for (const std::string& id : acknowledge) request.add_acknowledge(id);
    return queue_->Collect(request, now);
  }
  std::string Explain(const std::string& work) {
    const auto response = queue_->Explain(work, now);
    return response.ok() ? absl::StrCat(response->state(), ": ", response->explanation())
                         : std::string(response.status().message());
  }
  v1::DeviceStatus Device(const std::string& id) {
    const v1::ListDevicesResponse devices = queue_->ListDevices(now);
    for (const auto& device : devices.devices()) {
      if (device.facts().device_id() == id) return device;
    }
    return {};
  }

 private:
  QueueOptions options_;
  std::unique_ptr<Queue> queue_;
  DurableState stored_;
};

// The runner's side of the protocol, one call at a time.
struct SimulatedRunner {
  SimulatedRunner(SimulatedFarm& in, v1::DeviceFacts with) : farm(in), facts(std::move(with)) {}
  SimulatedRunner(SimulatedFarm& in, const std::string& id) : SimulatedRunner(in, SimulatedFarm::Facts(id)) {}

  v1::SynchronizeRequest Message() {
    v1::SynchronizeRequest request;
    request.set_protocol_version(1);
    *request.mutable_device() = facts;
    request.set_incarnation(incarnation);
    request.set_sequence(++sequence);
    request.set_draining(draining);
    return request;
  }
  v1::SynchronizeRequest IdleMessage() {
    v1::SynchronizeRequest request = Message();
    request.mutable_idle();
    return request;
  }
  v1::SynchronizeRequest ExecutingMessage(const v1::LeaseToken& lease) {
    v1::SynchronizeRequest request = Message();
    *request.mutable_executing()->mutable_lease() = lease;
    return request;
  }
  v1::SynchronizeRequest CompletedMessage(const v1::LeaseToken& lease,
                                          v1::FailureKind failure = v1::FAILURE_KIND_UNSPECIFIED) {
    v1::SynchronizeRequest request = Message();
    *request.mutable_completed()->mutable_lease() = lease;
    v1::Measurement& measurement = *request.mutable_completed()->mutable_measurement();
    if (failure == v1::FAILURE_KIND_UNSPECIFIED) {
      measurement.add_kernels()->set_median_us(12.5);
    } else {
      measurement.mutable_failure()->set_kind(failure);
      measurement.mutable_failure()->set_message(v1::FailureKind_Name(failure));
    }
    return request;
  }

  absl::StatusOr<v1::SynchronizeResponse> Send(const v1::SynchronizeRequest& request) {
    return farm.queue().Synchronize(request, farm.now);
  }
  v1::SynchronizeResponse Idle() { return Send(IdleMessage()).value(); }
  v1::SynchronizeResponse Execute(const v1::LeaseToken& lease) {
    return Send(ExecutingMessage(lease)).value();
  }
  v1::SynchronizeResponse Complete(const v1::LeaseToken& lease,
                                   v1::FailureKind failure = v1::FAILURE_KIND_UNSPECIFIED) {
    return Send(CompletedMessage(lease, failure)).value();
  }
  void RestartRunner() {
    incarnation += "'";
    sequence = 0;
  }

  SimulatedFarm& farm;
  v1::DeviceFacts facts;
  std::string incarnation = "first";
  std::uint64_t sequence = 0;
  bool draining = false;
};

}  // namespace tunefarm
