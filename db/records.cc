// Storing records and reading them back.
#include <cmath>

#include "absl/strings/escaping.h"
#include "base/digest.h"
#include "base/exit_code.h"
#include "db/failure_text.h"
#include "db/impl.h"

namespace tunefarm::db {
namespace {

// The parts of an environment that are the same for all measurements of a machine between two boots: stored
// once.
v1::Environment TakeMachine(v1::Environment& environment) {
  v1::Environment machine;
  machine.mutable_device_id()->swap(*environment.mutable_device_id());
  machine.mutable_device_class()->swap(*environment.mutable_device_class());
  machine.mutable_boot_id()->swap(*environment.mutable_boot_id());
  machine.mutable_kernel_release()->swap(*environment.mutable_kernel_release());
  machine.mutable_governor()->swap(*environment.mutable_governor());
  machine.mutable_runner_version()->swap(*environment.mutable_runner_version());
  return machine;
}

std::string NameOf(const Record& record) {
  return absl::StrCat("the record of trial ", record.trial, " of task ", record.task_index, " of ",
                      record.job_id);
}

absl::Status Check(const Record& record) {
  if (record.measurement.failure().kind() == v1::FAILURE_KIND_UNSPECIFIED &&
      !(record.ok() && record.median_us() > 0 && std::isfinite(record.median_us()))) {
    return absl::InvalidArgumentError(
        absl::StrCat(NameOf(record), " has neither a positive time nor a failure"));
  }
  if (!record.kernel_digest.empty() && !IsDigest(record.kernel_digest)) {
    return absl::InvalidArgumentError(absl::StrCat(
        NameOf(record), " names its kernel by something else than a digest: ", record.kernel_digest));
  }
  return absl::OkStatus();
}

// The id of the row of `table` that holds `value`, made when absent.
template <typename Value>
absl::StatusOr<int64_t> InternedId(Connection& connection, const std::string& table, const Value& value) {
  {
    TUNEFARM_ASSIGN_OR_RETURN(
        Statement find, connection.Query(absl::StrCat("SELECT id FROM ", table, " WHERE value = ?"), value));
    TUNEFARM_ASSIGN_OR_RETURN(const bool found, find.Step());
    if (found) return find.Int(0);
  }
  TUNEFARM_RETURN_IF_ERROR(connection.Run(absl::StrCat("INSERT INTO ", table, " (value) VALUES (?)"), value));
  return connection.last_insert_id();
}

}  // namespace

const char kSelectRecord[] =
    "SELECT r.id, j.name, r.task_index, r.trial, w.text, t.target_name, g.value, r.config, v.value, c.value, "
    "r.kernel_digest, d.value, t.device_class, t.estimated, r.input_seed, r.search_seed, t.threads, r.flop, "
    "p.value, "
    "r.cutoff_us, r.measurement, m.value, r.created_unix_us, f.measurement "
    "FROM record r JOIN job j ON j.id = r.job JOIN task t ON t.id = r.task JOIN workload w ON w.id = "
    "t.workload "
    "JOIN text g ON g.id = r.target JOIN text v ON v.id = r.template_version JOIN text c ON c.id = "
    "r.toolchain "
    "JOIN text d ON d.id = r.device JOIN bytes p ON p.id = r.policy JOIN bytes m ON m.id = r.machine "
    "LEFT JOIN confirmation f ON f.record = r.id ";

absl::StatusOr<Record> ReadRecord(const Statement& row) {
  Record record;
  record.id = row.Int(0);
  record.job_id = row.Text(1);
  record.task_index = static_cast<int32_t>(row.Int(2));
  record.trial = static_cast<int32_t>(row.Int(3));
  record.workload = row.Text(4);
  record.target_name = row.Text(5);
  record.target_json = row.Text(6);
  record.config = row.Text(7);
  record.template_version = row.Text(8);
  record.toolchain = row.Text(9);
  record.kernel_digest = absl::BytesToHexString(row.Text(10));
  record.device_id = row.Text(11);
  record.device_class = row.Text(12);
  record.estimated = row.Int(13) != 0;
  record.input_seed = static_cast<uint64_t>(row.Int(14));
  record.search_seed = static_cast<uint64_t>(row.Int(15));
  record.threads = static_cast<int32_t>(row.Int(16));
  record.flop = row.Real(17);
  v1::Environment machine;
  bool whole = record.policy.ParseFromString(row.Text(18)) &&
               record.measurement.ParseFromString(row.Text(20)) && machine.ParseFromString(row.Text(21));
  if (!row.IsNull(19)) record.policy.set_cutoff_us(row.Real(19));
  if (machine.ByteSizeLong() > 0) record.measurement.mutable_environment()->MergeFrom(machine);
  record.created_unix_us = row.Int(22);
  if (!row.IsNull(23)) {
    record.confirmed = true;
    whole = whole && record.confirmation.emplace().ParseFromString(row.Text(23));
  }
  if (!whole) {
    return WithExitCode(absl::DataLossError(absl::StrCat("the stored measurement of record ", record.id,
                                                         " cannot be read; the database is damaged")),
                        ExitCode::kDatabaseCorrupt);
  }
  return record;
}

absl::StatusOr<std::vector<Record>> ReadRecords(Statement& rows) {
  std::vector<Record> records;
  for (;;) {
    TUNEFARM_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return records;
    TUNEFARM_ASSIGN_OR_RETURN(Record record, ReadRecord(rows));
    records.push_back(std::move(record));
  }
}

// FNV-1a (Fowler, Noll, Vo): stored, so it must be the same everywhere and for ever.
int64_t ConfigHash(absl::string_view config) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : config) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return static_cast<int64_t>(hash);
}

