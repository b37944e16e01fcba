// The queue's part about leases: granting, renewing, ending, and what an attempt's outcome leads to.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tracker/queue.h"
#include "tracker/verdict.h"

namespace tunefarm {
namespace {

// A runner that was told to execute so often and still calls itself idle does not do it. Lost responses
// alone: with one in five lost, once in 3000 grants.
constexpr int kMaxHandOuts = 5;

bool Names(const v1::LeaseToken& token, const Lease& lease) {
  return token.fence() == lease.fence && token.work_id() == lease.work_id;
}

std::uint32_t Milliseconds(absl::Duration duration) {
  return static_cast<std::uint32_t>(absl::ToInt64Milliseconds(duration));
}

}  // namespace

absl::StatusOr<v1::SynchronizeResponse> Queue::Synchronize(const v1::SynchronizeRequest& request,
                                                           absl::Time now) {
  Advance(now);
  TUNEFARM_ASSIGN_OR_RETURN(Device * found, FindOrRegister(request, now));
  Device& device = *found;
  Unpark(device.id(), now);
  device.sequence = request.sequence();
  device.last_seen = now;
  if (!device.online || device.asked_to_drain != request.draining()) {
    device.online = true;
    device.asked_to_drain = request.draining();
    EligibilityChanged(device);
  }

  v1::SynchronizeResponse response;
  response.set_next_call_in_ms(Milliseconds(Heartbeat()));
  bool abandon = false;
  if (request.has_executing()) {
    const v1::LeaseToken& token = request.executing().lease();
    if (device.lease.has_value() && Names(token, *device.lease)) {
      device.lease->heard = now;
      device.lease->phase = request.executing().phase();
      abandon = device.lease->cancelled;
      if (!abandon) response.mutable_keep_going();
    } else {
      abandon = true;
    }
  } else {
    if (request.has_completed()) {
      const bool recorded = RecordCompletion(device, request.completed(), now);
      response.set_completion_recorded(recorded);
      abandon = !recorded;
    } else if (device.lease.has_value()) {
      HandOutAgain(device, now);
    }
    if (!abandon && !device.lease.has_value()) Grant(device, now);
    if (!abandon && device.lease.has_value()) {
      FillExecute(device, response);
    } else if (!abandon) {
      response.mutable_be_idle();
    }
  }
  if (abandon) {
    response.mutable_abandon();
    response.set_next_call_in_ms(1);  // The device has nothing else to do.
  }
  SetWake(device);
  Advance(now);
  return response;
}

// An idle call of a device that holds a lease: the response that granted it was lost.
void Queue::HandOutAgain(Device& device, absl::Time now) {
  if (device.lease->cancelled) {
    EndLease(device, now);
  } else if (device.lease->handed_out >= kMaxHandOuts) {
    LoseLease(device, v1::FAILURE_KIND_INTERNAL,
              absl::StrCat("the runner was given the work ", kMaxHandOuts, " times and did not start it"),
              now);
  } else {
    ++device.lease->handed_out;
    device.lease->heard = now;
  }
}

bool Queue::Grant(Device& device, absl::Time now) {
  if (device.lease.has_value() || !IsEligible(device)) return false;
  Work* work = ChooseFor(device, fair_share_);
  if (work == nullptr) return false;
  Dequeue(*work);
  fair_share_.Grant(work->session->user);
  ++work->session->running;
  work->device = &device;
  device.work = work;
  device.fence = NextFence(device.fence, now);
  Lease lease;
  lease.work_id = work->id;
  lease.user = work->session->user;
  lease.fence = device.fence;
  lease.started = now;
  lease.heard = now;
  device.lease = lease;
  MarkDirty(device);
  SetWake(device);
  return true;
}

void Queue::FillExecute(const Device& device, v1::SynchronizeResponse& response) const {
  v1::SubmittedWork submitted;
  submitted.ParseFromString(*device.work->submitted);
  v1::SynchronizeResponse::Execute& execute = *response.mutable_execute();
  execute.mutable_lease()->set_work_id(device.lease->work_id);
  execute.mutable_lease()->set_fence(device.lease->fence);
  execute.set_lease_ms(Milliseconds(options_.lease));
  *execute.mutable_work() = std::move(*submitted.mutable_item());
}

void Queue::EndLease(Device& device, absl::Time now) {
  if (!device.lease->user.empty()) fair_share_.Finish(device.lease->user, now - device.lease->started);
  device.busy.Add(device.lease->started, now);
  if (device.work != nullptr) {
    --device.work->session->running;
    device.work->device = nullptr;
    device.work = nullptr;
  }
  device.lease.reset();
  MarkDirty(device);
  SetWake(device);
}

bool Queue::RecordCompletion(Device& device, const v1::SynchronizeRequest::Completed& completed,
                             absl::Time now) {
  if (!device.lease.has_value() || !Names(completed.lease(), *device.lease)) {
    return completed.lease().fence() != 0 && completed.lease().fence() == device.recorded_fence;
  }
  if (device.lease->cancelled) {
    EndLease(device, now);
    return false;
  }
  v1::SubmittedWork submitted;
  submitted.ParseFromString(*device.work->submitted);
  v1::Measurement measurement = completed.measurement();
  measurement.mutable_environment()->set_device_id(device.id());
  const v1::Failure unsound = CheckMeasurement(measurement, submitted.item().kernel_digests_size());
  if (unsound.kind() != v1::FAILURE_KIND_UNSPECIFIED) *measurement.mutable_failure() = unsound;

  device.recorded_fence = device.lease->fence;
  ++device.completed;
  const v1::Failure& failure = measurement.failure();
  if (IsInfrastructureFailure(failure.kind())) {
    ++device.failed;
    if (failure.kind() != v1::FAILURE_KIND_CANCELLED) BlameDevice(device, failure, now);
    FailAttempt(device, std::move(measurement), now);
    return true;
  }
  const v1::DeviceHealth before = device.health.state;
  RecordSuccess(device.health);
  if (device.health.state != before) EligibilityChanged(device);
  Work& work = *device.work;
  v1::Attempt attempt;
  attempt.set_device_id(device.id());
  attempt.set_started_unix_us(absl::ToUnixMicros(device.lease->started));
  *attempt.mutable_failure() = failure;
  work.attempts.push_back(std::move(attempt));
  EndLease(device, now);
  Complete(work, measurement);
  return true;
}

void Queue::BlameDevice(Device& device, const v1::Failure& failure, absl::Time now) {
  RecordInfrastructureFailure(device.health, device.lease->work_id, failure, now);
  events_.push_back(
      absl::StrCat("work ", device.lease->work_id, " failed on ", device.id(), ": ", failure.message()));
  if (!IsUsable(device.health)) {
    events_.push_back(absl::StrCat("device ", device.id(), " is quarantined for ",
                                   absl::FormatDuration(device.health.quarantined_until - now)));
  }
  EligibilityChanged(device);
}

void Queue::LoseLease(Device& device, v1::FailureKind kind, const std::string& message, absl::Time now) {
  v1::Measurement measurement;
  measurement.mutable_failure()->set_kind(kind);
  measurement.mutable_failure()->set_message(message);
  measurement.mutable_environment()->set_device_id(device.id());
  measurement.mutable_environment()->set_device_class(device.facts.device_class());
  measurement.set_started_unix_us(absl::ToUnixMicros(device.lease->started));
  ++device.completed;
  ++device.failed;
  BlameDevice(device, measurement.failure(), now);
  if (device.lease->cancelled) {
    EndLease(device, now);
  } else {
    FailAttempt(device, std::move(measurement), now);
  }
}

void Queue::FailAttempt(Device& device, v1::Measurement measurement, absl::Time now) {
  Work& work = *device.work;
  v1::Attempt attempt;
  attempt.set_device_id(device.id());
  attempt.set_started_unix_us(absl::ToUnixMicros(device.lease->started));
  *attempt.mutable_failure() = measurement.failure();
  work.attempts.push_back(std::move(attempt));
  const bool retry = ShouldRetry(work.attempts);
  if (retry)
    fair_share_.AddWaiting(work.session->user);  // Before the lease ends: the user has not become idle.
  EndLease(device, now);
  if (!retry) {
    *measurement.mutable_failure() = FinalFailure(work.attempts);
    events_.push_back(absl::StrCat("work ", work.id, " is given up: ", measurement.failure().message()));
    measurement.clear_kernels();
    Complete(work, measurement);
    return;
  }
  v1::WorkResult so_far;
  so_far.set_work_id(work.id);
  for (const v1::Attempt& each : work.attempts) *so_far.add_attempts() = each;
  work.result = std::make_shared<const std::string>(so_far.SerializeAsString());
  changes_.push_back(UpdateWork{work.id, false, work.result});
  Enqueue(work);
  lines_to_dispatch_.insert(work.line);
}

void Queue::Dispatch(absl::Time now) {
  if (lines_to_dispatch_.empty()) return;
  const auto concerns = [&](const Device& device) {
    return std::any_of(device.lines.begin(), device.lines.end(),
                       [&](Line* line) { return line->waiting > 0 && lines_to_dispatch_.contains(line); });
  };
  std::size_t waiting = 0;
  for (const Line* line : lines_to_dispatch_) waiting += line->waiting;
  // Devices in good health first; among equals the one that has been idle longest.
  for (const bool good : {true, false}) {
    for (auto next = parked_.begin(); next != parked_.end() && waiting > 0;) {
      Device& device = *next->second;
      ++next;
      if ((device.health.state == v1::DEVICE_HEALTH_GOOD) != good || !concerns(device)) continue;
      if (!Grant(device, now)) continue;
      --waiting;
      parked_.erase(device.parked);
      device.parked = 0;
      device.last_seen = now;
      SetWake(device);
      v1::SynchronizeResponse response;
      response.set_next_call_in_ms(Milliseconds(Heartbeat()));
      FillExecute(device, response);
      grants_.emplace_back(device.id(), std::move(response));
    }
  }
  lines_to_dispatch_.clear();
}

std::vector<std::pair<std::string, v1::SynchronizeResponse>> Queue::TakeGrants() {
  return std::exchange(grants_, {});
}

}  // namespace tunefarm
