#include "tracker/coordinator.h"

#include <spdlog/spdlog.h>
#include <time.h>

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/exit_code.h"

namespace tunefarm {
namespace {

// How soon a failed commit is tried again: an operator who freed space should not wait, nor should the log
// drown.
constexpr absl::Duration kCommitRetry = absl::Milliseconds(500);

std::int64_t SteadyNanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::vector<std::string> DigestsOf(const v1::WorkItem& item) {
  std::vector<std::string> digests(item.kernel_digests().begin(), item.kernel_digests().end());
  if (!item.run().expected_output_digest().empty()) digests.push_back(item.run().expected_output_digest());
  return digests;
}

}  // namespace

Coordinator::Coordinator(QueueOptions options, std::unique_ptr<Journal> journal, ArtifactStore* artifacts)
    : journal_(std::move(journal)),
      artifacts_(artifacts),
      started_(absl::Now()),
      started_ns_(SteadyNanoseconds()),
      queue_(options) {}

// Wall time that neither jumps when the clock is set nor runs while the machine sleeps: neither may end
// leases.
absl::Time Coordinator::Now() const {
  return started_ + absl::Nanoseconds(SteadyNanoseconds() - started_ns_);
}

absl::StatusOr<std::unique_ptr<Coordinator>> Coordinator::Start(QueueOptions options,
                                                                std::unique_ptr<Journal> journal,
                                                                ArtifactStore* artifacts) {
  TUNEFARM_ASSIGN_OR_RETURN(const DurableState state, journal->Load());
  std::unique_ptr<Coordinator> coordinator(new Coordinator(options, std::move(journal), artifacts));
  {
    absl::MutexLock lock(&coordinator->mu_);
    coordinator->queue_.Restore(state, coordinator->Now());
    artifacts->PinAnyway(coordinator->queue_.NeededArtifacts());
  }
  spdlog::info("restored {} pieces of work and {} devices", state.work.size(), state.devices.size());
  coordinator->thread_ = std::thread([raw = coordinator.get()] { raw->Run(); });
  return coordinator;
}

Coordinator::~Coordinator() {
  StopHolding();
  {
    absl::MutexLock lock(&mu_);
    stop_ = true;
    work_to_do_.Signal();
  }
  if (thread_.joinable()) thread_.join();
}

void Coordinator::StopHolding() {
  Ready ready;
  absl::MutexLock lock(&mu_);
  holding_ = false;
  while (!held_.empty()) EndHeld(held_.begin()->first, ready);
  Settle(ready);
}

std::uint64_t Coordinator::NewCall() {
  absl::MutexLock lock(&mu_);
  return ++calls_;
}

// Nobody hears of anything before what led to it is stored.
template <typename Response, typename DoneFunction>
void Coordinator::Answer(DoneFunction done, absl::StatusOr<Response> response, Ready& ready) {
  Changes changes = queue_.TakeChanges();
  std::move(changes.begin(), changes.end(), std::back_inserter(pending_.changes));
  if (pending_.changes.empty() && !committing_) {
    ready.calls.push_back([done = std::move(done), response = std::move(response)] { done(response); });
    return;
  }
  pending_.done.push_back(
      [done = std::move(done), response = std::move(response)](const absl::Status& stored) {
        if (stored.ok()) {
          done(response);
        } else {
          done(stored);
        }
      });
}

// Passes on what an operation led to besides its own answer.
void Coordinator::Settle(Ready& ready) {
  for (auto& [device_id, response] : queue_.TakeGrants()) {
    const auto found = held_by_device_.find(device_id);
    // If the call is gone, the grant is handed out again at the device's next call.
    if (found == held_by_device_.end()) continue;
    HeldCall held = Release(found->second);
    Answer<v1::SynchronizeResponse>(std::move(held.sync_done), std::move(response), ready);
  }
  for (const std::string& session : queue_.TakeSessionsWithResults()) AnswerCollects(session, ready);
  Changes changes = queue_.TakeChanges();
  std::move(changes.begin(), changes.end(), std::back_inserter(pending_.changes));
  std::vector<std::string> released = queue_.TakeReleased();
  std::move(released.begin(), released.end(), std::back_inserter(pending_.released));
  for (const std::string& event : queue_.TakeEvents()) spdlog::info("{}", event);
  if (!pending_.empty()) work_to_do_.Signal();
}

void Coordinator::AnswerCollects(const std::string& session_id, Ready& ready) {
  const auto [begin, end] = held_by_session_.equal_range(session_id);
  std::vector<std::uint64_t> calls;
  for (auto call = begin; call != end; ++call) calls.push_back(call->second);
  for (const std::uint64_t call : calls) EndHeld(call, ready);
}

void Coordinator::Hold(std::uint64_t call, HeldCall&& held) {
  deadlines_.emplace(held.deadline, call);
  if (held.sync_done) {
    held_by_device_[held.device_id] = call;
  } else {
    held_by_session_.emplace(held.collect.session_id(), call);
  }
  held_.emplace(call, std::move(held));
  work_to_do_.Signal();  // It may be the next deadline.
}

Coordinator::HeldCall Coordinator::Release(std::uint64_t call) {
  const auto found = held_.find(call);
  HeldCall held = std::move(found->second);
  held_.erase(found);
  deadlines_.erase({held.deadline, call});
  if (held.sync_done) {
    held_by_device_.erase(held.device_id);
  } else {
    auto [begin, end] = held_by_session_.equal_range(held.collect.session_id());
    held_by_session_.erase(std::find_if(begin, end, [&](const auto& entry) { return entry.second == call; }));
  }
  return held;
}

// Its time is up, or there is news.
void Coordinator::EndHeld(std::uint64_t call, Ready& ready) {
  HeldCall held = Release(call);
  if (held.sync_done) {
    queue_.Unpark(held.device_id, Now());
    v1::SynchronizeResponse response;
    response.mutable_be_idle();
    response.set_next_call_in_ms(1);
    Answer<v1::SynchronizeResponse>(std::move(held.sync_done), std::move(response), ready);
  } else {
    Answer<v1::CollectResponse>(std::move(held.collect_done), queue_.Collect(held.collect, Now()), ready);
  }
}

void Coordinator::HangUp(std::uint64_t call) {
  Ready ready;
  absl::MutexLock lock(&mu_);
  if (!held_.contains(call)) return;
  HeldCall held = Release(call);
  const absl::Status gone = absl::CancelledError("the caller went away");
  if (held.sync_done) {
    queue_.Unpark(held.device_id, Now());
    ready.calls.push_back([done = std::move(held.sync_done), gone] { done(gone); });
  } else {
    ready.calls.push_back([done = std::move(held.collect_done), gone] { done(gone); });
  }
  work_to_do_.Signal();  // The device's silence counts from now.
}

void Coordinator::Synchronize(std::uint64_t call, const v1::SynchronizeRequest& request, SyncDone done) {
  Ready ready;
  absl::MutexLock lock(&mu_);
  absl::StatusOr<v1::SynchronizeResponse> response = queue_.Synchronize(request, Now());
  const std::string& id = request.device().device_id();
  if (const auto held = held_by_device_.find(id); response.ok() && held != held_by_device_.end()) {
    // A call that this one replaces: of the same runner, or of an older one with the same name.
    HeldCall old = Release(held->second);
    Answer<v1::SynchronizeResponse>(
        std::move(old.sync_done),
        absl::AbortedError(absl::StrCat("a later call of device ", id, " has taken over")), ready);
  }
  const absl::Duration wait = std::min(absl::Milliseconds(request.max_wait_ms()), kLongestWait);
  const bool nothing_to_do = response.ok() && response->has_be_idle() && !request.draining();
  if (nothing_to_do && response->completion_recorded()) {
    // The runner must learn at once that its result is safe; it calls again and waits then.
    response->set_next_call_in_ms(1);
  } else if (nothing_to_do && wait > absl::ZeroDuration() && holding_) {
    queue_.Park(id);
    HeldCall held;
    held.deadline = Now() + wait;
    held.device_id = id;
    held.sync_done = std::move(done);
    Hold(call, std::move(held));
    Settle(ready);
    return;
  }
  Answer(std::move(done), std::move(response), ready);
  Settle(ready);
}

void Coordinator::Submit(const v1::SubmitRequest& request, Done done) {
  Ready ready;
  absl::MutexLock lock(&mu_);
  const auto finish = [done = std::move(done)](const absl::StatusOr<int>& result) { done(result.status()); };
  if (!journal_error_.ok()) {
    ready.calls.push_back([finish, error = journal_error_] { finish(error); });
    return;
  }
  std::vector<std::string> needed;
  for (const v1::SubmittedWork& work : request.work()) {
    if (queue_.Knows(work.item().work_id())) continue;
    std::vector<std::string> digests = DigestsOf(work.item());
    std::move(digests.begin(), digests.end(), std::back_inserter(needed));
  }
  const std::vector<std::string> missing = artifacts_->Pin(needed);
  if (!missing.empty()) {
    const std::size_t shown = std::min<std::size_t>(missing.size(), 16);
    const absl::Status error = absl::FailedPreconditionError(
        absl::StrCat(missing.size(), " artifacts are not in the store, put them first: ",
                     absl::StrJoin(missing.begin(), missing.begin() + shown, ", "),
                     missing.size() > shown ? ", ..." : ""));
    ready.calls.push_back([finish, error] { finish(error); });
    return;
  }
  std::vector<int> accepted;
  const absl::Status status = queue_.Submit(request, Now(), &accepted);
  if (!status.ok()) artifacts_->Unpin(needed);
  Answer<int>(finish, status.ok() ? absl::StatusOr<int>(0) : absl::StatusOr<int>(status), ready);
  Settle(ready);
}

absl::Status Coordinator::CheckOwner(const std::string& session_id, const std::string& user) const {
  const std::string owner = queue_.OwnerOf(session_id);
  if (user.empty() || owner.empty() || owner == user) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat("session ", session_id, " belongs to another user"));
}