absl::StatusOr<int64_t> Database::Impl::TextId(const std::string& value) {
  if (const auto known = texts.find(value); known != texts.end()) return known->second;
  TUNEFARM_ASSIGN_OR_RETURN(const int64_t id, InternedId(*connection, "text", value));
  texts[value] = id;
  return id;
}

absl::StatusOr<int64_t> Database::Impl::BytesId(const std::string& value) {
  if (const auto known = bytes.find(value); known != bytes.end()) return known->second;
  TUNEFARM_ASSIGN_OR_RETURN(const int64_t id, InternedId(*connection, "bytes", Bytes{value}));
  bytes[value] = id;
  return id;
}

absl::StatusOr<int64_t> Database::Impl::TaskId(const Record& record) {
  const std::string key = absl::StrCat(record.workload, "\n", record.target_name, "\n", record.device_class,
                                       "\n", record.threads, "\n", record.estimated ? 1 : 0);
  if (const auto known = tasks.find(key); known != tasks.end()) return known->second;
  TUNEFARM_RETURN_IF_ERROR(
      connection->Run("INSERT INTO workload (text) VALUES (?) ON CONFLICT DO NOTHING", record.workload));
  TUNEFARM_RETURN_IF_ERROR(connection->Run(
      "INSERT INTO task (workload, target_name, device_class, threads, estimated) "
      "SELECT id, ?, ?, ?, ? FROM workload WHERE text = ? ON CONFLICT DO NOTHING",
      record.target_name, record.device_class, record.threads, record.estimated, record.workload));
  TUNEFARM_ASSIGN_OR_RETURN(
      Statement find,
      connection->Query("SELECT t.id FROM workload w JOIN task t ON t.workload = w.id WHERE w.text = ? AND "
                        "t.target_name = ? AND t.device_class = ? AND t.threads = ? AND t.estimated = ?",
                        record.workload, record.target_name, record.device_class, record.threads,
                        record.estimated));
  TUNEFARM_RETURN_IF_ERROR(find.Step().status());
  return tasks[key] = find.Int(0);
}

