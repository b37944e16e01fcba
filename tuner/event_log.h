// The events of one job: stored before anybody sees them, and a bell for those who watch.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "db/database.h"
#include "tunefarm/v1/tuner.pb.h"

namespace tunefarm::tuner {

// Thread safe. The database and clock must outlive it.
class EventLog {
 public:
  EventLog(db::Database& database, Clock& clock, std::string job_id)
      : database_(database), clock_(clock), job_id_(std::move(job_id)) {}

  // Finds where an earlier process stopped. Call once, before anything else. `trials` receives the (task,
  // trial) pairs that already have an event.
  absl::Status Load(std::set<std::pair<uint32_t, uint32_t>>* trials);

  // Numbers, dates and stores the events, then wakes the watchers. On an error nothing has happened.
  absl::Status Append(std::vector<v1::JobEvent> events);

  // Progress and notices that cannot be stored: seen by those who watch now, with sequence 0.
  void Publish(v1::JobEvent event);

  // No more events come from this process: the job has ended, or the daemon is about to.
  void Close();

  // What a watcher has not seen yet. Waits up to `timeout` for something.
  struct News {
    // Stored ones, at most some hundred, then live ones; none behind the job's end.
    std::vector<v1::JobEvent> events;
    bool closed = false;  // There is and will be nothing else.
  };
  struct Position {
    uint64_t sequence = 0;  // Last stored event seen.
    uint64_t live = 0;      // Last live event seen.
  };
  absl::StatusOr<News> Next(Position* position, absl::Duration timeout);

  // The last stored event is the job's end.
  bool ended() const;

 private:
  db::Database& database_;
  Clock& clock_;
  const std::string job_id_;
  mutable absl::Mutex mu_;
  uint64_t sequence_ ABSL_GUARDED_BY(mu_) = 0;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  uint64_t live_sequence_ ABSL_GUARDED_BY(mu_) = 0;
  v1::JobEvent live_ ABSL_GUARDED_BY(mu_);  // Only the latest: a slow watcher skips.
};

}  // namespace tunefarm::tuner