void Coordinator::Collect(std::uint64_t call, const v1::CollectRequest& request, const std::string& user,
                          CollectDone done) {
  Ready ready;
  absl::MutexLock lock(&mu_);
  if (const absl::Status allowed = CheckOwner(request.session_id(), user); !allowed.ok()) {
    ready.calls.push_back([done = std::move(done), allowed] { done(allowed); });
    return;
  }
  v1::CollectResponse response = queue_.Collect(request, Now());
  const absl::Duration wait = std::min(absl::Milliseconds(request.max_wait_ms()), kLongestWait);
  if (response.results().empty() && wait > absl::ZeroDuration() && holding_) {
    HeldCall held;
    held.deadline = Now() + wait;
    held.collect = request;
    held.collect.clear_acknowledge();
    held.collect_done = std::move(done);
    Hold(call, std::move(held));
  } else {
    Answer<v1::CollectResponse>(std::move(done), std::move(response), ready);
  }
  Settle(ready);
}

void Coordinator::Cancel(const v1::CancelRequest& request, const std::string& user, CancelDone done) {
  Ready ready;
  absl::MutexLock lock(&mu_);
  if (const absl::Status allowed = CheckOwner(request.session_id(), user); !allowed.ok()) {
    ready.calls.push_back([done = std::move(done), allowed] { done(allowed); });
    return;
  }
  v1::CancelResponse response;
  response.set_cancelled(queue_.Cancel(request, Now()));
  if (response.cancelled() > 0) AnswerCollects(request.session_id(), ready);
  Answer<v1::CancelResponse>(std::move(done), std::move(response), ready);
  Settle(ready);
}