absl::StatusOr<int64_t> Database::Impl::Insert(const Record& record) {
  TUNEFARM_ASSIGN_OR_RETURN(const int64_t job, JobRow(record.job_id));
  {
    TUNEFARM_ASSIGN_OR_RETURN(
        Statement known,
        connection->Query("SELECT id FROM record WHERE job = ? AND task_index = ? AND trial = ?", job,
                          record.task_index, record.trial));
    TUNEFARM_ASSIGN_OR_RETURN(const bool found, known.Step());
    if (found) return known.Int(0);
  }
  TUNEFARM_RETURN_IF_ERROR(Check(record));

  v1::Measurement measurement = record.measurement;
  const v1::Environment machine =
      measurement.has_environment() ? TakeMachine(*measurement.mutable_environment()) : v1::Environment();
  v1::MeasurementPolicy policy = record.policy;
  policy.clear_cutoff_us();  // Follows the best so far, so it would make each policy a new one.
  TUNEFARM_ASSIGN_OR_RETURN(const int64_t task, TaskId(record));
  TUNEFARM_ASSIGN_OR_RETURN(const int64_t target, TextId(record.target_json));
  TUNEFARM_ASSIGN_OR_RETURN(const int64_t version, TextId(record.template_version));
  TUNEFARM_ASSIGN_OR_RETURN(const int64_t toolchain, TextId(record.toolchain));
  TUNEFARM_ASSIGN_OR_RETURN(const int64_t device, TextId(record.device_id));
  TUNEFARM_ASSIGN_OR_RETURN(const int64_t policy_id, BytesId(policy.SerializeAsString()));
  TUNEFARM_ASSIGN_OR_RETURN(const int64_t machine_id, BytesId(machine.SerializeAsString()));

  const bool censored = record.ok() && record.measurement.kernels(0).censored();
  const bool timed = record.ok() && !censored;
  const std::optional<double> median = timed ? std::make_optional(record.median_us()) : std::nullopt;
  const std::string failure_text = FailureText(record.measurement.failure().kind());
  const std::optional<std::string> failure =
      failure_text.empty() ? std::nullopt : std::make_optional(failure_text);
  const double cutoff_us = record.policy.cutoff_us();
  const std::optional<double> cutoff = cutoff_us != 0 ? std::make_optional(cutoff_us) : std::nullopt;
  const std::string digest = absl::HexStringToBytes(record.kernel_digest);
  const std::string stored = measurement.SerializeAsString();
  TUNEFARM_RETURN_IF_ERROR(connection->Run(
      "INSERT INTO record (job, task_index, trial, task, config_hash, median_us, failure, censored, flop, "
      "target, "
      "template_version, toolchain, device, policy, cutoff_us, machine, input_seed, search_seed, "
      "created_unix_us, "
      "kernel_digest, config, measurement) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
      job, record.task_index, record.trial, task, ConfigHash(record.config), median, failure, censored,
      record.flop, target, version, toolchain, device, policy_id, cutoff, machine_id, record.input_seed,
      record.search_seed, record.created_unix_us, Bytes{digest}, record.config, Bytes{stored}));
  const int64_t id = connection->last_insert_id();
  TUNEFARM_RETURN_IF_ERROR(connection->Run("UPDATE task SET records = records + 1 WHERE id = ?", task));
  TUNEFARM_RETURN_IF_ERROR(
      connection->Run("DELETE FROM proposal WHERE job = ? AND task_index = ? AND trial = ?", job,
                      record.task_index, record.trial));
  if (timed) {
    TUNEFARM_RETURN_IF_ERROR(
        connection->Run("INSERT INTO best (task, record, median_us, confirmed) VALUES (?, ?, ?, 0) ON "
                        "CONFLICT (task) DO UPDATE "
                        "SET record = excluded.record, median_us = excluded.median_us "
                        "WHERE NOT confirmed AND excluded.median_us < best.median_us",
                        task, id, *median));
  }
  return id;
}

