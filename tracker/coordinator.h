// The shell around the queue: one lock, the journal, and the calls that wait. It lets nobody hear of a
// decision before the journal has it, commits what came in meanwhile together, and holds idle runners' and
// clients' calls without a thread for each.
//
// When the journal cannot be written (full disk), nothing is lost: calls fail with the reason, new work is
// refused, and the changes are tried again until there is room.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/status.h"
#include "tracker/artifact_store.h"
#include "tracker/journal.h"
#include "tracker/queue.h"

namespace tunefarm {

// Thread safe. Every `done` is called exactly once, from any thread, without a lock held; it must not block.
class Coordinator {
 public:
  // No call is held longer.
  static constexpr absl::Duration kLongestWait = absl::Seconds(60);

  // Loads the journal and takes over from there. `artifacts` must outlive the coordinator.
  static absl::StatusOr<std::unique_ptr<Coordinator>> Start(QueueOptions options,
                                                            std::unique_ptr<Journal> journal,
                                                            ArtifactStore* artifacts);
  ~Coordinator();  // Commits what is left.
  // Answers every held call and holds no more. Runners and clients are told to call again.
  void StopHolding();

  using SyncDone = std::function<void(absl::StatusOr<v1::SynchronizeResponse>)>;
  using CollectDone = std::function<void(absl::StatusOr<v1::CollectResponse>)>;
  using CancelDone = std::function<void(absl::StatusOr<v1::CancelResponse>)>;
  using DrainDone = std::function<void(absl::StatusOr<v1::DrainResponse>)>;
  using Done = std::function<void(absl::Status)>;

  // Names a call so that HangUp can end it.
  std::uint64_t NewCall();
  // The peer of a held call is gone: its `done` is called with kCancelled. Nothing if it is not held.
  void HangUp(std::uint64_t call);

  void Synchronize(std::uint64_t call, const v1::SynchronizeRequest& request, SyncDone done);
  void Submit(const v1::SubmitRequest& request, Done done);
  // `user`: who asks, if that is proven; the session of somebody else is kPermissionDenied. Empty: nobody
  // checks.
  void Collect(std::uint64_t call, const v1::CollectRequest& request, const std::string& user,
               CollectDone done);
  void Cancel(const v1::CancelRequest& request, const std::string& user, CancelDone done);
  void Drain(const v1::DrainRequest& request, DrainDone done);
  v1::ListDevicesResponse ListDevices();
  absl::StatusOr<v1::ExplainResponse> Explain(const std::string& work_id);

 private:
  // What waits for the next commit.
  struct Batch {
    Changes changes;
    std::vector<std::string> released;
    std::vector<Done> done;
    bool empty() const { return changes.empty() && released.empty() && done.empty(); }
  };
  struct HeldCall {
    absl::Time deadline;
    std::string device_id;  // Of a Synchronize.
    SyncDone sync_done;
    v1::CollectRequest collect;  // Of a Collect.
    CollectDone collect_done;
  };
  // Calls `done`s when it goes out of scope: declared before the lock, so after that is released.
  struct Ready {
    std::vector<std::function<void()>> calls;
    ~Ready() {
      for (const auto& call : calls) call();
    }
  };

  Coordinator(QueueOptions options, std::unique_ptr<Journal> journal, ArtifactStore* artifacts);
  absl::Time Now() const;
  template <typename Response, typename DoneFunction>
  void Answer(DoneFunction done, absl::StatusOr<Response> response, Ready& ready)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Settle(Ready& ready) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Hold(std::uint64_t call, HeldCall&& held) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  HeldCall Release(std::uint64_t call) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void EndHeld(std::uint64_t call, Ready& ready) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void AnswerCollects(const std::string& session_id, Ready& ready) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status CheckOwner(const std::string& session_id, const std::string& user) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Duration UntilNextEvent() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Run();
  void CommitPending();

  // Constant after construction.
  const std::unique_ptr<Journal> journal_;  // Used by the thread alone.
  ArtifactStore* const artifacts_;
  const absl::Time started_;
  const std::int64_t started_ns_;

  absl::Mutex mu_;
  absl::CondVar work_to_do_;
  Queue queue_ ABSL_GUARDED_BY(mu_);
  Batch pending_ ABSL_GUARDED_BY(mu_);
  bool committing_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status journal_error_ ABSL_GUARDED_BY(mu_);
  absl::Time retry_commit_at_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();
  bool holding_ ABSL_GUARDED_BY(mu_) = true;
  bool stop_ ABSL_GUARDED_BY(mu_) = false;
  std::uint64_t calls_ ABSL_GUARDED_BY(mu_) = 0;
  absl::flat_hash_map<std::uint64_t, HeldCall> held_ ABSL_GUARDED_BY(mu_);
  std::set<std::pair<absl::Time, std::uint64_t>> deadlines_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<std::string, std::uint64_t> held_by_device_ ABSL_GUARDED_BY(mu_);
  std::multimap<std::string, std::uint64_t> held_by_session_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;  // Last: uses all of the above.
};

}  // namespace tunefarm
