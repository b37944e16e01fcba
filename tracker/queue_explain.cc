// The queue's answers to people: what is where, and why work waits, moved or failed.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tracker/queue.h"
#include "tracker/requirements.h"

namespace tunefarm {
namespace {

// Names in one sentence; more would not be read.
constexpr std::size_t kNamesShown = 8;

std::string Names(std::vector<std::string> names) {
  const std::size_t total = names.size();
  if (total > kNamesShown) names.resize(kNamesShown);
  std::string text = absl::StrJoin(names, ", ");
  if (total > kNamesShown) absl::StrAppend(&text, " and ", total - kNamesShown, " more");
  return text;
}

std::string HealthName(v1::DeviceHealth health) {
  switch (health) {
    case v1::DEVICE_HEALTH_SUSPECT:
      return "suspect";
    case v1::DEVICE_HEALTH_QUARANTINED:
      return "quarantined";
    case v1::DEVICE_HEALTH_PROBATION:
      return "on probation";
    default:
      return "good";
  }
}

std::string Moves(const std::vector<v1::Attempt>& attempts) {
  if (attempts.empty()) return "";
  return absl::StrCat(
      "; before: ", absl::StrJoin(attempts, ", ", [](std::string* out, const v1::Attempt& attempt) {
        absl::StrAppend(out, "failed on ", attempt.device_id(), " (", attempt.failure().message(), ")");
      }));
}

}  // namespace

std::string Queue::WhyWaiting(const Work& work, absl::Time now) const {
  std::vector<std::string> offline, draining, quarantined;
  std::vector<const Device*> eligible;
  for (const Device* device : work.line->devices) {
    if (!device->online) {
      offline.push_back(device->id());
    } else if (device->drained || device->asked_to_drain) {
      draining.push_back(device->id());
    } else if (!IsUsable(device->health)) {
      const auto left =
          std::max(absl::Seconds(1), absl::Ceil(device->health.quarantined_until - now, absl::Seconds(1)));
      quarantined.push_back(absl::StrCat(device->id(), " for ", absl::FormatDuration(left), " more (",
                                         device->health.reason, ")"));
    } else {
      eligible.push_back(device);
    }
  }
  if (!eligible.empty()) return WhyNotFree(work, eligible);
  std::vector<std::string> causes;
  if (!quarantined.empty()) causes.push_back(absl::StrCat("quarantined: ", Names(quarantined)));
  if (!draining.empty()) causes.push_back(absl::StrCat("draining: ", Names(draining)));
  if (!offline.empty()) causes.push_back(absl::StrCat("offline: ", Names(offline)));
  if (!causes.empty()) {
    return absl::StrCat("no device that can run this is available; ", absl::StrJoin(causes, "; "));
  }
  return absl::StrCat("no device has what this needs (", DescribeRequirements(work.line->requirements), "); ",
                      WhatDevicesLack(work));
}

std::string Queue::WhatDevicesLack(const Work& work) const {
  std::map<std::string, std::vector<std::string>> lacking;
  for (const auto& [id, device] : devices_) {
    if (device->online) lacking[UnmetRequirement(work.line->requirements, device->facts)].push_back(id);
  }
  if (lacking.empty()) return "no device is online";
  return absl::StrCat("online devices: ",
                      absl::StrJoin(lacking, "; ", [](std::string* out, const auto& entry) {
                        absl::StrAppend(out, Names(entry.second), " ", entry.first);
                      }));
}

std::string Queue::WhyNotFree(const Work& work, const std::vector<const Device*>& eligible) const {
  std::map<std::string, std::size_t> holders;
  std::size_t busy = 0;
  for (const Device* device : eligible) {
    if (!device->lease.has_value()) continue;
    ++busy;
    ++holders[device->lease->user];
  }
  std::size_t before = 0;
  for (const auto& [number, other] : work.session->open) {
    if (number < work.number && other->device == nullptr) ++before;
  }
  const std::string position =
      before == 0 ? "next of its session" : absl::StrCat(before, " pieces of its session are before it");
  if (busy < eligible.size()) {
    return absl::StrCat("a matching device is free and expected to call within seconds (", position, ")");
  }
  return absl::StrCat(busy == 1 ? "the one matching device is busy"
                                : absl::StrCat("all ", busy, " matching devices are busy"),
                      " with user ",
                      absl::StrJoin(holders, ", ",
                                    [](std::string* out, const auto& holder) {
                                      absl::StrAppend(out, holder.first.empty() ? "?" : holder.first);
                                    }),
                      " (", position, ")");
}

absl::StatusOr<v1::ExplainResponse> Queue::Explain(const std::string& work_id, absl::Time now) const {
  v1::ExplainResponse response;
  const auto found = work_.find(work_id);
  if (found == work_.end()) {
    for (const auto& [id, device] : devices_) {
      if (!device->lease.has_value() || !device->lease->cancelled || device->lease->work_id != work_id)
        continue;
      response.set_state("cancelled");
      response.set_explanation(absl::StrCat("cancelled; ", id, " is being told to stop it"));
      return response;
    }
    return absl::NotFoundError(absl::StrCat("no work ", work_id,
                                            ": it was never submitted, or it was cancelled, or its "
                                            "result was collected and acknowledged"));
  }
  const Work& work = *found->second;
  if (work.completed) {
    v1::WorkResult result;
    result.ParseFromString(*work.result);
    *response.mutable_attempts() = result.attempts();
    response.set_state("completed");
    const v1::Failure& failure = result.measurement().failure();
    response.set_explanation(failure.kind() == v1::FAILURE_KIND_UNSPECIFIED
                                 ? absl::StrCat("measured on ",
                                                result.measurement().environment().device_id(),
                                                ", not collected yet")
                                 : absl::StrCat("failed: ", failure.message()));
    return response;
  }
  for (const v1::Attempt& attempt : work.attempts) *response.add_attempts() = attempt;
  if (work.device != nullptr) {
    response.set_state("running");
    response.set_explanation(absl::StrCat(
        "on ", work.device->id(), " since ",
        absl::FormatDuration(absl::Trunc(now - work.device->lease->started, absl::Milliseconds(1))),
        Moves(work.attempts)));
  } else {
    response.set_state("waiting");
    response.set_explanation(WhyWaiting(work, now) + Moves(work.attempts));
  }
  return response;
}

v1::ListDevicesResponse Queue::ListDevices(absl::Time now) const {
  v1::ListDevicesResponse response;
  for (const auto& [id, device] : devices_) {
    v1::DeviceStatus& status = *response.add_devices();
    *status.mutable_facts() = device->facts;
    status.set_online(device->online);
    status.set_health(device->health.state);
    if (device->health.state != v1::DEVICE_HEALTH_GOOD) {
      status.set_health_reason(absl::StrCat(HealthName(device->health.state), ": ", device->health.reason));
    }
    status.set_draining(device->drained || device->asked_to_drain);
    if (device->lease.has_value()) {
      status.set_held_by_user(device->lease->user);
      status.set_held_by_work(device->lease->work_id);
    }
    status.set_last_seen_unix_us(absl::ToUnixMicros(device->parked != 0 ? now : device->last_seen));
    status.set_completed(device->completed);
    status.set_failed(device->failed);
    const absl::Time since = device->lease.has_value() ? device->lease->started : absl::InfiniteFuture();
    status.set_busy_share(device->busy.Share(now, since));
  }
  for (const auto& [user, share] : fair_share_.active()) {
    v1::ListDevicesResponse::Queue& queue = *response.add_queues();
    queue.set_user(user);
    queue.set_waiting(share.waiting);
    queue.set_running(share.running);
  }
  return response;
}

}  // namespace tunefarm
