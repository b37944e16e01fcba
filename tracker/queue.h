// The farm's scheduler: who runs what, where, under which lease. A pure state machine: time is an argument,
// and what must survive a crash comes out as changes for the journal. No thread, clock, file or network.
//
// Exactly once: accepted work ends with exactly one result, which is handed out until the client acknowledges
// it. Promises: tests/tracker/queue_*_test.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
#include "base/status.h"
#include "tracker/fair_share.h"
#include "tracker/farm.h"
#include "tracker/state.h"
#include "tunefarm/v1/tracker.pb.h"
#include "tunefarm/v1/worker.pb.h"

namespace tunefarm {

struct QueueOptions {
  // A lease ends, and a device counts as offline, after this much silence. Five heartbeats: at half, one lost
  // packet and its retransmission look like a death; at double, a dead runner's work waits half a minute.
  absl::Duration lease = absl::Seconds(10);
  // No attempt takes longer, whatever the runner says. Far above any sane measurement (seconds): a backstop.
  absl::Duration longest_attempt = absl::Minutes(10);
  // Waiting, running and unacknowledged work together. An item costs about 1 KB of memory.
  std::size_t max_work = 200'000;
  std::size_t max_devices = 20'000;
  // A device that was not seen for so long, and a session whose client did not call for so long, is
  // forgotten.
  absl::Duration forget_after = absl::Hours(24 * 7);
};

// Not thread safe.
class Queue {
 public:
  explicit Queue(QueueOptions options) : options_(options) {}
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;
  ~Queue();

  // Takes over what an earlier process accepted; call once, first. Leases go on as if their runners had just
  // been heard.
  void Restore(const DurableState& state, absl::Time now);

  // Runner's side
  // ------------------------------------------------------------------------------------------------ kAborted
  // with ExitCode::kReplayed: `sequence` is older than one already seen. kAlreadyExists: a newer runner has
  // taken this device_id. kResourceExhausted: too many devices. The request must be valid
  // (tracker/validate.h).
  absl::StatusOr<v1::SynchronizeResponse> Synchronize(const v1::SynchronizeRequest& request, absl::Time now);
  // The device's idle call is being held: TakeGrants may name it from now on, until Unpark.
  void Park(const std::string& device_id);
  void Unpark(const std::string& device_id, absl::Time now);
  // What parked devices were given since the last call. They are not parked any more.
  std::vector<std::pair<std::string, v1::SynchronizeResponse>> TakeGrants();

  // Client's side
  // ------------------------------------------------------------------------------------------------
  // kResourceExhausted: the queue is full; kPermissionDenied: the session is another user's; kAlreadyExists:
  // a work_id belongs to another session. All of the request or nothing. `accepted` receives the indices of
  // the work that is new.
  absl::Status Submit(const v1::SubmitRequest& request, absl::Time now, std::vector<int>* accepted);
  // Results that are there, at most about 4 MiB of them. An unknown session has no results and nothing
  // pending.
  v1::CollectResponse Collect(const v1::CollectRequest& request, absl::Time now);
  int Cancel(const v1::CancelRequest& request, absl::Time now);
  v1::ListDevicesResponse ListDevices(absl::Time now) const;
  absl::StatusOr<v1::ExplainResponse> Explain(const std::string& work_id, absl::Time now) const;
  v1::DrainResponse Drain(const v1::DrainRequest& request, absl::Time now);
  // Whose session that is; empty when there is no such session.
  std::string OwnerOf(const std::string& session_id) const;

  // Time
  // ---------------------------------------------------------------------------------------------------------
  // Does what time alone does: ends leases, heals devices, forgets. The calls above do it too.
  void Advance(absl::Time now);
  // When Advance has something to do next.
  absl::Time NextEvent() const;

