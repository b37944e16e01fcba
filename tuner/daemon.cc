#include "tuner/daemon.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "spdlog/spdlog.h"
#include "tuner/job_spec.h"

namespace tunefarm::tuner {
namespace {

// How soon a watch notices that its client has gone.
constexpr absl::Duration kWatchTick = absl::Seconds(1);

v1::JobState ToProto(db::JobState state) {
  switch (state) {
    case db::JobState::kRunning:
      return v1::JOB_STATE_RUNNING;
    case db::JobState::kDone:
      return v1::JOB_STATE_DONE;
    case db::JobState::kCancelled:
      return v1::JOB_STATE_CANCELLED;
    case db::JobState::kFailed:
      return v1::JOB_STATE_FAILED;
  }
  return v1::JOB_STATE_UNSPECIFIED;
}

// What a job would fail on later is found while somebody is there to read it.
absl::Status CheckRunnable(const v1::SubmitJobRequest& request) {
  TUNEFARM_ASSIGN_OR_RETURN(JobSpec spec, ParseJob(request));
  TUNEFARM_RETURN_IF_ERROR(CheckCompilers(spec));
  return JobSession::Create(std::move(spec.tasks), spec.options).status();
}

}  // namespace

Daemon::~Daemon() {
  std::map<std::string, std::shared_ptr<JobRunner>> runners;
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
    runners.swap(runners_);
  }
  std::vector<std::thread> stops;  // Each waits for its own calls in progress.
  stops.reserve(runners.size());
  for (auto& [id, runner] : runners) stops.emplace_back([r = std::move(runner)]() mutable { r.reset(); });
  for (std::thread& stop : stops) stop.join();
}

