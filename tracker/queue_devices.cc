// The queue's part about devices: registration, facts, silence and health.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/exit_code.h"
#include "tracker/queue.h"
#include "tracker/requirements.h"

namespace tunefarm {
namespace {

// Old incarnations that are remembered to be refused. Two runners with one name are the common case.
constexpr std::size_t kSuperseded = 8;
// How often sessions are looked at for having been left behind; they live for days.
constexpr absl::Duration kForgetEvery = absl::Minutes(10);

bool SameFacts(const v1::DeviceFacts& a, const v1::DeviceFacts& b) {
  return a.SerializeAsString() == b.SerializeAsString();
}

DeviceRow RowOf(const Device& device) {
  DeviceRow row;
  row.facts = device.facts;
  row.incarnation = device.incarnation;
  row.fence = device.fence;
  row.recorded_fence = device.recorded_fence;
  if (device.lease.has_value()) {
    row.lease_work = device.lease->work_id;
    row.lease_started = device.lease->started;
  }
  row.health = device.health;
  row.completed = device.completed;
  row.failed = device.failed;
  row.last_seen = device.last_seen;
  return row;
}

}  // namespace

void Queue::RestoreDevice(const DeviceRow& row, absl::Time now) {
  Device& device = AddDevice(row.facts);
  device.incarnation = row.incarnation;
  device.fence = row.fence;
  device.recorded_fence = row.recorded_fence;
  device.health = row.health;
  device.completed = row.completed;
  device.failed = row.failed;
  device.last_seen = row.last_seen;
  if (!row.lease_work.empty()) {
    Lease lease;
    lease.work_id = row.lease_work;
    lease.fence = row.fence;
    lease.heard = now;
    // However long the tracker was down, the runner has a lease's length to come back with its result.
    lease.started = std::max(row.lease_started, now - options_.longest_attempt + options_.lease);
    const auto found = work_.find(row.lease_work);
    if (found != work_.end() && !found->second->completed && found->second->device == nullptr) {
      device.work = found->second.get();
      device.work->device = &device;
      ++device.work->session->running;
      lease.user = device.work->session->user;
      fair_share_.Readopt(lease.user);
    } else {
      lease.cancelled = true;
    }
    device.lease = lease;
  }
  SetWake(device);
}

Device& Queue::AddDevice(const v1::DeviceFacts& facts) {
  auto owned = std::make_unique<Device>();
  Device& device = *owned;
  device.facts = facts;
  device.number = ++numbers_;
  device.drained = IsDrained(facts.device_id());
  devices_.emplace(facts.device_id(), std::move(owned));
  MatchLines(device);
  return device;
}

void Queue::MatchLines(Device& device) {
  for (Line* line : device.lines) {
    line->devices.erase(std::remove(line->devices.begin(), line->devices.end(), &device),
                        line->devices.end());
  }
  device.lines.clear();
  for (const auto& [key, line] : lines_) {
    if (!UnmetRequirement(line->requirements, device.facts).empty()) continue;
    device.lines.push_back(line.get());
    line->devices.push_back(&device);
  }
}

absl::StatusOr<Device*> Queue::FindOrRegister(const v1::SynchronizeRequest& request, absl::Time now) {
  const std::string& id = request.device().device_id();
  const auto found = devices_.find(id);
  if (found == devices_.end()) {
    if (devices_.size() >= options_.max_devices) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the tracker already knows ", devices_.size(), " devices; ", id, " is one too many"));
    }
    Device& device = AddDevice(request.device());
    device.incarnation = request.incarnation();
    MarkDirty(device);
    events_.push_back(absl::StrCat("device ", id, " (", device.facts.cpu_model(), ") registered"));
    return &device;
  }
  Device& device = *found->second;
  if (device.incarnation != request.incarnation()) {
    const auto& old = device.superseded;
    if (std::find(old.begin(), old.end(), request.incarnation()) != old.end()) {
      return absl::AlreadyExistsError(absl::StrCat("another runner, started later, has registered as ", id,
                                                   ": give each runner its own --device-id"));
    }
    if (device.lease.has_value()) {
      const bool rebooted = device.facts.boot_id() != request.device().boot_id();
      LoseLease(device, v1::FAILURE_KIND_DEVICE_LOST,
                absl::StrCat(rebooted ? "the device rebooted" : "the runner was restarted",
                             " during the measurement"),
                now);
    }
    device.superseded.push_back(device.incarnation);
    if (device.superseded.size() > kSuperseded) device.superseded.erase(device.superseded.begin());
    device.incarnation = request.incarnation();
    device.sequence = 0;
    MarkDirty(device);
  }
  if (request.sequence() < device.sequence) {
    return WithExitCode(absl::AbortedError(absl::StrCat("call ", request.sequence(), " of runner ", id,
                                                        " came after its call ", device.sequence,
                                                        ": a replayed message is refused")),
                        ExitCode::kReplayed);
  }
  if (!SameFacts(device.facts, request.device())) {
    device.facts = request.device();
    EligibilityChanged(device);
    MatchLines(device);
    EligibilityChanged(device);
    MarkDirty(device);
  }
  return &device;
}

