#include "tuner/event_log.h"

namespace tunefarm::tuner {
namespace {

// Events handed over at once: about 100 KB.
constexpr int64_t kPage = 256;

}  // namespace

absl::Status EventLog::Load(std::set<std::pair<uint32_t, uint32_t>>* trials) {
  absl::MutexLock lock(&mu_);
  for (;;) {
    TUNEFARM_ASSIGN_OR_RETURN(const std::vector<v1::JobEvent> page,
                              database_.Events(job_id_, sequence_, kPage));
    for (const v1::JobEvent& event : page) {
      sequence_ = event.sequence();
      ended_ = event.has_done();
      if (event.has_trial()) trials->insert({event.trial().task_index(), event.trial().trial()});
    }
    if (page.empty()) return absl::OkStatus();
  }
}

absl::Status EventLog::Append(std::vector<v1::JobEvent> events) {
  if (events.empty()) return absl::OkStatus();
  absl::MutexLock lock(&mu_);
  uint64_t sequence = sequence_;
  for (v1::JobEvent& event : events) {
    event.set_sequence(++sequence);
    event.set_unix_us(absl::ToUnixMicros(clock_.Now()));
  }
  TUNEFARM_RETURN_IF_ERROR(database_.AppendEvents(job_id_, events));
  sequence_ = sequence;
  ended_ = events.back().has_done();
  return absl::OkStatus();
}

void EventLog::Publish(v1::JobEvent event) {
  event.set_sequence(0);
  event.set_unix_us(absl::ToUnixMicros(clock_.Now()));
  absl::MutexLock lock(&mu_);
  live_ = std::move(event);
  ++live_sequence_;
}

void EventLog::Close() {
  absl::MutexLock lock(&mu_);
  closed_ = true;
}

absl::StatusOr<EventLog::News> EventLog::Next(Position* position, absl::Duration timeout) {
  News news;
  uint64_t last;
  {
    const auto something = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
      return sequence_ > position->sequence || live_sequence_ > position->live || closed_;
    };
    absl::MutexLock lock(&mu_);
    mu_.AwaitWithTimeout(absl::Condition(&something), timeout);
    last = sequence_;
    const bool behind = last > position->sequence;
    if (!behind && live_sequence_ > position->live && !ended_) news.events.push_back(live_);
    if (!behind) {
      position->live = live_sequence_;
      news.closed = closed_;
      return news;
    }
  }
  TUNEFARM_ASSIGN_OR_RETURN(news.events, database_.Events(job_id_, position->sequence, kPage));
  if (!news.events.empty()) position->sequence = news.events.back().sequence();
  // The job had ended there, and was resumed.
  std::erase_if(news.events,
                [&](const v1::JobEvent& event) { return event.has_done() && event.sequence() < last; });
  return news;
}

bool EventLog::ended() const {
  absl::MutexLock lock(&mu_);
  return ended_;
}

}  // namespace tunefarm::tuner