  // Output
  // -------------------------------------------------------------------------------------------------------
  // What changed since the last call and must be stored, in order, before anybody is told about it.
  Changes TakeChanges();
  // Artifacts that work stopped needing since the last call: one entry for each use.
  std::vector<std::string> TakeReleased() { return std::exchange(released_, {}); }
  // Sessions that got a result since the last call.
  std::vector<std::string> TakeSessionsWithResults();
  // What happened since the last call that an operator may want to read, as sentences for the log.
  std::vector<std::string> TakeEvents() { return std::exchange(events_, {}); }
  // Digests that open work needs, one entry for each use.
  std::vector<std::string> NeededArtifacts() const;
  bool Knows(const std::string& work_id) const { return work_.contains(work_id); }

  std::size_t work_count() const { return work_.size(); }
  std::size_t session_count() const { return sessions_.size(); }
  std::size_t line_count() const { return lines_.size(); }

 private:
  // queue_devices.cc
  void RestoreDevice(const DeviceRow& row, absl::Time now);
  Device& AddDevice(const v1::DeviceFacts& facts);
  absl::StatusOr<Device*> FindOrRegister(const v1::SynchronizeRequest& request, absl::Time now);
  void MatchLines(Device& device);
  void TimePasses(Device& device, absl::Time now);
  void SetWake(Device& device);
  void MarkDirty(Device& device) { dirty_[device.number] = &device; }
  void EligibilityChanged(Device& device);
  void ForgetDevice(Device& device);
  // queue_leases.cc
  bool Grant(Device& device, absl::Time now);
  void FillExecute(const Device& device, v1::SynchronizeResponse& response) const;
  void EndLease(Device& device, absl::Time now);
  bool RecordCompletion(Device& device, const v1::SynchronizeRequest::Completed& completed, absl::Time now);
  void LoseLease(Device& device, v1::FailureKind kind, const std::string& message, absl::Time now);
  void FailAttempt(Device& device, v1::Measurement measurement, absl::Time now);
  void HandOutAgain(Device& device, absl::Time now);
  void BlameDevice(Device& device, const v1::Failure& failure, absl::Time now);
  void Dispatch(absl::Time now);
  absl::Duration Heartbeat() const { return options_.lease / 5; }
  // queue.cc
  Line& LineFor(const v1::DeviceRequirements& requirements);
  void SweepLines();
  void ForgetIdleSessions(absl::Time now);
  void AddWork(WorkRow row, const v1::SubmittedWork& submitted);
  void CancelWork(Work& work);
  void Complete(Work& work, const v1::Measurement& measurement);
  bool IsDrained(const std::string& device_id) const;
  void Release(const Work& work);
  void DropWorkEntry(Work& work);
  void DropSessionIfDone(Session& session);
  void SetPriority(Session& session, std::int32_t priority);
  Session& SessionFor(const v1::SubmitRequest& request, absl::Time now);
  // queue_explain.cc
  std::string WhyWaiting(const Work& work, absl::Time now) const;
  std::string WhatDevicesLack(const Work& work) const;
  std::string WhyNotFree(const Work& work, const std::vector<const Device*>& eligible) const;

  const QueueOptions options_;
  absl::flat_hash_map<std::string, std::unique_ptr<Work>> work_;
  absl::flat_hash_map<std::string, std::unique_ptr<Session>> sessions_;
  std::map<std::string, std::unique_ptr<Device>> devices_;
  absl::flat_hash_map<std::string, std::unique_ptr<Line>> lines_;
  std::set<std::string> drains_;
  FairShare fair_share_;
  std::uint64_t numbers_ = 0;  // Order of arrival of sessions, work and devices.
  std::uint64_t parkings_ = 0;

  std::map<std::uint64_t, Device*> parked_;
  std::map<std::pair<absl::Time, std::uint64_t>, Device*> wakes_;  // By time, then age of the device.
  absl::flat_hash_set<Line*> lines_to_dispatch_;
  absl::Time next_forgetting_ = absl::InfinitePast();
  std::size_t lines_kept_ = 256;

  Changes changes_;
  std::map<std::uint64_t, Device*> dirty_;
  std::vector<std::string> released_;
  std::vector<std::string> events_;
  absl::flat_hash_set<std::string> with_results_;
  std::vector<std::pair<std::string, v1::SynchronizeResponse>> grants_;
};

}  // namespace tunefarm
