// The log database: every job, task and trial, in one SQLite file. docs/formats.md documents the schema.
//
// One process writes (the daemon; `<file>.lock` keeps out a second one); any number read at the same time
// (WAL). What a call acknowledged survives kill -9 and loss of power. Thread safe: one connection behind a
// mutex; calls are short. Errors are those of Open; each carries its exit status (base/exit_code.h), and the
// database is as before the call.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "tunefarm/v1/measurement.pb.h"
#include "tunefarm/v1/tuner.pb.h"

struct sqlite3;

namespace tunefarm::db {

enum class JobState { kRunning, kDone, kCancelled, kFailed };

struct Job {
  std::string id;            // Short, unique, sayable: "job-7f3a2c".
  std::string client_token;  // Unique; submitting it again gives the same job.
  v1::SubmitJobRequest request;
  JobState state = JobState::kRunning;
  std::string message;
  int64_t submitted_unix_us = 0;
};

// A trial before its measurement. (job_id, task_index, trial) is unique: nothing is recorded twice.
struct Trial {
  std::string job_id;
  int32_t task_index = 0;
  int32_t trial = 0;
  std::string config;  // Text form.
};

// Everything needed to judge a measurement and to repeat it.
struct Record {
  int64_t id = 0;  // Set by the database.
  std::string job_id;
  int32_t task_index = 0;
  int32_t trial = 0;
  std::string workload;  // Canonical text.
  std::string target_name;
  std::string target_json;  // Canonical.
  std::string config;
  std::string template_version;
  std::string toolchain;      // `gcc --version`'s first line and all flags.
  std::string kernel_digest;  // Of the compiled artifact (base/digest.h); empty when it was not built.
  std::string device_id;
  std::string device_class;
  bool estimated = false;  // Emulated time; never mixed with measured in one lookup.
  uint64_t input_seed = 0;
  uint64_t search_seed = 0;
  int32_t threads = 1;
  double flop = 0;
  v1::MeasurementPolicy policy;
  v1::Measurement measurement;  // One kernel, or a failure.
  // A winner confirmed by interleaved pairs against the default and the runner-up; set by MarkConfirmed, not
  // on insert.
  bool confirmed = false;
  std::optional<v1::Measurement> confirmation;  // The newest; kernels(0) is this record's kernel.
  int64_t created_unix_us = 0;

  bool ok() const {
    return measurement.failure().kind() == v1::FAILURE_KIND_UNSPECIFIED && measurement.kernels_size() > 0;
  }
  // Of the trial, in microseconds; 0 for a failure. Of a censored kernel it is only a lower bound.
  double median_us() const { return ok() ? measurement.kernels(0).median_us() : 0; }
};

enum class Match { kExact, kNear, kDefault };

struct Lookup {
  Match match = Match::kDefault;
  std::optional<Record> record;  // Absent for kDefault.
  // kNear: how much more time than a kernel tuned for the workload we expect it to take, as a share. From
  // trials in the database where one tuned shape's best config was measured on another nearby (which tends to
  // understate, since searches try what is promising); with fewer than three of them from db/neighbours.h's
  // rule of thumb.
  double expected_loss = 0;
  std::string explanation;  // For a person: what was found and why.
};

struct LookupKey {
  std::string workload;
  std::string target_name;
  std::string device_class;  // Empty: the class with most records for the task; the explanation says which.
                             // For a near match: that of the nearest shape.
  int32_t threads = 1;
  bool estimated = false;
};

struct HistoryFilter {
  std::optional<std::string> workload, target_name, device_class, job_id;
  bool failures = true;
  int64_t limit = 100;
  int64_t before_id = 0;  // For paging: only records with a smaller id; 0: from the newest.
};

class Database {
 public:
  enum class Mode { kReadWrite, kReadOnly };
  // Creates the file and migrates it as needed (kReadWrite), and its folder. Errors name the file and say
  // what to do: kNotFound (read only), kPermissionDenied, kFailedPrecondition (made by a newer tunefarm, or
  // not a database), kUnavailable (locked by another writer), kResourceExhausted (disk full), kDataLoss
  // (corrupt). Reading works while another process writes, and in a folder that cannot be written. Writing
  // locks the file for as long as the Database lives: a second kReadWrite of it, in this process or another,
  // waits two seconds and is kUnavailable.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path, Mode mode);
  ~Database();

  // Jobs.
  // Idempotent by client_token; an empty one is always a new job.
  absl::StatusOr<Job> InsertJob(const v1::SubmitJobRequest& request, int64_t now_unix_us);
  absl::StatusOr<std::vector<Job>> Jobs();             // Oldest first.
  absl::StatusOr<Job> FindJob(const std::string& id);  // kNotFound says how to list them.
  absl::Status SetJobState(const std::string& id, JobState state, const std::string& message);
  // Small state that the daemon keeps for a job (session decisions that cannot be derived from trials).
  absl::Status SetJobNote(const std::string& id, const std::string& key, const std::string& value);
  absl::StatusOr<std::optional<std::string>> JobNote(const std::string& id, const std::string& key);
  // The event stream that watchers replay. Sequence numbers are the caller's, from 1, ascending; one
  // that is there already is kInvalidArgument.
  absl::Status AppendEvents(const std::string& id, const std::vector<v1::JobEvent>& events);
  absl::StatusOr<std::vector<v1::JobEvent>> Events(const std::string& id, uint64_t after_sequence,
                                                   int64_t limit);

  // Trials. A proposal is durable before anything is built for it. The same one again changes nothing; with
  // another config it is kAlreadyExists.
  absl::Status InsertProposals(const std::vector<Trial>& trials);
  absl::StatusOr<std::vector<Trial>> OpenProposals(const std::string& job_id);
  // Stores the record, closes its proposal and updates the best, in one transaction. Idempotent: the second
  // call for the same (job, task, trial) returns the first one's id and stores nothing.
  absl::StatusOr<int64_t> InsertRecord(const Record& record);
  // Several in one transaction: one fsync for a batch.
  absl::StatusOr<std::vector<int64_t>> InsertRecords(const std::vector<Record>& records);
  // The confirmation replaces an earlier one of the record. kFailedPrecondition for a record without a time.
  absl::Status MarkConfirmed(int64_t record_id, const v1::Measurement& confirmation);
  absl::StatusOr<std::vector<Record>> JobRecords(const std::string& job_id,
                                                 int32_t task_index);  // In trial order.

  // Queries.
  absl::StatusOr<Record> FindRecord(int64_t id);
  // Exact: the task's record whose (newest) confirmation is the fastest, the newer one of equals, among those
  // of the templates' version that was confirmed last; else, while none is confirmed, the fastest record.
  // Failed and censored trials are never the answer. Near: the best, by the same rule, of the nearest shape
  // (db/shape.h) of the same operator, dtype and layout for the target, class, threads and kind of time,
  // within db/neighbours.h's reach; its config may be illegal for the workload, so check it. Else default.
  absl::StatusOr<Lookup> FindBest(const LookupKey& key);
  absl::StatusOr<std::vector<Record>> Top(const LookupKey& key,
                                          int64_t limit);  // Fastest trial first, distinct configs.
  absl::StatusOr<std::vector<Record>> History(const HistoryFilter& filter);  // Newest first.

 private:
  struct Impl;
  explicit Database(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tunefarm::db