absl::Status Daemon::Start() {
  TUNEFARM_ASSIGN_OR_RETURN(const std::vector<db::Job> jobs, services_.database.Jobs());
  absl::MutexLock lock(&mu_);
  for (const db::Job& job : jobs) {
    if (job.state != db::JobState::kRunning) continue;
    spdlog::info("going on with job {}", job.id);
    runners_[job.id] = std::make_shared<JobRunner>(services_, job);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Daemon::Submit(v1::SubmitJobRequest request) {
  TUNEFARM_RETURN_IF_ERROR(Normalise(&request));
  TUNEFARM_RETURN_IF_ERROR(CheckRunnable(request));
  absl::MutexLock lock(&mu_);
  if (stopping_) return absl::UnavailableError("the daemon is stopping");
  std::erase_if(runners_, [](const auto& entry) { return entry.second->ended(); });
  TUNEFARM_ASSIGN_OR_RETURN(const db::Job job,
                            services_.database.InsertJob(request, absl::ToUnixMicros(services_.clock.Now())));
  if (job.state == db::JobState::kRunning && !runners_.contains(job.id)) {
    spdlog::info("accepted job {} of {}: {} task(s), {} trials each", job.id, request.options().user(),
                 request.tasks_size(), request.options().trials());
    runners_[job.id] = std::make_shared<JobRunner>(services_, job);
  }
  return job.id;
}

std::shared_ptr<JobRunner> Daemon::FindRunner(const std::string& job_id) {
  absl::MutexLock lock(&mu_);
  const auto it = runners_.find(job_id);
  return it == runners_.end() ? nullptr : it->second;
}

absl::Status Daemon::Watch(const std::string& job_id, uint64_t after_sequence,
                           const std::function<bool(const v1::JobEvent&)>& write) {
  TUNEFARM_ASSIGN_OR_RETURN(const db::Job job, services_.database.FindJob(job_id));
  const std::shared_ptr<JobRunner> runner = FindRunner(job_id);
  if (runner == nullptr) return WatchEnded(job, after_sequence, write);
  EventLog::Position position{.sequence = after_sequence};
  for (;;) {
    TUNEFARM_ASSIGN_OR_RETURN(const EventLog::News news, runner->events().Next(&position, kWatchTick));
    for (const v1::JobEvent& event : news.events) {
      if (!write(event)) return absl::OkStatus();
    }
    if (news.events.empty() && !write(v1::JobEvent())) return absl::OkStatus();  // Is anybody there?
    if (!news.closed) continue;
    if (runner->events().ended()) return absl::OkStatus();
    return absl::UnavailableError("the daemon is stopping; the job goes on when it is started again");
  }
}

absl::Status Daemon::WatchEnded(const db::Job& job, uint64_t after_sequence,
                                const std::function<bool(const v1::JobEvent&)>& write) {
  // A job that was cancelled and resumed has an end in the middle; only the last event may be one.
  std::optional<v1::JobEvent> last_done;
  for (;;) {
    TUNEFARM_ASSIGN_OR_RETURN(const std::vector<v1::JobEvent> page,
                              services_.database.Events(job.id, after_sequence, 256));
    for (const v1::JobEvent& event : page) {
      after_sequence = event.sequence();
      last_done.reset();
      if (event.has_done()) {
        last_done = event;
      } else if (!write(event)) {
        return absl::OkStatus();
      }
    }
    if (page.empty()) break;
  }
  if (last_done.has_value()) {
    write(*last_done);
    return absl::OkStatus();
  }
  // Cancelled just before a crash, or all has been seen before.
  v1::JobEvent end;
  end.mutable_done()->set_state(ToProto(job.state));
  end.mutable_done()->set_message(job.message);
  write(end);
  return absl::OkStatus();
}

absl::StatusOr<v1::JobInfo> Daemon::InfoOf(const db::Job& job) {
  v1::JobInfo info;
  info.set_job_id(job.id);
  info.set_name(job.request.options().name());
  info.set_user(job.request.options().user());
  info.set_state(ToProto(job.state));
  info.set_submitted_unix_us(job.submitted_unix_us);
  info.set_tasks(static_cast<uint32_t>(job.request.tasks_size()));
  info.set_message(job.message);
  *info.mutable_options() = job.request.options();
  for (const v1::TaskSpec& task : job.request.tasks()) {
    const int given = task.configs_size();
    info.set_trials_planned(info.trials_planned() +
                            (given > 0 ? static_cast<uint32_t>(given) : job.request.options().trials()));
  }
  v1::JobProgress progress;
  if (const std::shared_ptr<JobRunner> runner = FindRunner(job.id)) {
    progress = runner->progress();
    for (const v1::TaskSummary& task : progress.tasks())
      info.set_trials_done(info.trials_done() + task.trials());
    return info;
  }
  TUNEFARM_ASSIGN_OR_RETURN(const std::optional<std::string> trials,
                            services_.database.JobNote(job.id, "trials_done"));
  uint32_t done = 0;
  if (trials.has_value() && absl::SimpleAtoi(*trials, &done)) info.set_trials_done(done);
  return info;
}

absl::StatusOr<v1::ListJobsResponse> Daemon::List(const std::string& job_id) {
  std::vector<db::Job> jobs;
  if (job_id.empty()) {
    TUNEFARM_ASSIGN_OR_RETURN(jobs, services_.database.Jobs());
  } else {
    TUNEFARM_ASSIGN_OR_RETURN(db::Job job, services_.database.FindJob(job_id));
    jobs.push_back(std::move(job));
  }
  std::stable_sort(jobs.begin(), jobs.end(), [](const db::Job& a, const db::Job& b) {
    return a.submitted_unix_us > b.submitted_unix_us;
  });
  v1::ListJobsResponse response;
  for (const db::Job& job : jobs) {
    TUNEFARM_ASSIGN_OR_RETURN(*response.add_jobs(), InfoOf(job));
  }
  return response;
}

absl::Status Daemon::Cancel(const std::string& job_id) {
  absl::MutexLock lock(&mu_);
  TUNEFARM_ASSIGN_OR_RETURN(const db::Job job, services_.database.FindJob(job_id));
  if (job.state == db::JobState::kCancelled) return absl::OkStatus();
  if (job.state != db::JobState::kRunning) {
    return absl::FailedPreconditionError(
        absl::StrCat("job ", job_id, " has ended; there is nothing to cancel"));
  }
  TUNEFARM_RETURN_IF_ERROR(services_.database.SetJobState(job_id, db::JobState::kCancelled, "cancelled"));
  const auto it = runners_.find(job_id);
  if (it != runners_.end()) it->second->Cancel();
  return absl::OkStatus();
}

absl::Status Daemon::Resume(const std::string& job_id) {
  absl::MutexLock lock(&mu_);
  if (stopping_) return absl::UnavailableError("the daemon is stopping");
  TUNEFARM_ASSIGN_OR_RETURN(db::Job job, services_.database.FindJob(job_id));
  if (job.state == db::JobState::kRunning) return absl::OkStatus();
  if (job.state == db::JobState::kDone) {
    return absl::FailedPreconditionError(
        absl::StrCat("job ", job_id, " is done; submit a new job to measure more of its tasks"));
  }
  runners_.erase(job_id);  // Waits for its thread.
  TUNEFARM_ASSIGN_OR_RETURN(const std::optional<std::string> note,
                            services_.database.JobNote(job_id, "resumed"));
  int resumed = 0;
  if (note.has_value() && !absl::SimpleAtoi(*note, &resumed)) resumed = 0;
  TUNEFARM_RETURN_IF_ERROR(services_.database.SetJobNote(job_id, "resumed", absl::StrCat(resumed + 1)));
  EventLog log(services_.database, services_.clock, job_id);
  std::set<std::pair<uint32_t, uint32_t>> trials;
  TUNEFARM_RETURN_IF_ERROR(log.Load(&trials));
  v1::JobEvent event;
  event.mutable_notice()->set_text("resumed");
  TUNEFARM_RETURN_IF_ERROR(log.Append({event}));  // So that the log does not end with the cancellation.
  TUNEFARM_RETURN_IF_ERROR(services_.database.SetJobState(job_id, db::JobState::kRunning, ""));
  job.state = db::JobState::kRunning;
  runners_[job_id] = std::make_shared<JobRunner>(services_, job);
  return absl::OkStatus();
}

void Daemon::StopWatching() {
  absl::MutexLock lock(&mu_);
  stopping_ = true;
  for (auto& [id, runner] : runners_) runner->events().Close();
}

}  // namespace tunefarm::tuner
