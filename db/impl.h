// What Database is made of; shared by the files that implement its calls.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "db/connection.h"
#include "db/database.h"
#include "db/neighbours.h"
#include "db/writer_lock.h"

namespace tunefarm::db {

struct Database::Impl {
  Impl(std::optional<WriterLock> l, std::unique_ptr<Connection> c)
      : lock(std::move(l)), connection(std::move(c)) {}

  absl::Mutex mu;
  std::optional<WriterLock> lock;  // Absent when reading only. Released after the connection is closed.
  std::unique_ptr<Connection> connection ABSL_GUARDED_BY(mu);
  NeighbourIndex neighbours ABSL_GUARDED_BY(mu);
  int64_t neighbours_until ABSL_GUARDED_BY(mu) = 0;  // Rows of `best` up to this id are in `neighbours`.
  // Ids of text and bytes rows that are committed or belong to the transaction that is running.
  absl::flat_hash_map<std::string, int64_t> texts ABSL_GUARDED_BY(mu), bytes ABSL_GUARDED_BY(mu);
  absl::flat_hash_map<std::string, int64_t> tasks ABSL_GUARDED_BY(mu);

  // The job's row id; kNotFound says how to list the jobs.
  absl::StatusOr<int64_t> JobRow(const std::string& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  // Transact that also forgets the ids of rows that were undone.
  absl::Status Write(const std::function<absl::Status()>& body) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);

  // records.cc
  absl::StatusOr<int64_t> TextId(const std::string& value) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  absl::StatusOr<int64_t> BytesId(const std::string& value) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  absl::StatusOr<int64_t> TaskId(const Record& record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  absl::StatusOr<int64_t> Insert(const Record& record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  absl::StatusOr<Record> Find(int64_t id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);

  // lookup.cc
  absl::Status LoadNeighbours() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  absl::StatusOr<std::optional<int64_t>> MeasuredTask(const LookupKey& key, std::string* device_class)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  absl::StatusOr<Lookup> FindNear(const LookupKey& key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
};

// The columns that ReadRecord takes, with FROM and the joins; add WHERE, ORDER BY and LIMIT. `r` is the
// record.
extern const char kSelectRecord[];
absl::StatusOr<Record> ReadRecord(const Statement& row);
// All rows of a statement.
absl::StatusOr<std::vector<Record>> ReadRecords(Statement& rows);

// Identifies a config's text within a task. Two configs of one task that collide (2^-64) would share one row
// of Top.
int64_t ConfigHash(absl::string_view config);

}  // namespace tunefarm::db