void Queue::EligibilityChanged(Device& device) {
  for (Line* line : device.lines) {
    if (line->waiting > 0) lines_to_dispatch_.insert(line);
  }
}

void Queue::SetWake(Device& device) {
  absl::Time wake = absl::InfiniteFuture();
  if (device.lease.has_value()) wake = LeaseEnd(*device.lease, options_.lease, options_.longest_attempt);
  if (device.online && device.parked == 0) wake = std::min(wake, device.last_seen + options_.lease);
  if (device.health.state == v1::DEVICE_HEALTH_QUARANTINED)
    wake = std::min(wake, device.health.quarantined_until);
  if (!device.online && !device.lease.has_value())
    wake = std::min(wake, device.last_seen + options_.forget_after);
  if (wake == device.wake) return;
  wakes_.erase({device.wake, device.number});
  device.wake = wake;
  if (wake != absl::InfiniteFuture()) wakes_.emplace(std::make_pair(wake, device.number), &device);
}

void Queue::TimePasses(Device& device, absl::Time now) {
  if (device.lease.has_value() && now >= LeaseEnd(*device.lease, options_.lease, options_.longest_attempt)) {
    const bool silent = now >= device.lease->heard + options_.lease;
    LoseLease(device, v1::FAILURE_KIND_DEVICE_LOST,
              silent ? absl::StrCat("no word from the runner for ", absl::FormatDuration(options_.lease))
                     : absl::StrCat("the attempt took longer than ",
                                    absl::FormatDuration(options_.longest_attempt)),
              now);
  }
  if (device.online && device.parked == 0 && now >= device.last_seen + options_.lease) {
    device.online = false;
    events_.push_back(absl::StrCat("device ", device.id(), " is offline"));
    EligibilityChanged(device);
    MarkDirty(device);
  }
  if (PassTime(device.health, now)) {
    events_.push_back(absl::StrCat("device ", device.id(), " is on probation"));
    EligibilityChanged(device);
    MarkDirty(device);
  }
  if (!device.online && !device.lease.has_value() && now >= device.last_seen + options_.forget_after) {
    ForgetDevice(device);
    return;
  }
  SetWake(device);
}

void Queue::ForgetDevice(Device& device) {
  for (Line* line : device.lines) {
    line->devices.erase(std::remove(line->devices.begin(), line->devices.end(), &device),
                        line->devices.end());
  }
  wakes_.erase({device.wake, device.number});
  dirty_.erase(device.number);
  changes_.push_back(DropDevice{device.id()});
  devices_.erase(std::string(device.id()));
}

void Queue::Advance(absl::Time now) {
  while (!wakes_.empty() && wakes_.begin()->first.first <= now) TimePasses(*wakes_.begin()->second, now);
  if (now >= next_forgetting_) {
    next_forgetting_ = now + kForgetEvery;
    ForgetIdleSessions(now);
  }
  Dispatch(now);
}

absl::Time Queue::NextEvent() const {
  return wakes_.empty() ? absl::InfiniteFuture() : wakes_.begin()->first.first;
}

void Queue::Park(const std::string& device_id) {
  Device& device = *devices_.at(device_id);
  device.parked = ++parkings_;
  parked_.emplace(device.parked, &device);
  SetWake(device);
}

void Queue::Unpark(const std::string& device_id, absl::Time now) {
  const auto found = devices_.find(device_id);
  if (found == devices_.end() || found->second->parked == 0) return;
  Device& device = *found->second;
  parked_.erase(device.parked);
  device.parked = 0;
  device.last_seen = now;
  SetWake(device);
}

Changes Queue::TakeChanges() {
  for (const auto& [number, device] : dirty_) changes_.push_back(PutDevice{RowOf(*device)});
  dirty_.clear();
  return std::exchange(changes_, {});
}

}  // namespace tunefarm