void Coordinator::Drain(const v1::DrainRequest& request, DrainDone done) {
  Ready ready;
  absl::MutexLock lock(&mu_);
  Answer<v1::DrainResponse>(std::move(done), queue_.Drain(request, Now()), ready);
  Settle(ready);
}

v1::ListDevicesResponse Coordinator::ListDevices() {
  absl::MutexLock lock(&mu_);
  return queue_.ListDevices(Now());
}

absl::StatusOr<v1::ExplainResponse> Coordinator::Explain(const std::string& work_id) {
  absl::MutexLock lock(&mu_);
  return queue_.Explain(work_id, Now());
}

absl::Duration Coordinator::UntilNextEvent() {
  absl::Time next = queue_.NextEvent();
  if (!deadlines_.empty()) next = std::min(next, deadlines_.begin()->first);
  if (!journal_error_.ok()) next = std::min(next, retry_commit_at_);
  return next - Now();
}

void Coordinator::Run() {
  while (true) {
    {
      Ready ready;
      absl::MutexLock lock(&mu_);
      while (!stop_ && (pending_.empty() || !journal_error_.ok())) {
        const absl::Duration wait = UntilNextEvent();
        if (wait <= absl::ZeroDuration()) break;
        if (work_to_do_.WaitWithTimeout(&mu_, wait)) break;
      }
      if (stop_ && (pending_.empty() || !journal_error_.ok())) return;
      const absl::Time now = Now();
      queue_.Advance(now);
      Settle(ready);
      while (!deadlines_.empty() && deadlines_.begin()->first <= now)
        EndHeld(deadlines_.begin()->second, ready);
      Settle(ready);
    }
    CommitPending();
  }
}

void Coordinator::CommitPending() {
  Batch batch;
  {
    absl::MutexLock lock(&mu_);
    if (pending_.empty()) return;
    batch = std::exchange(pending_, {});
    committing_ = true;
  }
  absl::Status status = journal_->Commit(batch.changes);
  {
    absl::MutexLock lock(&mu_);
    committing_ = false;
    if (status.ok() != journal_error_.ok()) {
      if (status.ok()) {
        spdlog::info("the journal can be written again");
      } else {
        spdlog::error("{}; trying again until it works", std::string(status.message()));
      }
    }
    journal_error_ = status;
    retry_commit_at_ = Now() + kCommitRetry;
    if (!status.ok()) {
      std::move(pending_.changes.begin(), pending_.changes.end(), std::back_inserter(batch.changes));
      pending_.changes = std::exchange(batch.changes, {});
      std::move(pending_.released.begin(), pending_.released.end(), std::back_inserter(batch.released));
      pending_.released = std::exchange(batch.released, {});
    }
  }
  artifacts_->Unpin(batch.released);
  for (const Done& done : batch.done) done(status);
}

}  // namespace tunefarm