absl::StatusOr<Record> Database::Impl::Find(int64_t id) {
  TUNEFARM_ASSIGN_OR_RETURN(Statement find,
                            connection->Query(absl::StrCat(kSelectRecord, "WHERE r.id = ?"), id));
  TUNEFARM_ASSIGN_OR_RETURN(const bool found, find.Step());
  if (!found) {
    return WithExitCode(
        absl::NotFoundError(absl::StrCat("there is no record ", id, "; `tunefarm query history` lists them")),
        ExitCode::kNotFound);
  }
  return ReadRecord(find);
}

absl::StatusOr<int64_t> Database::InsertRecord(const Record& record) {
  TUNEFARM_ASSIGN_OR_RETURN(const std::vector<int64_t> ids, InsertRecords({record}));
  return ids.front();
}

absl::StatusOr<std::vector<int64_t>> Database::InsertRecords(const std::vector<Record>& records) {
  absl::MutexLock lock(&impl_->mu);
  std::vector<int64_t> ids;
  absl::Status status = impl_->Write([&]() -> absl::Status {
    for (const Record& record : records) {
      TUNEFARM_ASSIGN_OR_RETURN(const int64_t id, impl_->Insert(record));
      ids.push_back(id);
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return ids;
}

absl::Status Database::MarkConfirmed(int64_t record_id, const v1::Measurement& confirmation) {
  absl::MutexLock lock(&impl_->mu);
  if (confirmation.failure().kind() != v1::FAILURE_KIND_UNSPECIFIED || confirmation.kernels_size() == 0 ||
      !(confirmation.kernels(0).median_us() > 0) || confirmation.kernels(0).censored()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "record ", record_id, " cannot be confirmed by a measurement without a time of its own"));
  }
  return impl_->Write([&]() -> absl::Status {
    int64_t task = 0;
    {
      TUNEFARM_ASSIGN_OR_RETURN(
          Statement find,
          impl_->connection->Query("SELECT task, median_us FROM record WHERE id = ?", record_id));
      TUNEFARM_ASSIGN_OR_RETURN(const bool found, find.Step());
      if (!found) return absl::NotFoundError(absl::StrCat("there is no record ", record_id, " to confirm"));
      if (find.IsNull(1)) {
        return absl::FailedPreconditionError(absl::StrCat("record ", record_id, " has no time to confirm"));
      }
      task = find.Int(0);
    }
    const std::string bytes = confirmation.SerializeAsString();
    TUNEFARM_RETURN_IF_ERROR(impl_->connection->Run(
        "INSERT INTO confirmation (record, task, median_us, measurement) VALUES (?, ?, ?, ?) ON CONFLICT "
        "(record) "
        "DO UPDATE SET median_us = excluded.median_us, measurement = excluded.measurement",
        record_id, task, confirmation.kernels(0).median_us(), Bytes{bytes}));
    // Of the templates' version that was confirmed last: this program cannot build another's kernels.
    return impl_->connection->Run(
        "UPDATE best SET (record, median_us, confirmed) = "
        "(SELECT c.record, c.median_us, 1 FROM confirmation c JOIN record r ON r.id = c.record "
        "WHERE c.task = ?1 AND r.template_version = (SELECT template_version FROM record WHERE id = ?2) "
        "ORDER BY c.median_us, c.record DESC LIMIT 1) WHERE task = ?1",
        task, record_id);
  });
}

absl::StatusOr<std::vector<Record>> Database::JobRecords(const std::string& job_id, int32_t task_index) {
  absl::MutexLock lock(&impl_->mu);
  TUNEFARM_ASSIGN_OR_RETURN(const int64_t job, impl_->JobRow(job_id));
  TUNEFARM_ASSIGN_OR_RETURN(
      Statement rows,
      impl_->connection->Query(
          absl::StrCat(kSelectRecord, "WHERE r.job = ? AND r.task_index = ? ORDER BY r.trial"), job,
          task_index));
  return ReadRecords(rows);
}

absl::StatusOr<Record> Database::FindRecord(int64_t id) {
  absl::MutexLock lock(&impl_->mu);
  return impl_->Find(id);
}

}  // namespace tunefarm::db
