// A tracker and its devices in memory: keeps its promises (accepted work ends once, results stay until
// acknowledged) and measures without delay. Tests let it lose its connection, its state, or its devices.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "tuner/measurement_client.h"
#include "tuner/work_id.h"

namespace tunefarm::tuner {

// Thread safe.
class FakeFarm : public MeasurementClient {
 public:
  FakeFarm() {
    facts_.set_device_id("board-1");
    facts_.set_device_class("test-class");
    facts_.set_kind("native");
    facts_.set_architecture("x86_64");
    for (const char* feature : {"sse4_2", "avx", "avx2", "fma", "popcnt", "bmi1", "bmi2", "f16c"}) {
      facts_.add_isa_features(feature);
    }
  }

  absl::Status Submit(const v1::SubmitRequest& request, const std::vector<Artifact>& artifacts) override {
    absl::MutexLock lock(&mu_);
    if (down_) return absl::UnavailableError("the fake tracker is down");
    for (const Artifact& artifact : artifacts) artifacts_.insert(artifact.digest);
    for (const v1::SubmittedWork& work : request.work()) {
      const v1::WorkItem& item = work.item();
      if (!known_.insert(item.work_id()).second) continue;
      for (const std::string& digest : item.kernel_digests()) {
        if (!artifacts_.contains(digest)) return absl::FailedPreconditionError("missing artifact");
      }
      users_[request.user()].push_back(item.work_id());
      waiting_.push_back(work);
      sessions_[item.work_id()] = request.session_id();
    }
    Measure();
    return absl::OkStatus();
  }

  absl::StatusOr<v1::CollectResponse> Collect(const v1::CollectRequest& request) override {
    absl::MutexLock lock(&mu_);
    const auto something = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
      return down_ || std::any_of(results_.begin(), results_.end(),
                                  [&](const auto& r) { return sessions_[r.first] == request.session_id(); });
    };
    if (down_) return absl::UnavailableError("the fake tracker is down");
    for (const std::string& id : request.acknowledge()) results_.erase(id);
    mu_.AwaitWithTimeout(absl::Condition(&something),
                         absl::Milliseconds(std::min(request.max_wait_ms(), 20u)));
    if (down_) return absl::UnavailableError("the fake tracker is down");
    v1::CollectResponse response;
    for (const auto& [id, result] : results_) {
      if (sessions_[id] == request.session_id()) *response.add_results() = result;
    }
    for (const v1::SubmittedWork& work : waiting_) {
      if (sessions_[work.item().work_id()] == request.session_id())
        response.set_pending(response.pending() + 1);
    }
    if (response.pending() > 0) response.set_waiting_for("the fake devices are held");
    return response;
  }

  absl::Status Cancel(const v1::CancelRequest& request) override {
    absl::MutexLock lock(&mu_);
    if (down_) return absl::UnavailableError("the fake tracker is down");
    std::vector<v1::SubmittedWork> left;
    for (v1::SubmittedWork& work : waiting_) {
      const std::string& id = work.item().work_id();
      if (sessions_[id] != request.session_id()) {
        left.push_back(std::move(work));
        continue;
      }
      v1::WorkResult result;
      result.set_work_id(id);
      result.mutable_measurement()->mutable_failure()->set_kind(v1::FAILURE_KIND_CANCELLED);
      results_[id] = result;
    }
    waiting_ = std::move(left);
    return absl::OkStatus();
  }

  absl::StatusOr<v1::ListDevicesResponse> ListDevices() override {
    absl::MutexLock lock(&mu_);
    if (down_) return absl::UnavailableError("the fake tracker is down");
    v1::ListDevicesResponse response;
    if (!has_device_) return response;
    v1::DeviceStatus* device = response.add_devices();
    *device->mutable_facts() = facts_;
    device->set_online(true);
    return response;
  }

  void set_down(bool down) {
    absl::MutexLock lock(&mu_);
    down_ = down;
  }
  void set_has_device(bool has) {
    absl::MutexLock lock(&mu_);
    has_device_ = has;
  }
  // While held, accepted work waits. Releasing measures it.
  void set_held(bool held) {
    absl::MutexLock lock(&mu_);
    held_ = held;
    Measure();
  }
  void LoseState() {
    absl::MutexLock lock(&mu_);
    known_.clear();
    results_.clear();
    waiting_.clear();
    artifacts_.clear();
  }
  // How often each piece of work was measured.
  std::map<std::string, int> measured() const {
    absl::MutexLock lock(&mu_);
    return measured_;
  }
  std::size_t waiting() const {
    absl::MutexLock lock(&mu_);
    return waiting_.size();
  }
  // Returns when `n` pieces of work wait.
  void AwaitWaiting(std::size_t n) {
    const auto enough = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return waiting_.size() >= n; };
    absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(&enough));
  }
  void AwaitMeasured(std::size_t n) {
    const auto enough = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return measured_.size() >= n; };
    absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(&enough));
  }

 private:
  // A kernel's time is a function of its digest; the interleaved samples repeat it.
  static double TimeUs(const std::string& digest) {
    return 100 + std::stoul(digest.substr(0, 4), nullptr, 16) % 1000;
  }

  void Measure() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (held_) return;
    for (const v1::SubmittedWork& work : waiting_) {
      v1::WorkResult result;
      result.set_work_id(work.item().work_id());
      v1::Measurement* measurement = result.mutable_measurement();
      for (const std::string& digest : work.item().kernel_digests()) {
        v1::KernelResult* kernel = measurement->add_kernels();
        kernel->set_median_us(TimeUs(digest));
        kernel->set_low_us(TimeUs(digest) * 0.99);
        kernel->set_high_us(TimeUs(digest) * 1.01);
        for (int i = 0; i < 20; ++i) kernel->add_samples_us(TimeUs(digest));
      }
      measurement->set_busy_us(1000);
      measurement->mutable_environment()->set_device_id(facts_.device_id());
      measurement->mutable_environment()->set_device_class(facts_.device_class());
      ++measured_[result.work_id()];
      results_[result.work_id()] = result;
    }
    waiting_.clear();
  }

  mutable absl::Mutex mu_;
  v1::DeviceFacts facts_;
  bool down_ ABSL_GUARDED_BY(mu_) = false;
  bool held_ ABSL_GUARDED_BY(mu_) = false;
  bool has_device_ ABSL_GUARDED_BY(mu_) = true;
  std::set<std::string> artifacts_ ABSL_GUARDED_BY(mu_);
  std::set<std::string> known_ ABSL_GUARDED_BY(mu_);
  std::vector<v1::SubmittedWork> waiting_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, v1::WorkResult> results_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, std::string> sessions_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, std::vector<std::string>> users_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, int> measured_ ABSL_GUARDED_BY(mu_);
};

}  // namespace tunefarm::tuner
