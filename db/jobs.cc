// Jobs, their notes, events and proposals.
#include <sys/random.h>

#include <cstring>

#include "absl/strings/str_format.h"
#include "base/exit_code.h"
#include "base/file.h"
#include "db/impl.h"

namespace tunefarm::db {
namespace {

constexpr char kSelectJob[] =
    "SELECT name, client_token, request, state, message, submitted_unix_us FROM job ";

const char* StateText(JobState state) {
  switch (state) {
    case JobState::kRunning:
      return "running";
    case JobState::kDone:
      return "done";
    case JobState::kCancelled:
      return "cancelled";
    case JobState::kFailed:
      return "failed";
  }
  return "failed";
}

JobState StateFromText(absl::string_view text) {
  if (text == "running") return JobState::kRunning;
  if (text == "done") return JobState::kDone;
  if (text == "cancelled") return JobState::kCancelled;
  return JobState::kFailed;
}

absl::Status DamagedJob(const std::string& name) {
  return WithExitCode(
      absl::DataLossError(absl::StrCat("the stored request or an event of ", name, " cannot be read")),
      ExitCode::kDatabaseCorrupt);
}

absl::StatusOr<Job> ReadJob(const Statement& row) {
  Job job;
  job.id = row.Text(0);
  job.client_token = row.Text(1);
  if (!job.request.ParseFromString(row.Text(2))) return DamagedJob(job.id);
  job.state = StateFromText(row.Text(3));
  job.message = row.Text(4);
  job.submitted_unix_us = row.Int(5);
  return job;
}

absl::StatusOr<std::string> RandomJobId() {
  uint32_t bits = 0;
  if (getrandom(&bits, sizeof bits, 0) != sizeof bits) return ErrnoToStatus(errno, "cannot get random bytes");
  return absl::StrFormat("job-%06x", bits & 0xffffff);
}

absl::Status NoJob(const std::string& id) {
  return WithExitCode(
      absl::NotFoundError(absl::StrCat("there is no job ", id, "; `tunefarm jobs` lists them")),
      ExitCode::kNotFound);
}

}  // namespace

absl::StatusOr<int64_t> Database::Impl::JobRow(const std::string& id) {
  TUNEFARM_ASSIGN_OR_RETURN(Statement find, connection->Query("SELECT id FROM job WHERE name = ?", id));
  TUNEFARM_ASSIGN_OR_RETURN(const bool found, find.Step());
  if (!found) return NoJob(id);
  return find.Int(0);
}

absl::StatusOr<Job> Database::InsertJob(const v1::SubmitJobRequest& request, int64_t now_unix_us) {
  absl::MutexLock lock(&impl_->mu);
  Job job;
  absl::Status status = impl_->Write([&]() -> absl::Status {
    const std::string& token = request.client_token();
    if (!token.empty()) {
      TUNEFARM_ASSIGN_OR_RETURN(
          Statement find,
          impl_->connection->Query(absl::StrCat(kSelectJob, "WHERE client_token = ?"), token));
      TUNEFARM_ASSIGN_OR_RETURN(const bool found, find.Step());
      if (found) {
        TUNEFARM_ASSIGN_OR_RETURN(job, ReadJob(find));
        return absl::OkStatus();
      }
    }
    job.client_token = token;
    job.request = request;
    job.submitted_unix_us = now_unix_us;
    const std::optional<std::string> stored_token = token.empty() ? std::nullopt : std::make_optional(token);
    const std::string bytes = request.SerializeAsString();
    for (;;) {  // Ends: 2^24 names, and a database of millions of jobs is far away.
      TUNEFARM_ASSIGN_OR_RETURN(job.id, RandomJobId());
      TUNEFARM_RETURN_IF_ERROR(impl_->connection->Run(
          "INSERT INTO job (name, client_token, request, state, message, submitted_unix_us) "
          "VALUES (?, ?, ?, 'running', '', ?) ON CONFLICT (name) DO NOTHING",
          job.id, stored_token, Bytes{bytes}, now_unix_us));
      if (impl_->connection->changes() == 1) return absl::OkStatus();
    }
  });
  if (!status.ok()) return status;
  return job;
}

absl::StatusOr<std::vector<Job>> Database::Jobs() {
  absl::MutexLock lock(&impl_->mu);
  TUNEFARM_ASSIGN_OR_RETURN(Statement rows,
                            impl_->connection->Query(absl::StrCat(kSelectJob, "ORDER BY id")));
  std::vector<Job> jobs;
  for (;;) {
    TUNEFARM_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return jobs;
    TUNEFARM_ASSIGN_OR_RETURN(Job job, ReadJob(rows));
    jobs.push_back(std::move(job));
  }
}

absl::StatusOr<Job> Database::FindJob(const std::string& id) {
  absl::MutexLock lock(&impl_->mu);
  TUNEFARM_ASSIGN_OR_RETURN(Statement find,
                            impl_->connection->Query(absl::StrCat(kSelectJob, "WHERE name = ?"), id));
  TUNEFARM_ASSIGN_OR_RETURN(const bool found, find.Step());
  if (!found) return NoJob(id);
  return ReadJob(find);
}

absl::Status Database::SetJobState(const std::string& id, JobState state, const std::string& message) {
  absl::MutexLock lock(&impl_->mu);
  return impl_->Write([&]() -> absl::Status {
    TUNEFARM_RETURN_IF_ERROR(impl_->connection->Run("UPDATE job SET state = ?, message = ? WHERE name = ?",
                                                    StateText(state), message, id));
    return impl_->connection->changes() == 1 ? absl::OkStatus() : NoJob(id);
  });
}

absl::Status Database::SetJobNote(const std::string& id, const std::string& key, const std::string& value) {
  absl::MutexLock lock(&impl_->mu);
  return impl_->Write([&]() -> absl::Status {
    TUNEFARM_ASSIGN_OR_RETURN(const int64_t job, impl_->JobRow(id));
    return impl_->connection->Run(
        "INSERT INTO job_note (job, key, value) VALUES (?, ?, ?) "
        "ON CONFLICT (job, key) DO UPDATE SET value = excluded.value",
        job, key, Bytes{value});
  });
}

absl::StatusOr<std::optional<std::string>> Database::JobNote(const std::string& id, const std::string& key) {
  absl::MutexLock lock(&impl_->mu);
  TUNEFARM_ASSIGN_OR_RETURN(const int64_t job, impl_->JobRow(id));
  TUNEFARM_ASSIGN_OR_RETURN(
      Statement find,
      impl_->connection->Query("SELECT value FROM job_note WHERE job = ? AND key = ?", job, key));
  TUNEFARM_ASSIGN_OR_RETURN(const bool found, find.Step());
  if (!found) return std::optional<std::string>();
  return std::make_optional(find.Text(0));
}

absl::Status Database::AppendEvents(const std::string& id, const std::vector<v1::JobEvent>& events) {
  absl::MutexLock lock(&impl_->mu);
  return impl_->Write([&]() -> absl::Status {
    TUNEFARM_ASSIGN_OR_RETURN(const int64_t job, impl_->JobRow(id));
    for (const v1::JobEvent& event : events) {
      const std::string bytes = event.SerializeAsString();
      TUNEFARM_RETURN_IF_ERROR(
          impl_->connection->Run("INSERT INTO job_event (job, sequence, event) VALUES (?, ?, ?)", job,
                                 event.sequence(), Bytes{bytes}));
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<v1::JobEvent>> Database::Events(const std::string& id, uint64_t after_sequence,
                                                           int64_t limit) {
  absl::MutexLock lock(&impl_->mu);
  TUNEFARM_ASSIGN_OR_RETURN(const int64_t job, impl_->JobRow(id));
  TUNEFARM_ASSIGN_OR_RETURN(
      Statement rows,
      impl_->connection->Query(
          "SELECT event FROM job_event WHERE job = ? AND sequence > ? ORDER BY sequence LIMIT ?", job,
          after_sequence, limit));
  std::vector<v1::JobEvent> events;
  for (;;) {
    TUNEFARM_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return events;
    if (!events.emplace_back().ParseFromString(rows.Text(0))) return DamagedJob(id);
  }
}

absl::Status Database::InsertProposals(const std::vector<Trial>& trials) {
  absl::MutexLock lock(&impl_->mu);
  return impl_->Write([&]() -> absl::Status {
    for (const Trial& trial : trials) {
      TUNEFARM_ASSIGN_OR_RETURN(const int64_t job, impl_->JobRow(trial.job_id));
      TUNEFARM_ASSIGN_OR_RETURN(
          Statement known,
          impl_->connection->Query(
              "SELECT config FROM proposal WHERE job = ?1 AND task_index = ?2 AND trial = ?3 "
              "UNION ALL "
              "SELECT config FROM record WHERE job = ?1 AND task_index = ?2 AND trial = ?3",
              job, trial.task_index, trial.trial));
      TUNEFARM_ASSIGN_OR_RETURN(const bool found, known.Step());
      if (!found) {
        TUNEFARM_RETURN_IF_ERROR(impl_->connection->Run(
            "INSERT INTO proposal (job, task_index, trial, config) VALUES (?, ?, ?, ?)", job,
            trial.task_index, trial.trial, trial.config));
      } else if (known.Text(0) != trial.config) {
        return WithExitCode(absl::AlreadyExistsError(absl::StrCat(
                                "trial ", trial.trial, " of task ", trial.task_index, " of ", trial.job_id,
                                " was proposed before with another config: ", known.Text(0))),
                            ExitCode::kReplayed);
      }
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<Trial>> Database::OpenProposals(const std::string& job_id) {
  absl::MutexLock lock(&impl_->mu);
  TUNEFARM_ASSIGN_OR_RETURN(const int64_t job, impl_->JobRow(job_id));
  TUNEFARM_ASSIGN_OR_RETURN(
      Statement rows,
      impl_->connection->Query(
          "SELECT task_index, trial, config FROM proposal WHERE job = ? ORDER BY task_index, trial", job));
  std::vector<Trial> trials;
  for (;;) {
    TUNEFARM_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return trials;
    trials.push_back(
        {job_id, static_cast<int32_t>(rows.Int(0)), static_cast<int32_t>(rows.Int(1)), rows.Text(2)});
  }
}

}  // namespace tunefarm::db
